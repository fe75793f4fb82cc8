"""L6 over sockets: balancers that are named are believed, and have to speak; everyone else is not."""

import asyncio
import ssl
from typing import Any

import pytest
from tests.server.capabilities.proxy_protocol.proxy_headers import LOCAL, SIGNATURE, header_for, tlv

from parlour_server.capabilities.proxy_protocol.balancers import Balancers
from parlour_server.core.audit import AuditEvent

NAMED = Balancers(("127.0.0.0/8",)).reader_for


def test_the_client_is_who_the_header_names(every_loop: Any, bench: Any) -> None:
    """On every loop: the ticket's audit line, the slot and the chat have the client's address."""

    async def scenario() -> None:
        async with bench(balancer=NAMED) as b:
            wire = await b.wire(before_tls=header_for("203.0.113.7", tlvs=tlv(5, b"id") + tlv(0xEE, b"")))
            answer = await wire.ask(b.request(authorization=f"Bearer {await b.ticket()}"))
            assert answer.status == 101
            assert await wire.frame() == (1, b"hello")
            assert b.chat.peers[0].info.address == "203.0.113.7"
            [redeemed] = b.audit.of(AuditEvent.TICKET_REDEEMED)
            assert redeemed["address"] == "203.0.113.7"
            assert b.server._slots._by_origin == {"203.0.113.7": 1}
            await wire.close()
            await b.until(lambda: b.server.sockets == 0)
            assert not b.server._slots._by_origin

    every_loop(scenario)


def test_a_header_that_trickles_and_one_together_with_tls(every_loop: Any, bench: Any) -> None:
    """A header may come in any pieces, and the first bytes of TLS in the same one."""

    async def scenario() -> None:
        async with bench(balancer=NAMED) as b:
            plain = await b.plain()
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = b.pair.trusting_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
            with pytest.raises(ssl.SSLWantReadError):
                tls.do_handshake()
            data = header_for("2001:db8::7") + outgoing.read()
            for start, end in ((0, 5), (5, 16), (16, 20)):
                plain.send(data[start:end])
                await plain.writer.drain()
                await asyncio.sleep(0)
            plain.send(data[20:])
            async with asyncio.timeout(60):
                incoming.write(await plain.reader.read(65_536))
            assert b.server._slots._by_origin == {"2001:db8::/64": 1}

    every_loop(scenario)


async def test_each_client_has_a_share_of_its_own(bench: Any) -> None:
    """H6 behind a balancer: one client's sockets reach its cap, and the next client still gets in."""
    async with bench(balancer=NAMED, per_address=2) as b:
        for _ in range(2):
            await b.wire(before_tls=header_for("203.0.113.7"))
        over = await b.plain()
        over.send(header_for("203.0.113.7"))
        assert await over.rest() == b""
        assert b.audit.of(AuditEvent.LIMIT_HIT)[0]["address"] == "203.0.113.7"
        await b.wire(before_tls=header_for("203.0.113.8"))
        assert b.server.sockets == 3


async def test_sockets_without_a_header_count_against_the_total(bench: Any) -> None:
    """H6: what a balancer leaves silent is bounded, too."""
    async with bench(balancer=NAMED, total=2) as b:
        for _ in range(2):
            await b.plain()
        over = await b.plain()
        assert await over.rest() == b""


@pytest.mark.parametrize(
    "first",
    [
        b"PROXY TCP4 192.0.2.9 192.0.2.1 40000 8443\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        SIGNATURE + b"\x21\x11\xff\xff",
        SIGNATURE + b"\x21\x00\x00\x00",
    ],
    ids=["version-1", "http", "too-long", "no-client"],
)
async def test_a_named_balancer_has_to_say_who_it_speaks_for(bench: Any, first: bytes) -> None:
    """Anything but a good header closes the socket, with one line, and takes no slot."""
    async with bench(balancer=NAMED) as b:
        wire = await b.plain()
        wire.send(first)
        assert await wire.rest() == b""
        [line] = b.audit.of(AuditEvent.HANDSHAKE_REFUSED)
        assert (line["reason"], line["address"]) == ("proxy_header", "127.0.0.1")
        assert b.server.sockets == 0


async def test_a_client_of_ours_without_a_header_is_refused_by_the_balancers_rule(bench: Any) -> None:
    """A TLS hello in place of the header opens nothing."""
    async with bench(balancer=NAMED) as b:
        with pytest.raises((OSError, EOFError)):
            await b.wire()


def test_a_silent_balancer_is_cut_off(every_loop: Any, bench: Any) -> None:
    """H5: the header has the deadline of TLS, in total."""

    async def scenario() -> None:
        async with bench(balancer=NAMED, tls_seconds=1) as b:
            silent, halfway, before_tls = await b.plain(), await b.plain(), await b.plain()
            halfway.send(SIGNATURE)
            before_tls.send(header_for("203.0.113.7"))
            for wire in (silent, halfway, before_tls):
                assert await wire.rest() == b""
            await b.until(lambda: b.server.sockets == 0)
            assert not b.server._slots._by_origin

    every_loop(scenario)


async def test_a_stranger_cannot_claim_an_address(bench: Any) -> None:
    """L6: from an address that is not named, a header is a broken hello."""
    async with bench(balancer=Balancers(("192.0.2.0/24",)).reader_for) as b:
        wire = await b.plain()
        wire.send(header_for("203.0.113.7"))
        assert b"hello" not in await wire.rest()
        [line] = b.audit.of(AuditEvent.HANDSHAKE_REFUSED)
        assert (line["reason"], line["address"]) == ("tls", "127.0.0.1")


async def test_a_health_check_leaves_no_line(bench: Any) -> None:
    """LOCAL, then nothing: balancers look every second or two."""
    async with bench(balancer=NAMED) as b:
        wire = await b.plain()
        wire.send(LOCAL)
        await b.until(lambda: b.server._slots._by_origin)
        await wire.close()
        await b.until(lambda: b.server.sockets == 0)
        assert not b.audit.lines


async def test_a_health_check_may_speak_tls(bench: Any) -> None:
    """LOCAL, then a request: it is the balancer's own."""
    async with bench(balancer=NAMED) as b:
        wire = await b.wire(before_tls=LOCAL)
        assert (await wire.ask(b.request("GET /a HTTP/1.1", upgrade=None))).status == 200
        assert b.server._slots._by_origin == {"127.0.0.1": 1}
