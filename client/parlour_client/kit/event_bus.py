"""Notifies of changes: listeners that are called at once, and streams that are read at their own pace.

Everything runs in the event loop's thread. A stream whose reader lags too far behind ends rather than letting
memory grow. The client owns one; views and bots subscribe.
"""

import asyncio
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Generic, TypeVar

from parlour_client.kit.errors import StoppedError
from parlour_client.kit.language import _

MAX_LAG: Final = 10_000
"""Unread changes of one stream."""

C = TypeVar("C")
T = TypeVar("T")


class EventBus(Generic[C]):
    """The listeners and streams."""

    def __init__(self) -> None:
        self._listeners: dict[object, tuple[Callable[[C], None], tuple[type[C], ...]]] = {}
        self._ended = asyncio.Event()

    def subscribe(self, listener: Callable[[C], None], *kinds: type[C]) -> Callable[[], None]:
        """Call ``listener`` for each change of these kinds, or of any; returns a function that ends it."""
        token = object()
        self._listeners[token] = listener, kinds
        return lambda: self._listeners.pop(token, None) and None

    def emit(self, change: C) -> None:
        """Notify all listeners and streams."""
        for listener, kinds in list(self._listeners.values()):
            if not kinds or isinstance(change, kinds):
                listener(change)

    def end(self) -> None:
        """End all streams."""
        self._ended.set()

    async def until(self, look: Callable[[], Awaitable[T | None]], patience: float) -> T | None:
        """Return what ``look`` finds, now or after a change; None after ``patience`` seconds without it."""
        changed = asyncio.Event()
        unsubscribe = self.subscribe(lambda _: changed.set())
        try:
            async with asyncio.timeout(patience):
                while (found := await look()) is None:
                    await changed.wait()
                    changed.clear()
        except TimeoutError:
            return None
        finally:
            unsubscribe()
        return found

    def stream(self) -> AsyncIterator[C]:
        """Yield changes from this call on. Raises StoppedError when its reader lags too far behind."""
        waiting: list[C] = []
        some = asyncio.Event()

        def hear(change: C) -> None:
            if len(waiting) <= MAX_LAG:
                waiting.append(change)
            some.set()

        unsubscribe = self.subscribe(hear)
        reader = self._read(waiting, some, unsubscribe)
        weakref.finalize(reader, unsubscribe).atexit = False  # for one that is dropped before it was read
        return reader

    async def _read(
        self, waiting: list[C], some: asyncio.Event, unsubscribe: Callable[[], None]
    ) -> AsyncIterator[C]:
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            while True:
                next_change = asyncio.ensure_future(some.wait())
                try:
                    await asyncio.wait({next_change, ended}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    next_change.cancel()
                batch, waiting[:] = list(waiting), []
                some.clear()
                if len(batch) > MAX_LAG:
                    raise StoppedError(_("This program reads the changes too slowly."))
                for change in batch:
                    yield change
                if ended.done():
                    return
        finally:
            ended.cancel()
            unsubscribe()
