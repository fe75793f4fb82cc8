"""Work in the background: what fails is silent, and a fault of the program is told without its words."""

import asyncio
from typing import Any

from parlour_client.core.e2ee.world import BackgroundTasks
from parlour_client.kit.errors import UnreachableError


async def _fail(error: Exception) -> None:
    raise error


async def test_what_fails_is_silent_and_a_fault_is_named() -> None:
    """The words of a fault may quote a stranger; a traceback does not belong on the person's screen."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    background = BackgroundTasks()
    background.run(_fail(UnreachableError("away")))
    background.run(_fail(KeyError("CANARY")))
    await asyncio.sleep(0)
    await background.stop()
    await asyncio.sleep(0)
    assert told == [{"message": "A background task failed: KeyError"}]


async def test_what_ends_starts_nothing_more() -> None:
    """A task that is cancelled may still report a change, and that begins another one."""
    background, begun = BackgroundTasks(), list[str]()

    async def later() -> None:
        begun.append("later")

    async def last() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            background.run(later())

    background.run(last())
    await asyncio.sleep(0)
    await background.stop()
    await asyncio.sleep(0)
    assert not begun
