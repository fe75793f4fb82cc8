"""One call that is made a little later, once, however often it was requested meanwhile.

It waits on the event loop's own clock. Textual's one-shot ``set_timer`` never fires when the process stalls
for longer than the interval between two of its clock readings, so nothing in the interface uses it (a test
checks the sources). The call runs in the message queue of its owner, where an error ends in the crash path;
it is dropped only when the owner is closed. No key began it, so it moves no focus.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

from textual.events import Callback
from textual.message_pump import MessagePump

from parlour_client.ui.chat.initiative import NOBODY, on_behalf_of


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
