"""Lines of the standard input while a client runs."""

import asyncio
import contextlib
import os
import threading

from parlour_client.plain.input_lines import read_lines


def test_ctrl_c_ends_the_reading_of_a_long_input_quietly() -> None:
    """The thread that reads has more lines than were taken: it ends with the loop, without a traceback."""
    readable, writable = os.pipe()
    os.write(writable, b"line\n" * 2_000)

    async def interrupted() -> None:
        lines = read_lines(readable)
        await anext(lines)
        current = asyncio.current_task()
        assert current is not None
        current.cancel()  # as Ctrl+C does
        async for _ in lines:
            await asyncio.sleep(0)

    problems = list[BaseException | None]()
    before, threading.excepthook = threading.excepthook, lambda given: problems.append(given.exc_value)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(interrupted())
        os.close(writable)
        for thread in threading.enumerate():
            if thread.name == "standard input":
                thread.join(60)
    finally:
        threading.excepthook = before
        os.close(readable)
    assert not problems
