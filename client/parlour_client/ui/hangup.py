"""The terminal goes away, or the machine shuts down: what is being written is saved, then the app leaves.

Without this the process would die at once, with the last words in its memory alone. A second signal is not
waited for: it ends the process as ever. The chat screen installs it, and the app asks now and
then whether the terminal is still there.
"""

import asyncio
import contextlib
import errno
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final

if sys.platform != "win32":
    import termios

_GONE: Final = frozenset({errno.EIO, errno.ENXIO})
_SIGNALS: Final = tuple(one for one in (getattr(signal, "SIGHUP", None), signal.SIGTERM) if one is not None)


def terminal_is_gone() -> bool:
    """Tell whether the terminal that the app draws on has vanished without a signal.

    It does for a process that is not of the terminal's session (`setsid`, some supervisors); reading from
    such a terminal then returns at once, for ever, and would keep a core busy.
    """
    if sys.platform == "win32" or sys.__stdin__ is None:  # a Windows console that closes ends its processes
        return False
    try:
        termios.tcgetattr(sys.__stdin__.fileno())
    except (termios.error, OSError, ValueError) as error:
        return bool(error.args) and error.args[0] in _GONE
    return False


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
