"""L18: what is read into the one buffer, and what comes out of it."""

from hashlib import sha256
from typing import Any

import pytest

from parlour_server.core.net import http_connection
from parlour_server.core.net.gate import Head, Rules
from parlour_server.core.net.ticket_redaction import READ_BYTES, REDACTED, ReadBuffer

TICKET = b"0123456789abcdefghijABCDEFGHIJ-_0123456789x"
HEAD = b"GET /v1/chat HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nOrigin: x\r\n\r\n"


def read(buffer: ReadBuffer, data: bytes) -> tuple[bytes, bytes | None]:
    """Let a socket fill the buffer, and take it out."""
    buffer.view[: len(data)] = data
    return buffer.take_head(len(data))


@pytest.mark.parametrize(
    "spelling", [b"Authorization: Bearer", b"authorization:bearer ", b"AUTHORIZATION:  bEARER"]
)
def test_the_ticket_of_a_handshake_is_replaced_and_its_digest_given(spelling: bytes) -> None:
    """Nothing else of the head changes, however the header is spelt."""
    head = HEAD.replace(b"Authorization: Bearer", spelling)
    data, ticket = read(ReadBuffer(b"/v1/chat"), head % TICKET)
    assert data == head % REDACTED
    assert ticket == sha256(TICKET).digest()


@pytest.mark.parametrize("name", [b"Sec-WebSocket-Protocol", b"sec-websocket-protocol"])
def test_so_is_the_ticket_of_a_page(name: bytes) -> None:
    """It stands among the subprotocols."""
    head = HEAD.replace(b"Authorization: Bearer ", name + b": chat.v1, ticket.")
    data, ticket = read(ReadBuffer(b"/v1/chat"), head % TICKET)
    assert data == head % REDACTED
    assert ticket == sha256(TICKET).digest()


def test_the_buffer_is_wiped() -> None:
    """What one connection sent is not there when the next one is read."""
    buffer = ReadBuffer(b"/v1/chat")
    read(buffer, HEAD % TICKET)
    buffer.view[:5] = b"hello"
    assert buffer.take(5) == b"hello"
    assert bytes(buffer.view) == bytes(READ_BYTES)


@pytest.mark.parametrize(
    "data",
    [
        HEAD.replace(b"/v1/chat", b"/v1/tickets") % TICKET,
        HEAD.replace(b"GET", b"POST") % TICKET,
        (HEAD % TICKET)[:70],
        HEAD % TICKET[1:],
        b"GET /v1/chat HTTP/1.1\r\n\r\nAuthorization: Bearer\r\n",
        b"x" * READ_BYTES,
        b"",
    ],
    ids=["another path", "another method", "a part", "another length", "no header", "full", "empty"],
)
def test_an_incomplete_handshake_passes_unchanged(data: bytes) -> None:
    """The API's sessions are not tickets; and a head in pieces works, though nothing is replaced in it."""
    assert read(ReadBuffer(b"/v1/chat"), data) == (data, None)


async def test_the_parser_never_sees_the_ticket(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handshake is read through the buffer: the head that is judged holds dots and a digest."""
    heads: list[Head] = []
    judge = http_connection.judge

    def keep(head: Head, rules: Rules) -> Any:
        heads.append(head)
        return judge(head, rules)

    monkeypatch.setattr(http_connection, "judge", keep)
    async with bench() as b:
        ticket = await b.ticket()
        wire = await b.wire()
        assert (await wire.ask(b.request(authorization=f"Bearer {ticket}"))).status == 101
    [head] = heads
    assert head.values(b"authorization") == [b"Bearer " + REDACTED]
    assert head.ticket == sha256(ticket.encode()).digest()
