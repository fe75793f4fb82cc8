"""What views hear of the outbox: how each message on its way fares, and why a change of one was refused.

An edit, a deletion, a reaction or a pin has no row of its own: what is wrong with it is told at the message
that it is about. The outbox calls it, the engine makes one.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from parlour_client.core.archive import Archive
from parlour_client.core.event_bus import Emit
from parlour_client.core.events import EntryChanged, EntryRemoved
from parlour_client.core.model import Entry
from parlour_client.core.outbox.item import Item
from parlour_protocol.frames.requests import Send


class OutgoingNews:
    """Tells the views."""

    def __init__(self, archive: Archive, emit: Emit, entry_of: Callable[[Item], Entry]) -> None:
        """Tell by ``emit``; ``entry_of`` gives the row of a message."""
        self._archive = archive
        self._emit = emit
        self._entry_of = entry_of
        self._telling: set[asyncio.Future[None]] = set()

    def changed(self, item: Item, gone: bool) -> None:  # noqa: FBT001 - the outbox's callback
        """Hear that something became of a request."""
        if not isinstance(item.frame, Send):
            if item.error is not None:
                task = asyncio.ensure_future(self._tell_problem(item))
                self._telling.add(task)
                task.add_done_callback(self._telling.discard)
        elif gone:
            self._emit(EntryRemoved(item.frame.room, item.request))
        else:
            self._emit(EntryChanged(self._entry_of(item)))

    async def flush(self) -> None:
        """Wait until all of it was told."""
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def _tell_problem(self, item: Item) -> None:
        if not isinstance(item.frame, Send) and item.error is not None:
            for entry in await self._archive.shown(item.frame.room, [item.frame.target]):
                self._emit(EntryChanged(replace(entry, problem=item.error.whole)))
