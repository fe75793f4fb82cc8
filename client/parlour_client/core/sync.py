"""Keeps every room without a hole: what was missed is fetched, what comes twice is dropped.

A room's numbers go up by one, so the next number decides and never the order of arrival: the next one is
accepted, an old one is known, a later one means that some are missing and the log is read from the server
until they are here. A page that does not continue where it was asked to ends the connection. The client
runs one for its life.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Final

from parlour_client.core.conversation import Conversation
from parlour_client.core.errors import RefusedError, ServerMisbehavedError
from parlour_client.core.ingest import Ingest
from parlour_protocol.frames import LogEvent, RoomSummary
from parlour_protocol.frames.replies import Page
from parlour_protocol.frames.requests import History
from parlour_protocol.ids import RoomId, Seq, new_request_id
from parlour_protocol.limits import PAGE_EVENTS

LONGEST_CATCH_UP: Final = 10_000
"""Events fetched for one room at once; beyond it the newest page is, and the rest while scrolling back."""
_AT_ONCE: Final = 8
"""Rooms that catch up side by side."""


class Sync:
    """Where each room stands, and the fetching of what is missing."""

    def __init__(self, ingest: Ingest, *, follow: bool) -> None:
        """Hand accepted events to ``ingest``. Without ``follow`` nothing is fetched: for who only sends."""
        self._ingest = ingest
        self._follow = follow
        self._tops: dict[RoomId, Seq] = {}
        self._heads: dict[RoomId, Seq] = {}
        self._behind = asyncio.Event()
        self.caught_up = asyncio.Event()

    def top(self, room: RoomId) -> Seq:
        """Return the newest event of the room that was accepted."""
        return self._tops.get(room, Seq(0))

    def know(self, tops: Mapping[RoomId, Seq]) -> None:
        """Take what the archive has; never goes back."""
        for room, top in tops.items():
            self._tops[room] = max(top, self._tops.get(room, Seq(0)))

    def greet(self, summaries: Sequence[RoomSummary]) -> None:
        """Take the heads that the server told."""
        self._heads = {}
        self.caught_up.clear()
        for summary in summaries:
            self.see(summary.room, summary.head)
        self._settle()

    def see(self, room: RoomId, head: Seq) -> None:
        """Note that the room has an event of this number."""
        self._heads[room] = max(head, self._heads.get(room, Seq(0)))
        if self._heads[room] > self.top(room):
            self._behind.set()

    def hear(self, event: LogEvent) -> None:
        """Take an event as it is told live."""
        top = self.top(event.room)
        if event.seq == top + 1 and (self._follow or top):
            self._accept(event.room, [event], live=True)
        elif event.seq > top:
            self.see(event.room, event.seq)

    def forget(self, room: RoomId) -> None:
        """Fetch nothing more of a room: the account is not in it any more."""
        self._heads.pop(room, None)

    async def run(self, conversation: Conversation) -> None:
        """Fetch whatever is missing, until cancelled."""
        if not self._follow:
            self.caught_up.set()
            await asyncio.Event().wait()
        limit = asyncio.Semaphore(_AT_ONCE)
        while True:
            self._behind.clear()
            behind = [room for room, head in self._heads.items() if head > self.top(room)]
            await _all(self._catch_up(conversation, room, limit) for room in behind)
            if not any(head > self.top(room) for room, head in self._heads.items()):
                await self._ingest.drained()
                self._settle()
                await self._behind.wait()

    def _settle(self) -> None:
        if not any(head > self.top(room) for room, head in self._heads.items()):
            self.caught_up.set()

    async def _catch_up(self, conversation: Conversation, room: RoomId, limit: asyncio.Semaphore) -> None:
        async with limit:
            try:
                while (head := self._heads.get(room, Seq(0))) > (top := self.top(room)):
                    far = top == 0 or head - top > LONGEST_CATCH_UP
                    await self._fetch(conversation, room, None if far else top)
                    await self._ingest.has_space()
            except RefusedError:  # put out of the room in the meantime; `room_closed` says so
                self.forget(room)

    async def _fetch(self, conversation: Conversation, room: RoomId, after: Seq | None) -> None:
        """Fetch the page after a number, or the newest page."""
        ask = History(id=new_request_id(), room=room, after=after, limit=PAGE_EVENTS.value)
        page = await fetch(conversation, ask)
        first = page[0].seq if page else None
        if first is None or (after is not None and first != after + 1):
            raise ServerMisbehavedError("The server's history does not continue where it was asked to.")
        top = self.top(room)
        if after is None and page[-1].seq <= top:
            raise ServerMisbehavedError("The server's history ends before what was already there.")
        self._accept(room, [event for event in page if event.seq > top], live=False)

    def _accept(self, room: RoomId, events: Sequence[LogEvent], *, live: bool) -> None:
        if events:
            self._tops[room] = events[-1].seq
            self._ingest.accept(room, events, events[-1].seq, live=live)


async def fetch(conversation: Conversation, ask: History) -> Sequence[LogEvent]:
    """Return a page of history whose numbers go up by one. Raises ServerMisbehavedError, RefusedError."""
    page = await conversation.request(ask)
    if not isinstance(page, Page) or page.room != ask.room:
        raise ServerMisbehavedError("The server answered with something else than history.")
    first = page.events[0].seq if page.events else 0
    for offset, event in enumerate(page.events):
        if event.room != ask.room or event.seq != first + offset:
            raise ServerMisbehavedError("The server's history is out of order.")
    return page.events


async def _all(coroutines: Iterable[Coroutine[None, None, None]]) -> None:
    """Run them side by side; the first failure ends the others and is raised as it is."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
