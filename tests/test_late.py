"""Late event loops: they are, nothing is lost by it, and only the network is late."""

import asyncio
import random
import selectors
import socket

import pytest
from tests.late import ROUNDS, LatePolicy, LateSelector


def always() -> LateSelector:
    """Return a selector that passes everything over as often as it may."""
    return LateSelector(1, random.Random(1))  # noqa: S311 - no secret


def test_what_is_ready_is_told_at_last() -> None:
    """After so many rounds, and then it is passed over again."""
    with always() as selector, socket.create_server(("127.0.0.1", 0)) as server:
        key = selector.register(server, selectors.EVENT_READ)
        with socket.create_connection(server.getsockname()):
            rounds = [selector.select(60) for _ in range(2 * (ROUNDS + 1))]
    once: list[list[object]] = [[]] * ROUNDS + [[(key, selectors.EVENT_READ)]]
    assert rounds == once * 2


def test_a_wake_up_is_never_late() -> None:
    """A loop that is called from another thread hears of it in the same round."""
    selector = always()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        assert runner.run(asyncio.to_thread(len, "four")) == 4
    assert selector.late == 0


def test_nothing_is_lost() -> None:
    """Of a thousand lines on twenty connections, each comes back in its place."""
    selector = LateSelector(0.6, random.Random(1))  # noqa: S311 - no secret
    lines = [f"{number}\n".encode() for number in range(50)]

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            writer.write(line)
        writer.close()

    async def talk(port: int) -> list[bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.writelines(lines)
        writer.write_eof()
        heard = [line async for line in reader]
        writer.close()
        return heard

    async def talk_all() -> list[list[bytes]]:
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await asyncio.gather(*(talk(port) for _ in range(20)))

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        assert runner.run(talk_all()) == [lines] * 20
    assert selector.late > 20


def test_the_option(request: pytest.FixtureRequest) -> None:
    """With `--late` every loop is late, and without it none."""
    is_late = isinstance(asyncio.get_event_loop_policy(), LatePolicy)
    assert is_late is bool(request.config.getoption("late"))
