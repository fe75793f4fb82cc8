"""Accepting: caps before TLS, running out of descriptors, and socket options."""

import asyncio
import errno
import socket
import ssl
from contextlib import suppress
from typing import Any

import pytest

from parlour_protocol.kit.token_buckets import rate_limit_key
from parlour_server.core.addresses import listen_address, plain_address
from parlour_server.core.audit import AuditEvent
from parlour_server.core.errors import SetupError
from parlour_server.core.net.connection_slots import ConnectionSlots
from parlour_server.core.net.listener import bind
from parlour_server.core.quotas import Quotas

PROXY_HEADER = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes((203, 0, 113, 7, 192, 0, 2, 1)) + bytes(4)
"""Of version 2, for 203.0.113.7."""


def test_nagle_is_off(every_loop: Any, bench: Any) -> None:
    """The accepted socket has TCP_NODELAY, on every loop: with Nagle each answer takes 40 ms."""

    async def scenario() -> None:
        async with bench() as b:
            await b.chatting()
            sock = b.chat.peers[0]._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    every_loop(scenario)


async def test_the_listening_socket_is_marked_as_tcp(bench: Any) -> None:
    """IPPROTO_TCP is set: without it asyncio itself would leave Nagle on."""
    async with bench() as b:
        assert [sock.proto for sock in b.server._listener._sockets] == [socket.IPPROTO_TCP]


def test_data_in_the_same_segment_as_the_tls_finished(every_loop: Any, bench: Any) -> None:
    """A client that sends its request together with the end of its TLS handshake is answered."""

    async def scenario() -> None:
        async with bench() as b:
            wire = await b.plain()
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = b.pair.trusting_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
            with suppress(ssl.SSLWantReadError):
                tls.do_handshake()
            wire.send(outgoing.read())
            while True:
                incoming.write(await wire.reader.read(65_536))
                with suppress(ssl.SSLWantReadError):
                    tls.do_handshake()
                    break
            tls.write(b.request(authorization=f"Bearer {await b.ticket()}"))
            wire.send(outgoing.read())
            answer = b""
            async with asyncio.timeout(60):
                while b"hello" not in answer:
                    incoming.write(await wire.reader.read(65_536))
                    with suppress(ssl.SSLWantReadError):
                        while True:
                            answer += tls.read(65_536)
            assert answer.startswith(b"HTTP/1.1 101 ")

    every_loop(scenario)


async def test_one_address_cannot_take_every_socket(bench: Any) -> None:
    """H6: silent sockets count before TLS; those over the cap are closed at once, and slots come back."""
    async with bench(per_address=3) as b:
        silent = [await b.plain() for _ in range(3)]
        over = await b.plain()
        assert await over.rest() == b""
        assert b.server.sockets == 3
        assert b.audit.of(AuditEvent.LIMIT_HIT) == [{"limit": "connections", "address": "127.0.0.1"}]
        await silent[0].close()
        await b.until(lambda: b.server.sockets == 2)
        await b.chatting()


async def test_the_total_cap(bench: Any) -> None:
    """H6: over the total cap a newcomer is closed at once; those who are in stay."""
    async with bench(total=2) as b:
        first = await b.chatting()
        await b.chatting()
        over = await b.plain()
        assert await over.rest() == b""
        first.send_frame(1, b"still here")
        assert await first.frame() == (1, b"still here")


async def test_a_socket_has_one_slot_from_accept_to_close(bench: Any) -> None:
    """H6: the slot goes from TLS to HTTP to WebSocket, and is given back once whichever way it ends."""
    async with bench() as b:
        for _ in range(3):
            wire = await b.chatting()
            assert b.server.sockets == 1
            await wire.close()
            await b.until(lambda: b.server.sockets == 0)
        wire = await b.wire()
        await wire.ask(b.request(host="evil"))
        await wire.close()
        await b.until(lambda: b.server.sockets == 0)


class OutOfDescriptors:
    """A listening socket whose next ``accept`` calls fail as the kernel lets them fail."""

    def __init__(self, real: socket.socket, errors: list[int]) -> None:
        """Fail with these errors first."""
        self._real = real
        self._errors = errors

    def accept(self) -> tuple[socket.socket, Any]:
        """Fail, or accept."""
        if self._errors:
            raise OSError(self._errors.pop(0), "no more")
        return self._real.accept()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_running_out_of_file_descriptors(bench: Any, monkeypatch: Any, error: int) -> None:
    """H6: accepting pauses with one line of log, then goes on; it neither stops nor spins."""
    monkeypatch.setattr("parlour_server.core.net.listener._PAUSE_SECONDS", 0.05)
    async with bench() as b:
        open_before = await b.chatting()
        listener = b.server._listener
        [real] = listener._sockets
        errors = [error, error]
        failing = OutOfDescriptors(real, errors)
        loop = asyncio.get_running_loop()
        loop.remove_reader(real)
        listener._sockets[:] = [failing]
        loop.add_reader(real, listener._accept_some, failing)
        wire = await b.wire()
        assert not errors
        assert (await wire.ask(b.request("GET /a HTTP/1.1", upgrade=None))).status == 200
        lines = b.audit.of(AuditEvent.LIMIT_HIT)
        assert [line["limit"] for line in lines] == ["file_descriptors"] * 2
        open_before.send_frame(1, b"still here")
        assert await open_before.frame() == (1, b"still here")


async def test_a_connection_that_is_lost_before_it_is_accepted(bench: Any) -> None:
    """An error of one connection (accept(2)) does not pause the others."""
    async with bench() as b:
        listener = b.server._listener
        [real] = listener._sockets
        listener._accept_some(OutOfDescriptors(real, [errno.ECONNABORTED]))
        listener._accept_some(OutOfDescriptors(real, [errno.EPROTO]))
        assert not listener._pauses
        await b.wire()


def test_stopping_while_handshakes_are_under_way(
    every_loop: Any, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R5: sockets that are in the middle of TLS are gone with the rest, at once."""
    monkeypatch.setattr("parlour_server.core.net.net_server.STOP_SECONDS", 3600)

    async def scenario() -> None:
        async with bench(tls_seconds=3600) as b:
            wires = [await b.plain() for _ in range(5)]
            await b.until(lambda: b.server.sockets == 5)
            async with asyncio.timeout(60):
                await b.server.stop()
            for wire in wires:
                assert await wire.rest() == b""
            assert b.server.sockets == 0

    every_loop(scenario)


async def test_an_address_that_is_taken(bench: Any) -> None:
    """The error names the address that the server cannot listen on."""
    async with bench() as b:
        with pytest.raises(SetupError, match=f"cannot listen on 127.0.0.1:{b.port}"):
            await bind(f"127.0.0.1:{b.port}")
        with pytest.raises(SetupError, match=r"cannot listen on \[2001:db8::1\]:8443: "):
            await bind("[2001:db8::1]:8443")  # which no machine has


def test_slots_count_and_forget() -> None:
    """A refused or returned slot leaves nothing behind, and returning twice returns once."""
    slots = ConnectionSlots(Quotas(), total=2, per_address=1)
    first = slots.take("192.0.2.1")
    assert first is not None
    assert slots.take("192.0.2.1") is None
    assert slots.take("192.0.2.2") is not None
    assert slots.take("192.0.2.3") is None
    first.release()
    first.release()
    assert len(slots) == 1
    assert list(slots._by_origin) == ["192.0.2.2"]


def test_an_ipv6_customer_counts_as_one() -> None:
    """H6: all addresses of one /64 share a cap; IPv4 in IPv6 counts as IPv4."""
    assert rate_limit_key("2001:db8::1") == rate_limit_key("2001:db8::ffff:1") == "2001:db8::/64"
    assert rate_limit_key("2001:db8:0:1::1") != rate_limit_key("2001:db8::1")
    assert plain_address("::ffff:192.0.2.1") == "192.0.2.1"
    assert plain_address("fe80::1%eth0") == "fe80::1"


def test_listen_addresses() -> None:
    """`host:port` and `[v6]:port` are read; anything else says what is wrong."""
    assert listen_address("127.0.0.1:8443") == ("127.0.0.1", 8443)
    assert listen_address("[::1]:0") == ("::1", 0)
    for wrong in ("8443", ":8443", "host:", "host:x", "host:65536", "::1:8443", "host:²", "[]:1"):
        with pytest.raises(SetupError):
            listen_address(wrong)


def test_a_socket_that_closes_without_a_byte_is_not_an_error(
    every_loop: Any, bench: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """R6: whatever the loop and its TLS make of it, nothing but the bounded line of refusals is written."""

    async def scenario() -> None:
        async with bench() as b:
            for _ in range(10):
                wire = await b.plain()
                await wire.close()
            await b.until(lambda: len(b.audit.of(AuditEvent.HANDSHAKE_REFUSED)) == 10)
            await b.until(lambda: b.server.sockets == 0)

    every_loop(scenario)
    assert not caplog.records


async def test_everyone_connects_for_themselves(bench: Any) -> None:
    """L6: without load balancers that are known, whatever someone sends before TLS is a broken hello."""
    async with bench() as b:
        wire = await b.plain()
        wire.send(PROXY_HEADER)
        assert b"hello" not in await wire.rest()
        [line] = b.audit.of(AuditEvent.HANDSHAKE_REFUSED)
        assert (line["reason"], line["address"]) == ("tls", "127.0.0.1")
