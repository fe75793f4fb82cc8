"""Reads lines of a file descriptor as they arrive, for commands that read standard input while they chat.

A thread reads, since a terminal, a pipe and a file can all be read that way; it uses ``os.read``, so that a
thread which still waits at the end does not hold a lock of Python's. A line over the limit keeps its
beginning. `send --stdin` and the line mode use it.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

MAX_LINE: Final = 64 * 1024
"""Bytes: eight times what a message may have; the rest of a longer line is left out."""
_CHUNK: Final = 64 * 1024
_AHEAD: Final = 256


async def read_lines(descriptor: int = 0) -> AsyncIterator[list[bytes]]:
    """Yield lines without their ends, as many at a time as there are (at least one)."""
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
    places, over = threading.Semaphore(_AHEAD), threading.Event()

    def put(line: bytes | None) -> bool:
        places.acquire()
        if not over.is_set():
            loop.call_soon_threadsafe(waiting.put_nowait, line)
        return not over.is_set()

    def read() -> None:
        try:
            if all(put(line) for line in split_lines(lambda: os.read(descriptor, _CHUNK))):
                put(None)
        except RuntimeError:
            return  # the event loop has ended: no one reads any more

    threading.Thread(target=read, name="standard input", daemon=True).start()
    try:
        while True:
            batch = [await waiting.get()]
            while not waiting.empty():
                batch.append(waiting.get_nowait())
            places.release(len(batch))
            if lines := [line for line in batch if line is not None]:
                yield lines
            if None in batch:
                return
    finally:  # the thread may be waiting for a place: Ctrl+C came
        over.set()
        places.release()


def split_lines(read: Callable[[], bytes]) -> Iterator[bytes]:
    """Yield lines from chunks; an endless line takes no more memory than ``MAX_LINE``."""
    begun = b""
    while chunk := read():
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            yield (begun + line)[:MAX_LINE].removesuffix(b"\r")
            begun = b""
        begun = (begun + rest)[:MAX_LINE]
    if begun:
        yield begun
