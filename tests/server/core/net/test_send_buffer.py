"""What goes out, on a transport that only notes it."""

import asyncio
from typing import Any

from parlour_server.core.net.send_buffer import SendBuffer


class NotingTransport:
    """Records writes; holds a given number of unsent bytes."""

    def __init__(self) -> None:
        """Begin with nothing unsent."""
        self.written: list[bytes] = []
        self.unsent = 0

    def write(self, data: bytes) -> None:
        """Note a write."""
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        """Return what is unsent."""
        return self.unsent


def outbox(cap: int = 100) -> tuple[SendBuffer, NotingTransport, list[str]]:
    """Return an outbox, its transport, and the list that an overflow adds to."""
    transport: Any = NotingTransport()
    overflows: list[str] = []
    made = SendBuffer(asyncio.get_running_loop(), transport, cap, lambda: overflows.append("overflow"))
    return made, transport, overflows


async def test_one_write_per_iteration() -> None:
    """What is put in one turn of the loop is one write, in order."""
    box, transport, _ = outbox()
    box.put(b"a")
    box.put(b"b")
    assert transport.written == []
    await asyncio.sleep(0)
    box.put(b"c")
    await asyncio.sleep(0)
    assert transport.written == [b"ab", b"c"]


async def test_order_is_kept_between_the_two_ways() -> None:
    """Bytes to send now come after bytes that were put before, in the same write."""
    box, transport, _ = outbox()
    box.put_now(b"a")
    box.put(b"b")
    box.put_now(b"c")
    await asyncio.sleep(0)
    assert transport.written == [b"a", b"bc"]


async def test_the_cap() -> None:
    """R2: at the cap a write goes out, one byte above it the peer is given up and nothing is written."""
    box, transport, overflows = outbox(cap=100)
    transport.unsent = 100
    box.put_now(b"a")
    assert overflows == []
    transport.unsent = 101
    box.put_now(b"b")
    box.put(b"c")
    box.put_now(b"d")
    await asyncio.sleep(0)
    assert transport.written == [b"a"]
    assert overflows == ["overflow"]


async def test_much_in_one_iteration_meets_the_cap() -> None:
    """R2: what is gathered does not grow past 64 KiB before the cap is looked at."""
    box, transport, overflows = outbox()
    transport.unsent = 101
    for _ in range(100):
        box.put(b"x" * 32_768)
    assert overflows == ["overflow"]
    assert box._pending == []


async def test_what_is_sealed_writes_only_what_closes_it() -> None:
    """S2: nothing more is sent now, before or after a close frame."""
    box, transport, _ = outbox()
    box.put(b"a")
    box.stop_accepting()
    box.put_now(b"b")
    await asyncio.sleep(0)
    box.put_now(b"c")
    box.put(b"close")
    box.put_now(b"d")
    await asyncio.sleep(0)
    assert transport.written == [b"a", b"close"]


async def test_nothing_is_written_after_closing() -> None:
    """A closed outbox forgets what it holds."""
    box, transport, _ = outbox()
    box.put(b"a")
    box.close()
    box.put(b"b")
    box.put_now(b"c")
    await asyncio.sleep(0)
    assert transport.written == []
