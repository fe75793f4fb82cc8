"""The attacks that need nothing but an ``AttackTarget``, as tests. They need pytest and pytest-asyncio.

They are played on any server in which people log in over HTTPS and open a WebSocket with a ticket: give a
fixture `target`, and

    from parlour_server.testing.wire_attacks import *

`attacks.py` plays them on every program of the kit, with more that only the kit answers; `room_attacks.py`
has more for a server that ends a connection at its first fault.
"""

import asyncio
import ssl
from typing import Final

import pytest
from websockets.frames import Opcode

from parlour_server.testing.target import OPENED, AttackTarget

EVIL: Final = "https://evil.example"
_PINGS: Final = 500
_GUESSES: Final = 100
_AT_ONCE: Final = 5

# on the way in


@pytest.mark.asyncio
async def test_old_tls(target: AttackTarget) -> None:
    """T1: a client that has only TLS 1.2 gets no connection."""
    target.context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection(
                target.address, target.port, ssl=target.context, server_hostname=target.name
            )
    finally:
        target.context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED


@pytest.mark.asyncio
async def test_password_guessing(target: AttackTarget) -> None:
    """P5: after some wrong passwords for an account, no more are tried, not even the right one."""
    for _ in range(_GUESSES):
        status, _ = await target.try_to_log_in(target.username, f"not-{target.password}")
        if status == target.description.too_many_logins:
            break
        assert status == target.description.wrong_password
    else:
        pytest.fail(f"{_GUESSES} wrong passwords were tried")
    status, _ = await target.try_to_log_in(target.username, target.password)
    assert status == target.description.too_many_logins


@pytest.mark.asyncio
async def test_no_session(target: AttackTarget) -> None:
    """K5: a ticket needs a session, which a ticket is none of."""
    for bearer in (None, await target.ticket(), "x" * 43):
        status, _ = await target.call("POST", target.description.tickets, bearer=bearer)
        assert status == target.description.no_session


@pytest.mark.asyncio
async def test_old_ticket(target: AttackTarget) -> None:
    """K2: a ticket that was not used at once opens nothing."""
    if target.forward is None:
        pytest.skip("this server's clock is not the test's")
    session = await target.session()
    fresh, old = await target.ticket(session), await target.ticket(session)
    assert await target.refused(ticket=fresh) == OPENED
    target.forward(target.description.ticket_seconds)
    assert await target.refused(ticket=old) == target.description.no_ticket


@pytest.mark.asyncio
async def test_no_ticket(target: AttackTarget) -> None:
    """H4: a socket needs a ticket; a session's token is none (K5)."""
    for ticket in (None, await target.session(), "x" * 43):
        assert await target.refused(ticket=ticket) == target.description.no_ticket


@pytest.mark.asyncio
async def test_used_ticket(target: AttackTarget) -> None:
    """K3: a ticket opens one socket."""
    ticket = await target.ticket()
    assert await target.refused(ticket=ticket) == OPENED
    assert await target.refused(ticket=ticket) == target.description.no_ticket


@pytest.mark.asyncio
async def test_ticket_raced_for(target: AttackTarget) -> None:
    """K3: of several connections at once with one ticket, one is opened."""
    ticket = await target.ticket()
    found = await asyncio.gather(*(target.refused(ticket=ticket) for _ in range(_AT_ONCE)))
    assert sorted(found) == sorted([OPENED] + [target.description.no_ticket] * (_AT_ONCE - 1))


@pytest.mark.asyncio
async def test_ticket_in_the_url(target: AttackTarget) -> None:
    """K1: it opens nothing, and is used up: it may be in a log."""
    ticket = await target.ticket()
    assert await target.refused(query=f"?ticket={ticket}") == target.description.ticket_in_url
    assert await target.refused(ticket=ticket) == target.description.no_ticket
    assert ticket not in target.logs()


@pytest.mark.asyncio
@pytest.mark.parametrize("origin", [EVIL, "null"])
async def test_wrong_origin(target: AttackTarget, origin: str) -> None:
    """H1: a page of another site opens no socket, and uses up no ticket."""
    ticket = await target.ticket()
    assert await target.refused(ticket=ticket, headers={"Origin": origin}) == target.description.wrong_origin
    assert await target.refused(ticket=ticket) == OPENED


@pytest.mark.asyncio
async def test_wrong_host(target: AttackTarget) -> None:
    """H3: DNS rebinding: a name that is not the server's opens no socket."""
    host = {"Host": f"evil.example:{target.port}"}
    assert await target.refused(ticket=await target.ticket(), headers=host) == target.description.wrong_host


# frames


@pytest.mark.asyncio
async def test_binary_frame(target: AttackTarget) -> None:
    """The connection ends: frames are text."""
    socket = await target.connect(ticket=await target.ticket())
    socket.send_frame(Opcode.BINARY, b"{}")
    assert await socket.close_code() == target.description.binary


@pytest.mark.asyncio
async def test_oversized_frame(target: AttackTarget) -> None:
    """F4: a frame above the limit is not read."""
    socket = await target.connect(ticket=await target.ticket())
    socket.send_bytes(b"x" * (target.description.frame_bytes + 1))
    assert await socket.close_code() == target.description.too_big


@pytest.mark.asyncio
async def test_text_that_is_not_utf_8(target: AttackTarget) -> None:
    """F3: it ends the connection."""
    socket = await target.connect(ticket=await target.ticket())
    socket.send_bytes(b'"\xff"')
    assert await socket.close_code() == target.description.not_utf_8


@pytest.mark.asyncio
async def test_unmasked_frame(target: AttackTarget) -> None:
    """F1: a client that does not mask is cut off."""
    socket = await target.connect(ticket=await target.ticket())
    socket.send_frame(Opcode.TEXT, b"{}", mask=False)
    assert await socket.close_code() == target.description.not_masked


@pytest.mark.asyncio
async def test_fragment_flood(target: AttackTarget) -> None:
    """F7: a message in endless pieces ends."""
    socket = await target.connect(ticket=await target.ticket())
    socket.send_frame(Opcode.TEXT, b"", fin=False)
    for _ in range(target.description.fragments):
        socket.send_frame(Opcode.CONT, b"", fin=False)
    assert await socket.close_code() == target.description.too_many_fragments


@pytest.mark.asyncio
async def test_ping_flood(target: AttackTarget) -> None:
    """F7: more pings than any client needs end the connection."""
    socket = await target.connect(ticket=await target.ticket())
    for _ in range(_PINGS):
        socket.send_frame(Opcode.PING)
    assert await socket.close_code() == target.description.too_many_pings


# what a socket may not outlive


@pytest.mark.asyncio
async def test_socket_outlives_a_log_out(target: AttackTarget) -> None:
    """S1: logging out ends all sockets of the session and its tickets, and no other session's."""
    session, other = await target.session(), await target.session()
    sockets = [await target.connect(ticket=await target.ticket(session)) for _ in range(2)]
    spare, kept = await target.ticket(session), await target.connect(ticket=await target.ticket(other))
    await target.log_out(session)
    assert [await socket.close_code() for socket in sockets] == [target.description.session_ended] * 2
    assert await target.refused(ticket=spare) == target.description.no_ticket
    kept.send_bytes(target.description.ask())
    await kept.text()
