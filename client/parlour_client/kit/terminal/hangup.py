"""If the terminal hangs up or the machine shuts down, the draft is saved, then the app exits.

Without this the process would die at once, with the last words only in its memory and the terminal as the app
had set it. A lost terminal answers each write with an error, and a stuck one would block the app for ever
with the outbox locked: so the output goes nowhere from then on, and a last timer ends the process if nothing
else does. A second signal changes nothing: service managers and sessions send two. The app installs it before
it takes the terminal; ``driver`` notices a terminal that is lost without a signal.
"""

import asyncio
import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from types import FrameType
from typing import Any, Final

LAST_SECONDS: Final = 5.0
"""Seconds that saving and exiting may take before the process is ended all the same."""
_GONE: Final = frozenset({errno.EIO, errno.ENXIO})
_SIGNALS: Final = tuple(
    number
    for number in (getattr(signal, "SIGHUP", None), signal.SIGTERM, signal.SIGINT)
    if number is not None
)


def terminal_is_gone() -> bool:
    """Say whether the app's terminal has vanished without a signal.

    It does for a process that is not in the terminal's session (`setsid`, some supervisors); reading from
    such a terminal then returns at once, for ever, and would keep a core busy.
    """
    if sys.platform == "win32" or sys.__stdin__ is None:  # a Windows console that closes ends its processes
        return False
    import termios  # noqa: PLC0415 - not on Windows

    try:
        termios.tcgetattr(sys.__stdin__.fileno())
    except (termios.error, OSError, ValueError) as error:
        return bool(error.args) and error.args[0] in _GONE
    return False


def write_nowhere(terminal: Sequence[int] = (1, 2)) -> None:
    """Turn the descriptors that lead to the terminal away from it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in terminal:
        with contextlib.suppress(OSError):
            os.dup2(nowhere, descriptor)
    os.close(nowhere)


class Hangup:
    """Calls ``save`` and then ``leave`` when the process is told to end."""

    def __init__(
        self,
        save: Callable[[], Awaitable[None]],
        leave: Callable[[], None],
        *,
        release: Callable[[bool], None] = lambda _gone: None,
        terminal: Sequence[int] = (1, 2),
        gone: Callable[[], bool] = terminal_is_gone,
        end: Callable[[], None] = lambda: os._exit(1),
    ) -> None:
        """``release`` lets go of the terminal; it is called with whether the terminal is gone.

        ``terminal`` are the terminal's descriptors, ``gone`` says whether it was hung up, and ``end`` exits
        when nothing else can.
        """
        self._save, self._leave, self._release = save, leave, release
        self._terminal, self._gone, self._end = terminal, gone, end
        self._before: dict[signal.Signals, Any] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Task[None] | None = None
        self._last: threading.Timer | None = None

    def install(self) -> None:
        """Install the signal handlers; outside of the main thread, do nothing."""
        self._loop = asyncio.get_running_loop()
        with contextlib.suppress(ValueError):
            # not the loop's own handlers: these run even while the loop is blocked by a write
            self._before = {number: signal.signal(number, self._heard) for number in _SIGNALS}

    def remove(self) -> None:
        """Remove the signal handlers."""
        before, self._before = self._before, {}
        for number, handler in before.items():
            signal.signal(number, handler)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        gone = self._gone()
        if gone:
            write_nowhere(self._terminal)
        self._release(gone)
        if self._last is not None:
            return
        self._last = threading.Timer(LAST_SECONDS, self._end)
        self._last.daemon = True  # it delays nothing if all ends well
        self._last.start()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        self._ending = asyncio.ensure_future(self._save_and_leave())

    async def _save_and_leave(self) -> None:
        try:
            await self._save()
        finally:
            self._leave()
