"""Peers that do not read: they are cut off, and no one waits for them."""

import asyncio
from typing import Any

from tests.server.core.net.conftest import PATIENCE

from parlour_protocol.kit.errors import TOO_FAST
from parlour_server.core.audit import AuditEvent
from parlour_server.core.connections.connection import text_frame

BLOCK = text_frame(b"x" * 65_536)


async def fill(peer: Any) -> None:
    """Write to a peer until its socket takes no more: what comes next would wait in the server."""
    while not peer._transport.get_write_buffer_size():
        peer.write(BLOCK)
        await asyncio.sleep(0)


def test_a_slow_reader_is_cut_off_and_the_others_get_everything(every_loop: Any, bench: Any) -> None:
    """R2: above the cap of unsent bytes the peer is gone at once; memory stays bounded."""

    async def scenario() -> None:
        async with bench(unsent_bytes=200_000) as b:
            slow = await b.chatting(receive_buffer=4096, user="slow")
            slow.writer.transport.pause_reading()
            good = await b.chatting(user="good")
            peers = list(b.chat.peers)
            most = 0
            for sent in range(400):
                for peer in peers:
                    peer.write(BLOCK)
                most = max(most, peers[0]._transport.get_write_buffer_size())
                assert await good.frame() == (1, b"x" * 65_536), sent
                if b.chat.closed_peers:
                    break
            assert b.chat.closed_peers == peers[:1]
            assert most < 200_000 + 4 * 65_536
            [line] = b.audit.of(AuditEvent.LIMIT_HIT)
            assert line["limit"] == "unsent_bytes"
            assert line["user"] == "slow"
            await b.until(lambda: b.server.sockets == 1)

    every_loop(scenario)


def test_ending_a_peer_that_never_reads(every_loop: Any, bench: Any) -> None:
    """S2: with a full buffer no close frame gets through, and the socket is gone in time all the same."""

    async def scenario() -> None:
        async with bench(close_seconds=0.1) as b:
            wire = await b.chatting(receive_buffer=4096)
            wire.writer.transport.pause_reading()
            [peer] = b.chat.peers
            await fill(peer)
            b.end_session("s" * 22)
            peer.write(text_frame(b"after the end"))
            await b.until(lambda: b.server.sockets == 0)
            assert b.chat.closed_peers == [peer]

    every_loop(scenario)


def test_stopping_with_a_stuck_client(every_loop: Any, bench: Any, monkeypatch: Any) -> None:
    """R5: one client that reads nothing does not hold up the server's stop, however long it may close."""
    monkeypatch.setattr("parlour_server.core.net.net_server.STOP_SECONDS", 0.7)

    async def scenario() -> None:
        async with bench(close_seconds=60) as b:
            wire = await b.chatting(receive_buffer=4096, user="stuck")
            wire.writer.transport.pause_reading()
            await fill(b.chat.peers[0])
            async with asyncio.timeout(PATIENCE / 2):  # and not the minute that it may take to close
                await b.server.stop()
            assert b.server.sockets == 0

    every_loop(scenario)


async def test_a_peer_that_never_answers_a_close(bench: Any) -> None:
    """S2: a close frame that is not answered is not waited for either."""
    async with bench(close_seconds=0.1) as b:
        wire = await b.chatting()
        b.chat.peers[0].end(TOO_FAST)
        assert await wire.close_code() == 4004
        await b.until(lambda: b.server.sockets == 0)


async def test_pongs_count_as_unsent(bench: Any) -> None:
    """R2: a peer that pings and does not read is cut off by the same cap."""
    async with bench(unsent_bytes=65_536) as b:
        wire = await b.chatting(receive_buffer=4096)
        wire.writer.transport.pause_reading()
        [peer] = b.chat.peers
        while peer._transport.get_write_buffer_size() <= 65_536:
            peer._transport.write(BLOCK)
        wire.send_frame(9, b"?")
        await b.until(lambda: b.chat.closed_peers)
        assert b.audit.of(AuditEvent.LIMIT_HIT)[0]["limit"] == "unsent_bytes"
