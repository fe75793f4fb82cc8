"""The terminal goes away, or the machine shuts down: what is being written is saved, then the app leaves.

Without this the process would die at once, with the last words in its memory alone. A second signal is not
waited for: it ends the process as ever. The chat screen installs it.
"""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from typing import Final

_SIGNALS: Final = tuple(one for one in (getattr(signal, "SIGHUP", None), signal.SIGTERM) if one is not None)


class Hangup:
    """Calls ``save`` and then ``leave`` when the process is told to end."""

    def __init__(self, save: Callable[[], Awaitable[None]], leave: Callable[[], None]) -> None:
        self._save, self._leave = save, leave
        self._ending: asyncio.Task[None] | None = None

    def install(self) -> None:
        """Listen for the signals; where there are none, or not in the main thread, do nothing."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            for one in _SIGNALS:
                loop.add_signal_handler(one, self.hang_up)

    def remove(self) -> None:
        """Listen no more."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            for one in _SIGNALS:
                loop.remove_signal_handler(one)

    def hang_up(self) -> None:
        """Save and leave."""
        self.remove()
        self._ending = asyncio.ensure_future(self._end())

    async def _end(self) -> None:
        try:
            await self._save()
        finally:
            self._leave()
