"""Keeps every room without gaps: missing events are fetched, duplicates are dropped.

A room's numbers increase by one, so the number decides and not the order of arrival: the next one is
accepted, an old one is dropped, a later one means that some are missing, and the log is read from the server
until they are here. Events that the server leaves out become a row of that room (``room_log.missing``), and
the room goes on after it; if the server withholds its newest events, it is asked again when it claims more. A
*strict* room (an encrypted one) is read from where reading stopped, however far back that is, and can be
held. A room that the server can't show just now is asked for again.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from msgspec.structs import replace

from parlour_client.core.archive import Archive, divergence
from parlour_client.core.archive.stored_values import set_setting
from parlour_client.core.events import Emit, HistoryWithheld, RoomsChanged
from parlour_client.core.room_log.expiry import Expiry
from parlour_client.core.room_log.missing import NOTHING_EXPIRES, MissingEvents, complete, ends_early_text
from parlour_client.core.room_log.numbering import PLAIN
from parlour_client.core.sync.event_queue import EventQueue, Run
from parlour_client.core.sync.state import State
from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import RefusedError, ServerMisbehavedError, UnreachableError
from parlour_client.kit.language import _
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import LogEvent, RoomSummary
from parlour_protocol.frames.replies import Page
from parlour_protocol.frames.requests import History
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq, new_request_id
from parlour_protocol.kit.limits import PAGE_EVENTS

LONGEST_CATCH_UP: Final = 10_000
"""Events fetched for a room at once; a longer gap gets the newest page, and the rest while scrolling back."""
CAUGHT_UP: Final = "caught_up"
"""The setting with the time when this device last had everything, by its own clock."""
_AT_ONCE: Final = 8
"""Rooms that catch up at the same time."""
_NOT_NOW: Final = frozenset({ErrorCode.UNAVAILABLE, ErrorCode.RATE_LIMITED, ErrorCode.TOO_MANY_IN_FLIGHT})
_ASK_AGAIN_SECONDS: Final = 2.0


class CatchUp:
    """How far each room is caught up, and the fetching of missing events."""

    def __init__(
        self, queue: EventQueue, archive: Archive, state: State, clock: Clock, emit: Emit, *, follow: bool
    ) -> None:
        """Put accepted events into ``queue``. Without ``follow`` only tracked rooms are fetched."""
        self._queue = queue
        self._archive = archive
        self._state = state
        self._clock = clock
        self._emit = emit
        self._follow = follow
        self._tops: dict[RoomId, Seq] = {}
        self._complete: dict[RoomId, Millis] = {}
        """Until when this device had everything of a room: what is missing after its top is younger."""
        self._heads: dict[RoomId, Seq] = {}
        self._withheld: dict[RoomId, Seq] = {}
        """Up to where the server claims events of which it showed none when it was asked."""
        self._strict: set[RoomId] = set()
        self._tracked: set[RoomId] = set()
        self._held: set[RoomId] = set()
        self._briefly: set[RoomId] = set()
        self._refused: set[RoomId] = set()
        """Rooms that the server could not show just now."""
        self._compared: set[RoomId] = set()
        """Rooms whose last event here was seen to be the server's, on this connection."""
        self._behind = asyncio.Event()
        self._moved = asyncio.Event()
        self.caught_up = asyncio.Event()

    def top(self, room: RoomId) -> Seq:
        """Return the newest accepted event of the room."""
        return self._tops.get(room, Seq(0))

    def head(self, room: RoomId) -> Seq:
        """Return the newest event of the room that the server has claimed."""
        return self._heads.get(room, Seq(0))

    def was_complete(self, room: RoomId, at: Millis) -> None:
        """Note that this device had all of a room's events until then; never moves back."""
        self._complete[room] = max(at, self._complete.get(room, Millis(0)))

    def _note_complete(self, room: RoomId, head: Seq) -> None:
        """Note that this device has all of a room up to now if it ends here: what follows is younger."""
        if 0 < head <= self.top(room):
            self.was_complete(room, self._clock.now())

    def know(self, tops: Mapping[RoomId, Seq]) -> None:
        """Take the archive's state; never moves back, and ignores strict rooms."""
        for room, top in tops.items():
            if room not in self._strict:
                self._tops[room] = max(top, self._tops.get(room, Seq(0)))

    def greet(self, summaries: Sequence[RoomSummary]) -> None:
        """Take the heads that the server sent in its greeting."""
        self._compared.clear()
        self._refused.clear()
        self._heads = {}
        self._withheld = {}
        self.caught_up.clear()
        for summary in summaries:
            self._note_complete(summary.room, summary.head)
            self.see(summary.room, summary.head)
        self._update_caught_up()

    def see(self, room: RoomId, head: Seq) -> None:
        """Note that the room has an event with this number."""
        self._heads[room] = max(head, self._heads.get(room, Seq(0)))
        if self._is_behind(room):
            self.caught_up.clear()
            self._behind.set()

    def entered(self, room: RoomId, head: Seq) -> None:
        """Catch up a room that the account joined."""
        if self._follow:
            self.see(room, head)

    async def push(self, event: LogEvent) -> None:
        """Take a pushed event; waits while too much is unwritten."""
        room, top = event.room, self.top(event.room)
        if (
            event.seq == top + 1
            and self.follows(room)
            and room not in self._held
            and not self._is_unsure(room)
        ):
            self._heads[room] = max(event.seq, self._heads.get(room, Seq(0)))
            self._accept(room, [event], live=True)
        elif event.seq > top:
            self._note_complete(room, self._heads.get(room, event.seq))
            self.see(room, event.seq)
        await self._queue.has_space()

    def forget(self, room: RoomId) -> None:
        """Fetch nothing more of a room: the account is not in it any more."""
        self._heads.pop(room, None)
        self._withheld.pop(room, None)
        self._briefly.discard(room)
        self._refused.discard(room)
        self._update_caught_up()

    # strict rooms
    def stand_at(self, room: RoomId, cursor: Seq) -> None:
        """Make a room strict, if it is not, and continue after ``cursor``, forwards or backwards."""
        self._strict.add(room)
        self._tops[room] = cursor
        self._changed(room)

    def hold(self, room: RoomId, *, briefly: bool = False) -> None:
        """Accept and fetch nothing of a strict room until ``release``.

        ``briefly``: its missing data is being fetched, and the room does not count as caught up before.
        """
        self._held.add(room)
        (self._briefly.add if briefly else self._briefly.discard)(room)
        self._update_caught_up()

    def release(self, room: RoomId, cursor: Seq) -> None:
        """Continue after ``cursor``."""
        self._held.discard(room)
        self._briefly.discard(room)
        self.stand_at(room, cursor)
        self._update_caught_up()

    def follows(self, room: RoomId) -> bool:
        """Say whether this program keeps a room without gaps."""
        return self._follow or room in self._tracked

    def track(self, room: RoomId) -> None:
        """Keep this room without gaps even in a program that follows no others."""
        self._tracked.add(room)
        self._changed(room)

    async def reached(self, room: RoomId, seq: Seq) -> None:
        """Wait until the room is complete up to its head and at least to ``seq``, and all is written."""
        while True:
            self._moved.clear()
            if room not in self._held and self.top(room) >= max(seq, self._heads.get(room, Seq(0))):
                await self._queue.drained()
                if room not in self._held and self.top(room) >= seq:
                    return
            elif max(self._heads.get(room, Seq(0)), self._withheld.get(room, Seq(0))) < seq:
                self.see(room, seq)
            else:
                await self._moved.wait()

    async def run(self, conversation: ChatConversation) -> None:
        """Fetch missing events until cancelled."""
        limit = asyncio.Semaphore(_AT_ONCE)
        while True:
            self._behind.clear()
            await _all(self._catch_up(conversation, room, limit) for room in self._all_behind())
            if not self._all_behind():
                await self._queue.drained()
                self._update_caught_up()
                if self._follow and not self._briefly and not self._refused:
                    await self._archive.write(set_setting, CAUGHT_UP, str(self._clock.now()))
                await self._behind.wait()

    def _is_behind(self, room: RoomId) -> bool:
        now = self.follows(room) and room not in self._held and room not in self._refused
        return now and (self._heads.get(room, Seq(0)) > self.top(room) or self._is_unsure(room))

    def _is_unsure(self, room: RoomId) -> bool:
        """Say whether the last event of a strict room may be another one at the server.

        Its history may have been exchanged for one that is as long, and has the same incarnation.
        """
        unsure = room in self._strict and room not in self._compared
        return unsure and 0 < self.top(room) <= self._heads.get(room, Seq(0))

    def _all_behind(self) -> list[RoomId]:
        return [room for room in self._heads if self._is_behind(room)]

    def _changed(self, room: RoomId) -> None:
        if self._is_behind(room):
            self.caught_up.clear()
            self._behind.set()
        self._moved.set()

    def _update_caught_up(self) -> None:
        if not self._all_behind() and not self._briefly and not self._refused:
            self.caught_up.set()
        self._moved.set()

    async def _catch_up(self, conversation: ChatConversation, room: RoomId, limit: asyncio.Semaphore) -> None:
        async with limit:
            try:
                while self._is_behind(room):
                    head, top = self._heads[room], self.top(room)
                    far = room not in self._strict and (top == 0 or head - top > LONGEST_CATCH_UP)
                    await self._fetch(conversation, room, None if far else top)
                    await self._queue.has_space()
            except RefusedError as error:
                if error.code in _NOT_NOW:
                    self._refused.add(room)
                    self._clock.call_later(_ASK_AGAIN_SECONDS, partial(self._ask_again, room))
                else:  # removed from the room in the meantime; `room_closed` says so
                    self.forget(room)

    def _ask_again(self, room: RoomId) -> None:
        self._refused.discard(room)
        self._changed(room)

    async def _fetch(self, conversation: ChatConversation, room: RoomId, after: Seq | None) -> None:
        """Fetch the page after a number, or the newest page."""
        # The first page of a connection begins with the last local event, to check that it is the same.
        overlaps = bool(after) and room not in self._compared
        begin = Seq(after - 1) if after and overlaps else after
        ask = History(id=new_request_id(), room=room, after=begin, limit=PAGE_EVENTS.value)
        now, summary, claimed = self._clock.now(), self._state.summary(room), self._heads.get(room, Seq(0))
        complete = self._complete.get(room, Millis(0)) if self.top(room) else Millis(0)
        expiry = Expiry.of(None if summary is None else summary.retention, now, complete)
        page = await fetch(conversation, ask, expiry)
        if after is not None and self._stands_elsewhere(room, after):
            return  # a strict room was held or moved back meanwhile
        overlaps = overlaps and bool(page) and page[0].seq == after
        if overlaps and await self._archive.write(divergence.doubt, page[0], self._state.me):
            raise UnreachableError(_("The server's history differs from this device's; comparing them."))
        self._compared.add(room)
        top = self.top(room)
        if fresh := [_above(event, top) for event in page if event.seq > top]:
            self._accept(room, fresh, live=False)
        elif claimed > top:  # what came while it was asked may not be in the answer
            self._withhold(room, top)

    def _withhold(self, room: RoomId, top: Seq) -> None:
        """Go on without events that the server claims but withholds: it is asked once, not for ever."""
        claimed = self._withheld[room] = self._heads[room]
        self._heads[room] = top
        self._moved.set()
        self._state.withhold(room, top, claimed)
        self._emit(HistoryWithheld(room, ends_early_text(top, claimed)))
        self._emit(RoomsChanged())

    def _stands_elsewhere(self, room: RoomId, after: Seq) -> bool:
        return room in self._held or self.top(room) < after

    def _accept(self, room: RoomId, events: Sequence[LogEvent], *, live: bool) -> None:
        if events:
            self._tops[room] = events[-1].seq
            self.was_complete(room, self._clock.now() if live else events[-1].at)
            self._withheld.pop(room, None)
            self._queue.put(Run(room, events, live))
            self._moved.set()


def _above(event: LogEvent, top: Seq) -> LogEvent:
    """Limit an event that marks missing ones to those that are not here."""
    return replace(event, first=max(event.first, top + 1)) if isinstance(event, MissingEvents) else event


async def fetch(
    conversation: ChatConversation, ask: History, expiry: Expiry = NOTHING_EXPIRES
) -> Sequence[LogEvent]:
    """Return a page of history whose numbers increase by one, with a `MissingEvents` for each gap.

    Those in a gap that ``expiry`` explains have expired.

    A page of another room counts as one without events. Raises ServerMisbehavedError, RefusedError.
    """
    page = await conversation.read(ask)
    if not isinstance(page, Page):
        raise ServerMisbehavedError(_("The server answered with something other than history."))
    numbers = conversation.numbers.of(ask.room) if conversation.numbers is not None else PLAIN
    events = page.events if page.room == ask.room else ()
    return complete(ask, events, numbers, kept_from=page.kept_from, expiry=expiry)


async def _all(coroutines: Iterable[Coroutine[None, None, None]]) -> None:
    """Run them concurrently; the first failure ends the others and is raised as it is."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
