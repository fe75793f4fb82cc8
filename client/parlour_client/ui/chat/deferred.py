"""Calls that are made a little later, once, however often they were requested meanwhile.

``Deferred`` is one call. ``Throttle`` draws changes: a message by itself is visible at once. What comes right
after it is not read one by one, and drawing each would leave no time for the keys; on a machine that is late
with everything, drawing may take a part of the time and no more. The timeline and the list of rooms use it.

A call waits on the event loop's own clock. Textual's one-shot ``set_timer`` never fires when the process
stalls for longer than the interval between two of its clock readings, so nothing in the interface uses it (a
test checks the sources). The call runs in the message queue of its owner, where an error ends in the crash
path; it is dropped only when the owner is closed. No key began it, so it moves no focus.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Final

from textual.events import Callback
from textual.message_pump import MessagePump

from parlour_client.ui.chat.initiative import NOBODY, on_behalf_of

FRAME: Final = 1 / 60
PAUSE: Final = 1 / 10
"""Seconds between two drawings."""
LONGEST_PAUSE: Final = 1.0
"""Seconds between two drawings on a machine that is late with everything."""
_SHARE: Final = 4
"""The pause is so many times as long as the last drawing was late."""


class Deferred:
    """A call for the owner, due or not."""

    def __init__(self, owner: MessagePump, call: Callable[[], Awaitable[None] | None]) -> None:
        self._owner = owner
        self._call = call
        self._handle: asyncio.TimerHandle | None = None

    @property
    def is_scheduled(self) -> bool:
        """Whether the call is to be made."""
        return self._handle is not None

    def schedule(self, seconds: float) -> None:
        """Make the call after so many seconds, unless it is scheduled already."""
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(seconds, self._fire)

    def postpone(self, seconds: float) -> None:
        """Make the call so many seconds from now and no sooner."""
        self.cancel()
        self.schedule(seconds)

    def cancel(self) -> None:
        """Don't make the call."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self) -> None:
        self._handle = None
        # as ``call_later`` does, but for its ``partial``, whose signature Textual would look up each time
        self._owner.post_message(Callback(self._make))

    async def _make(self) -> None:
        with on_behalf_of(NOBODY):
            waiting = self._call()
            if inspect.isawaitable(waiting):
                await waiting


class Throttle:
    """A call for the owner that is made soon after a change, once for all changes of a pause."""

    def __init__(
        self, owner: MessagePump, call: Callable[[], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._call = call
        self.now = now
        self._deferred = Deferred(owner, self.draw)
        self._due = 0.0
        self._next = 0.0  # not before: the pause after the last call

    def changed(self) -> None:
        """Make the call with the next frame, or after the pause."""
        if not self._deferred.is_scheduled:
            now = self.now()
            self._due = max(now + FRAME, self._next)
            self._deferred.schedule(self._due - now)

    def draw(self) -> None:
        """Make the call now; ``changed`` waits for the pause."""
        now = self.now()
        late = now - self._due if self._due else 0.0
        self._deferred.cancel()
        self._due = 0.0
        self._next = now + pause_after(late)
        self._call()


def pause_after(late: float) -> float:
    """Return how many seconds to pause after a call that came so many seconds late."""
    return min(LONGEST_PAUSE, max(PAUSE, _SHARE * late))
