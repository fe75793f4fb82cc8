"""Requests to servers elsewhere: where names may not lead."""

import asyncio
import ssl
from typing import Any

import pytest

from parlour_server.core.addresses import Networks
from parlour_server.core.outgoing import AddressRefusedError, Url, exchange

NOWHERE = Networks("", ())
PUBLIC = "93.184.215.14"
ANOTHER = "93.184.215.15"


@pytest.mark.parametrize(
    "text",
    [
        "ftp://a.example",
        "https://",
        "https://a.example:0/",
        "https://a.example:65536/",
        "https://user@a.example/",
        "https://good.example@evil.example/",
        "https://good.example\\@evil.example/",
        "https://a.example/#b",
        "https://A.example/",
        "https://a.example/ b",
        "https://a.example/\r\nHost: b",
        "https://[::1%25eth0]/",
        "//a.example/",
    ],
)
def test_a_url_that_parsers_could_read_in_two_ways_is_refused(text: str) -> None:
    """So the server that the operator named is the one that gets the request."""
    with pytest.raises(ValueError, match="https"):
        Url.parse(text)


def test_an_origin_has_one_form() -> None:
    """The scheme's own port is left out, another is there, and an IPv6 address has its brackets."""
    assert Url.parse("https://a.example:443/x?y=z").origin == "https://a.example"
    assert Url.parse("http://[::1]:8080").origin == "http://[::1]:8080"
    assert Url.parse("https://a.example").target == "/"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0.0.0.0",  # noqa: S104 - an attack
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fec0::1]",
        "[fd00::1]",
        "[ff02::1]",
    ],
)
async def test_no_address_but_a_public_one_is_asked(host: str) -> None:
    """Also in other spellings, and as an address inside another one."""
    with pytest.raises(AddressRefusedError):
        await _ask(host, NOWHERE)


async def test_a_name_is_resolved_once_and_all_its_addresses_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is public first and private then gets nothing; nor does one that is both."""
    asked = list[str]()
    answers = [[PUBLIC, "127.0.0.1"], [PUBLIC], ["127.0.0.1"]]

    async def resolve(host: str, *_: object, **__: object) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", (address, 443)) for address in answers.pop(0)]

    connected = list[str]()

    async def connect(address: str, *_: object, **how: object) -> Any:
        connected.append(f"{address} as {how['server_hostname']}")
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    monkeypatch.setattr(asyncio, "open_connection", connect)
    with pytest.raises(AddressRefusedError):
        await _ask("both.example", NOWHERE)
    with pytest.raises(ConnectionRefusedError):
        await _ask("turns.example", NOWHERE)
    assert connected == [f"{PUBLIC} as turns.example"]
    assert asked == ["both.example", "turns.example"]


async def test_the_next_address_is_tried_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the first does not answer; the name is for TLS only, and not resolved again."""

    async def resolve(*_: object, **__: object) -> list[Any]:
        return [(0, 0, 0, "", (address, 443)) for address in (PUBLIC, ANOTHER)]

    connected = list[str]()

    async def connect(address: str, *_: object, **how: object) -> Any:
        connected.append(f"{address} as {how['server_hostname']}")
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    monkeypatch.setattr(asyncio, "open_connection", connect)
    with pytest.raises(ConnectionRefusedError):
        await _ask("two.example", NOWHERE)
    assert connected == [f"{PUBLIC} as two.example", f"{ANOTHER} as two.example"]


async def test_an_address_that_the_operator_named_is_asked() -> None:
    """The body of the answer is read only where it may be, and no further."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        known = Networks("", ("127.0.0.0/8",))
        assert await _ask(f"127.0.0.1:{port}", known) == (200, b"")
        assert await _ask(f"127.0.0.1:{port}", known, most=5) == (200, b"hello")
        with pytest.raises(ValueError, match="too long"):
            await _ask(f"127.0.0.1:{port}", known, most=4)


@pytest.mark.parametrize("sent", [b"", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 100 \r\n\r\n" * 10_000])
async def test_what_is_no_answer_is_refused(sent: bytes) -> None:
    """Nothing, another protocol, and heads without an end."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises((ValueError, OSError)):
            await _ask(f"127.0.0.1:{port}", Networks("", ("127.0.0.1",)))


async def _ask(host: str, private: Networks, most: int = 0) -> tuple[int, bytes]:
    url = Url.parse(f"{'http' if private is not NOWHERE else 'https'}://{host}/x")
    context = ssl.create_default_context()
    async with asyncio.timeout(20):
        return await exchange("GET", url, {}, b"", context=context, private=private, answer_bytes=most)
