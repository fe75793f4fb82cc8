"""Reads history: windows of a timeline, search, threads, earlier texts, gaps; and deletes it on this device.

What the archive does not have is fetched while there is a connection; offline, what is here is returned.
Entries come in ascending order with their edits, reactions and replies; our own that are not stored yet are
at the end of the newest window. Reading here never marks anything as read.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from parlour_client.core.archive import (
    Archive,
    events,
    insertion,
    known_rooms,
    retention,
    search,
    threads,
)
from parlour_client.core.checked_text import message_text
from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.events import Emit, RoomForgotten, RoomsChanged
from parlour_client.core.model import Entry, Gap, Note, Thread, Version
from parlour_client.core.outbox.outbox import Outbox
from parlour_client.core.room_log.expiry import Expiry
from parlour_client.core.search_query import QueryError, parse
from parlour_client.core.sync.catch_up import CatchUp, fetch
from parlour_client.core.sync.room_store import RoomStore
from parlour_client.core.sync.state import State
from parlour_client.core.transport.connection import Connection
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import ParlourClientError, ServerMisbehavedError
from parlour_client.kit.language import _
from parlour_protocol.frames import LogEvent, encode
from parlour_protocol.frames.replies import Pins
from parlour_protocol.frames.requests import History as HistoryRequest
from parlour_protocol.frames.requests import ListPins, Send
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq, new_request_id
from parlour_protocol.kit.limits import PAGE_EVENTS

_MAX_PAGES: Final = 16
"""Pages fetched for one window: a room full of reactions has few rows in a page."""
_ANCESTORS: Final = 16
"""Earlier messages that are fetched for one thread."""
SWEEP_SECONDS: Final = 3600.0
"""How often expired messages are looked for."""


class History:
    """Reads the history of one account's rooms."""

    def __init__(
        self,
        archive: Archive,
        state: State,
        rooms: RoomStore,
        outbox: Outbox,
        catch_up: CatchUp,
        live: Connection,
        e2ee: E2ee,
        clock: Clock,
        emit: Emit,
    ) -> None:
        self._archive = archive
        self._state = state
        self._rooms = rooms
        self._outbox = outbox
        self._catch_up = catch_up
        self._live = live
        self._e2ee = e2ee
        self._clock = clock
        self._emit = emit
        self._sweeping: asyncio.Task[None] | None = None

    async def timeline(
        self, room: RoomId, *, before: Seq | None = None, after: Seq | None = None, limit: int = 100
    ) -> Sequence[Entry]:
        """Return up to ``limit`` entries in ascending order.

        ``before`` and ``after`` page; with neither: the newest, unsent ones at the end.
        """
        if after is not None:
            return await self._upwards(room, after, limit)
        entries = await self._downwards(room, before or Seq(self._catch_up.top(room) + 1), limit)
        return entries if before is not None else [*entries, *self._outbox.rows(self._outbox.unsent(room))]

    async def log(self, room: RoomId, *, after: Seq, limit: int = 200) -> Sequence[LogEvent]:
        """Return the log's events above ``after``, none left out; empty: no more yet."""
        found, hole = await self._archive.read(events.above, room, after, limit)
        if found or hole is None:
            return found
        if not await self._fetch(room, after=hole):
            return (await self._archive.read(events.above, room, after, limit, over_holes=True))[0]
        return (await self._archive.read(events.above, room, after, limit))[0]

    async def entry(self, room: RoomId, seq: Seq) -> Entry | None:
        """Return one message, fetched if it is not here; None if it cannot be fetched."""
        await self._bring(room, seq)
        return next(iter(await self._archive.read(events.shown, room, [seq])), None)

    async def around(self, entry: Entry, count: int) -> tuple[Sequence[Entry], Sequence[Entry]]:
        """Return up to ``count`` messages before an entry and after it, of those on this device."""
        if entry.seq is None:
            return (), ()
        return await self._archive.read(events.around, entry.room, entry.seq, count)

    async def newest(self, rooms: Sequence[RoomId], limit: int) -> Sequence[Entry]:
        """Return the newest messages of several rooms together that are here, oldest first."""
        return await self._archive.read(events.newest, rooms, limit)

    async def since(self, room: RoomId, moment: Millis) -> Entry | None:
        """Return the first row of a room that is not older than ``moment``; None: all of it is older.

        What is not on this device is looked up at the server, with a few requests however long the history
        is; what can't be looked up counts as older.
        """
        low, end = 1, self._catch_up.top(room) + 1
        while low < end:
            middle = Seq((low + end) // 2)
            at = await self._archive.read(events.time_of, room, middle)
            if at is None and await self._bring(room, middle):
                at = await self._archive.read(events.time_of, room, middle)
            if at is None or at < moment:
                low = middle + 1
            else:
                end = middle
        found = await self.timeline(room, after=Seq(low - 1), limit=1)
        return next(iter(found), None)

    async def thread(self, room: RoomId, seq: Seq) -> Thread:
        """Return the thread of this message: all messages whose chain of replies has the same root.

        Earlier messages of it are fetched, and what is missing since, the newest first.
        """
        for _ancestor in range(_ANCESTORS):
            missing = (await self.thread_here(room, seq)).missing
            if missing is None or not await self._bring(room, missing):
                break
        root, end = (await self.thread_here(room, seq)).root, Seq(self._catch_up.top(room) + 1)
        for _page in range(_MAX_PAGES):
            holes = [gap.before for gap in await self.gaps(room, root, end) if not gap.gone]
            if not holes or not await self._fetch(room, before=holes[-1]):
                break
        return await self.thread_here(room, seq)

    async def thread_here(self, room: RoomId, seq: Seq) -> Thread:
        """Return of this message's thread what is on this device, unsent messages at the end."""
        found = await self._archive.read(threads.thread, room, seq)
        seqs = {found.root, *(entry.seq for entry in found.entries)}
        unsent = [row for row in self._outbox.rows(self._outbox.unsent(room)) if row.reply_to in seqs]
        return replace(found, entries=(*found.entries, *unsent))

    async def pins(self, room: RoomId) -> Sequence[Entry]:
        """Return a room's pinned messages, the latest pin first; offline, those that are here.

        In an encrypted room these are the pins that this device read; in an open one the server knows older
        pins as well.
        """
        known = self._state.room(room)
        if self._live.conversation is None or known is None or known.encrypted:
            return await self._archive.read(events.pins, room)
        answer = await self._live.ask(ListPins(id=new_request_id(), room=room))
        if not isinstance(answer, Pins) or answer.room != room:
            raise ServerMisbehavedError(_("The server answered with something other than pins."))
        for seq in answer.targets:
            await self._bring(room, seq)
        pinned = await self._archive.read(events.pins, room)
        ours = [entry for entry in pinned if entry.seq in answer.targets]
        seen = {entry.seq for entry in ours}
        missing = [seq for seq in answer.targets if seq not in seen]
        others = await self._archive.read(events.shown, room, missing)
        return [*ours, *(replace(other, pinned=True) for other in others[::-1] if other.text is not None)]

    async def versions(self, room: RoomId, seq: Seq) -> Sequence[Version]:
        """Return the texts that a message had, oldest first."""
        return await self._archive.read(threads.versions, room, seq)

    async def gaps(self, room: RoomId, after: Seq, before: Seq) -> Sequence[Gap]:
        """Return which events between two are not on this device."""
        return await self._archive.read(events.gaps, room, after, before)

    async def search(self, words: str, *, room: RoomId | None = None, limit: int = 50) -> Sequence[Entry]:
        """Search the archive, newest first, with a query of ``core.search_query``. Raises QueryError."""
        names = await self._archive.read(known_rooms.names)
        query = parse(words, lambda name: _rooms_named(name, names), self._clock.now())
        if query.is_empty:
            raise QueryError(_("Write what to look for."))
        if room is not None:
            if query.rooms and room not in query.rooms:
                return ()
            query.rooms = [room]
        return await self._archive.read(search.search, query, self._state.me, limit)

    async def room_names(self) -> Mapping[RoomId, str]:
        """Return the names of all rooms with history here, including those that the account left."""
        return dict(await self._archive.read(known_rooms.names))

    async def trouble_of(self, room: RoomId, seq: Seq) -> str:
        """Return why an encrypted message cannot be read, even if the timeline has no row for it."""
        return await self._archive.read(events.trouble_of, room, seq)

    async def note_at(self, room: RoomId, seq: Seq) -> Note | None:
        """Return this client's note at an event, even if the timeline has no row for it."""
        return await self._archive.read(events.note_at, room, seq)

    def wire_form(self, entry: Entry) -> str:
        """Return the JSON of the entry's event, or of our request while it is being sent."""
        if entry.seq is not None:
            event = LogEvent(
                room=entry.room,
                seq=entry.seq,
                at=entry.at,
                author=entry.author,
                device=entry.device,
                body=entry.body,
            )
            return encode(event).decode()
        if entry.request is None or entry.text is None:
            return ""
        frame = Send(
            id=entry.request, room=entry.room, text=message_text(entry.text), reply_to=entry.reply_to
        )
        return encode(frame).decode()

    # deleting on this device only
    async def forget(self, room: RoomId | None = None, *, before: Millis | None = None) -> int:
        """Delete a room's messages (None: all rooms') before a time (None: all), on this device only.

        Returns how many rooms lost something. Outgoing messages, drafts and roles stay. Nothing is deleted
        for others, and what is deleted here is not fetched again.
        """
        changed = await self._archive.write_durably(retention.forget, room, before)
        if changed:
            await self._archive.shorten_log()
        for forgotten in changed:
            await self._rooms.recount(forgotten)
            self._emit(RoomForgotten(forgotten))
        if changed:
            self._emit(RoomsChanged())
        return len(changed)

    def keep(self, seconds: int | None) -> None:
        """From now on delete messages older than this; None: keep everything."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._sweeping = None if seconds is None else asyncio.ensure_future(self._sweep(seconds))

    async def _sweep(self, seconds: int) -> None:
        while True:
            with suppress(ParlourClientError):  # a full disk, a busy archive: try again next time
                await self.forget(before=Millis(self._clock.now() - seconds * 1000))
            await self._clock.sleep(SWEEP_SECONDS)

    async def _bring(self, room: RoomId, seq: Seq) -> bool:
        """Fetch one event unless it is here; False if it cannot be fetched."""
        if any(
            not gap.gone for gap in await self._archive.read(events.gaps, room, Seq(seq - 1), Seq(seq + 1))
        ):
            await self._fetch(room, before=Seq(seq + 1))
        return not await self._archive.read(events.gaps, room, Seq(seq - 1), Seq(seq + 1))

    async def _downwards(self, room: RoomId, before: Seq, limit: int) -> Sequence[Entry]:
        for _page in range(_MAX_PAGES):
            window = await self._archive.read(events.below, room, before, limit)
            if window.hole is None:
                return window.entries
            if not await self._fetch(room, before=window.hole):
                break
        return (await self._archive.read(events.below, room, before, limit, over_holes=True)).entries

    async def _upwards(self, room: RoomId, after: Seq, limit: int) -> Sequence[Entry]:
        entries: list[Entry] = []
        for _page in range(_MAX_PAGES):
            page = await self.log(room, after=after, limit=PAGE_EVENTS.value)
            if not page:
                break
            after = page[-1].seq
            entries += await self._archive.read(events.shown, room, [event.seq for event in page])
            if len(entries) >= limit:
                break
        return entries[:limit]

    async def _fetch(self, room: RoomId, *, before: Seq | None = None, after: Seq | None = None) -> bool:
        """Fetch the page next to a gap; False if it cannot be fetched.

        Only numbers that the server claimed are asked for: one that a person typed, or that a member's reply
        names, would otherwise make the events up to it look withheld.
        """
        conversation = self._live.conversation
        if conversation is None or self._state.room(room) is None:
            return False
        if before is not None:
            newest = max(self._catch_up.top(room), self._catch_up.head(room))
            before = min(before, Seq(newest + 1))
        ask = HistoryRequest(
            id=new_request_id(), room=room, before=before, after=after, limit=PAGE_EVENTS.value
        )
        try:
            now, summary = self._clock.now(), self._state.summary(room)
            retention = None if summary is None else summary.retention
            end = before if before is not None else Seq((after or 0) + 1)
            here, at = await self._archive.read(events.newest_under, room, end)
            page = await fetch(conversation, ask, Expiry.of(retention, now, at, here))
        except ParlourClientError:
            return False
        if not page:
            if before is not None:
                await self._archive.write(events.set_floor, room, Seq(before - 1))
            return before is not None
        if self._e2ee.covers(room):
            await self._e2ee.older(room, page)
            return True
        mentions = [self._state.names_me(event.body) for event in page]
        await self._archive.write(insertion.add, page, mentions, Seq(0))
        return True


def _rooms_named(name: str, names: Sequence[tuple[RoomId, str]]) -> list[RoomId]:
    wanted = name.removeprefix("@").lower()
    return [room for room, known in names if known.lower() == wanted]
