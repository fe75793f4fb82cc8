"""Background tasks: what must not stop half-way."""

import asyncio

from parlour_server.core.connections.background_tasks import BackgroundTasks


async def test_work_goes_on_when_the_wait_for_it_is_cancelled() -> None:
    """What is stored is told, whoever still waits."""
    background, stored, told = BackgroundTasks(), asyncio.Event(), asyncio.Event()

    async def store_and_tell() -> None:
        await stored.wait()
        told.set()

    waiting = asyncio.ensure_future(background.finish(store_and_tell()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    stored.set()
    await told.wait()


async def test_what_the_work_returns_or_raises_is_passed_on() -> None:
    """To the one who waits."""
    background = BackgroundTasks()

    async def work(error: Exception | None) -> int:
        if error is not None:
            raise error
        return 7

    assert await background.finish(work(None)) == 7
    failed = asyncio.ensure_future(background.finish(work(ValueError("no"))))
    await asyncio.wait([failed])
    assert isinstance(failed.exception(), ValueError)
