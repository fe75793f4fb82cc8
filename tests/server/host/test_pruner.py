"""The pruner: batch after batch until nothing is left, and never a failure of its own."""

import asyncio

import pytest
from tests.server.fakes import StoppedClock

from parlour_protocol.kit.ids import Millis
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.errors import UnavailableError
from parlour_server.core.output import captured
from parlour_server.host import pruner as pruning
from parlour_server.host.pruner import Pruner


async def test_it_prunes_until_nothing_is_left_and_outlives_a_full_disk(
    store: ChatStore, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows deleted before the failure are reported; the rest follows an hour later."""
    answers: list[int | Exception] = [200, 30, 0, 200, UnavailableError(), 5, 0]
    asked: list[Millis] = []

    async def prune(now: Millis, _rules: object) -> int:
        asked.append(now)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(store, "prune", prune)
    monkeypatch.setattr(pruning, "_PAUSE_SECONDS", 0)
    pruner = Pruner(store, clock)
    with captured() as logs:
        for _ in range(3):
            await pruner.prune()
    assert [line["rows"] for line in logs] == [230, 200, 5]
    assert asked == [clock.now()] * 7


async def test_a_running_server_prunes_at_once(
    store: ChatStore, clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is restarted each hour prunes, too."""
    done = asyncio.Event()

    async def prune(_: Millis, _rules: object) -> int:
        done.set()
        return 0

    monkeypatch.setattr(store, "prune", prune)
    running = asyncio.ensure_future(Pruner(store, clock).run())
    async with asyncio.timeout(60):
        await done.wait()
    running.cancel()
