"""More attacks on an ``AttackTarget``: a room in which everyone gets what anyone says.

    from parlour_server.testing.room_attacks import *

It ends a connection at its first fault, and its description says how to say something (``say``).
"""

import json
import time
import unicodedata
from typing import Any, Final

import pytest

from parlour_server.testing import target as targets
from parlour_server.testing import wire_attacks
from parlour_server.testing.target import AttackTarget, RawSocket

_MESSAGES: Final = 1_000
_ROUNDS: Final = 3
_TRIES: Final = 3
_BODY: Final = 1_000_000
_LINE: Final = "x" * 4_000
_UNREAD: Final = 1_500
_BATCH: Final = 10
_END: Final = "the end"
_UNKNOWN: Final = "katharina"
_HOSTILE: Final = (
    "\x1b[2J\x1b]0;owned\x07",
    "safe\u202etxt.exe",
    "\u200bada\u2066",
    "one\r\x9btwo",
    "<b>\x08</b>",
)


# on the way in


@pytest.mark.asyncio
async def test_user_enumeration(target: AttackTarget) -> None:
    """P4: an unknown name and a wrong password get the same answer, in about the same time."""
    answers: list[tuple[int, bytes]] = []
    seconds: dict[str, float] = {}
    for _ in range(_ROUNDS):  # other work of the machine does not make a name faster three times
        seconds = {target.username: float("inf"), _UNKNOWN: float("inf")}
        for username in list(seconds) * _TRIES:
            begin = time.perf_counter()
            answers.append(await target.try_to_log_in(username, "not the password"))
            seconds[username] = min(seconds[username], time.perf_counter() - begin)
        if seconds[_UNKNOWN] > seconds[target.username] / 2:
            break
    else:
        pytest.fail(f"a name that nobody has is refused faster: {seconds}")
    assert answers == [answers[0]] * len(answers)
    assert answers[0][0] == target.description.wrong_password


@pytest.mark.asyncio
async def test_login_by_another_page(target: AttackTarget) -> None:
    """K8: a page of another site, or one that rebinds its name, can't log anyone in."""
    for header, value, status in (
        ("Origin", wire_attacks.EVIL, target.description.wrong_origin),
        ("Host", "evil.example", target.description.wrong_host),
    ):
        found, _ = await target.try_to_log_in(target.username, target.password, {header: value})
        assert found == status


@pytest.mark.asyncio
async def test_body_of_a_login(target: AttackTarget) -> None:
    """K9, M1: one that is too large or of another shape is refused before a password is looked at."""
    status, _ = await target.try_to_log_in(target.username, "x" * _BODY)
    assert status == target.description.body_too_large
    right = {"username": target.username, "password": target.password}
    for body in ({**right, "admin": True}, {"username": target.username}, [right], {**right, "password": 1}):
        status, _ = await target.call("POST", target.description.login, body)
        assert status == target.description.malformed_body


@pytest.mark.asyncio
async def test_stranger_who_waits(target: AttackTarget) -> None:
    """H5: a connection that presents no ticket ends."""
    socket = await target.open()
    assert await socket.close_code() == target.description.no_ticket


# frames


@pytest.mark.asyncio
async def test_frames_of_another_shape(target: AttackTarget) -> None:
    """M1: each ends the connection, and nobody gets it."""
    good = target.description.say("hello")
    head, _, rest = good.partition(b",")
    attacks = [
        b"",
        b"nonsense",
        b"null",
        b"[]",
        b"{}",
        b"[" * 10_000,
        good[:-1] + b',"surprise":1}',
        good[:-1] + b"," + good[1:],
        good + good,
        good[:-1],
        b"{" + rest,
        head.replace(b"say", b"no") + b"," + rest,
        good.replace(b'"hello"', b"1"),
        good.replace(b"hello", b"\\ud800"),
        good.replace(b"hello", b"\\u0000"),
        good.replace(b"hello", b"x" * (target.description.frame_bytes - 1_000)),
    ]
    other = await target.connect(ticket=await target.ticket())
    session = await target.session()
    for attack in attacks:
        socket = await target.connect(ticket=await target.ticket(session))
        socket.send_bytes(attack)
        assert await socket.close_code() == target.description.malformed, attack[:80]
    other.send_bytes(good)
    assert b"hello" in await other.text()


@pytest.mark.asyncio
async def test_second_ticket(target: AttackTarget) -> None:
    """A ticket is the first frame, and no later one."""
    if target.description.first_frame is None:
        pytest.skip("this server gets its tickets in the handshake")
    socket = await target.connect(ticket=await target.ticket())
    socket.send_bytes(target.description.first_frame(await target.ticket()))
    assert await socket.close_code() == target.description.malformed


@pytest.mark.asyncio
@pytest.mark.parametrize("text", _HOSTILE)
async def test_text_that_controls_a_screen(target: AttackTarget, text: str) -> None:
    """X: others get what can be seen: no control character, and nothing that turns a line around."""
    socket = await target.connect(ticket=await target.ticket())
    socket.send_bytes(target.description.say(text))
    shown = _texts(json.loads(await socket.text()))
    assert not {unicodedata.category(letter) for letter in shown} & {"Cc", "Cf"}, shown


@pytest.mark.asyncio
async def test_flood(target: AttackTarget) -> None:
    """R1: someone who says too much is cut off, and another connection doesn't let them say more."""
    session = await target.session()
    for allowed in (_MESSAGES, 1):
        socket = await target.connect(ticket=await target.ticket(session))
        for _ in range(allowed):
            socket.send_bytes(target.description.say("me"))
        assert await socket.close_code() == target.description.too_fast


# who doesn't read


@pytest.mark.asyncio
async def test_slow_reader(target: AttackTarget) -> None:
    """R2: someone who does not read is cut off, so that the server's memory stays bounded."""
    if target.forward is None:
        pytest.skip("this server's clock is not the test's")
    slow = await target.connect(ticket=await target.ticket(), receive_buffer=4_096)
    slow.stop_reading()
    socket = await target.connect(ticket=await target.ticket())
    for number in range(_UNREAD + 1):
        if number % _BATCH == 0:
            target.forward(60)  # they say no more than they may
        socket.send_bytes(target.description.say(_END if number == _UNREAD else _LINE))
        await socket.text()
    slow.read_again()
    assert not await _is_told(slow, _END.encode()), "all that was said was kept for someone who did not read"


@pytest.mark.asyncio
async def test_silent_peer(target: AttackTarget) -> None:
    """R3: someone who answers no pings is cut off: their machine may be gone."""
    socket = await target.connect(ticket=await target.ticket())
    socket.stop_answering()
    assert await socket.close_code() == target.description.silent
    assert await target.refused(ticket=await target.ticket()) == targets.OPENED


async def _is_told(socket: RawSocket, text: bytes) -> bool:
    try:
        while text not in await socket.text():
            pass
    except ConnectionError:
        return False
    return True


def _texts(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(map(_texts, value.values()))
    return value if isinstance(value, str) else ""
