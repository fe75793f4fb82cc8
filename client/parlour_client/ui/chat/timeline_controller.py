"""Fills the timeline of the open room, or of one of its threads, and sends read markers.

Older pages, gaps and quoted messages are loaded when they become visible. Messages that arrive while a room
is loading are shown when it is loaded; an answer for a room that was left is dropped.
Nothing is marked as read while the person only peeks or the terminal has no focus.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from parlour_client.core.e2ee.values import Trust
from parlour_client.core.model import Entry, Thread
from parlour_client.core.settings import Settings
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.errors import ParlourClientError
from parlour_client.ui.chat.deferred import Deferred
from parlour_client.ui.chat.pane import Pane
from parlour_client.ui.chat.timeline.holes import Hole, HoleState, Run, holes_of
from parlour_client.ui.chat.timeline.layout import Layout
from parlour_client.ui.toasts import Toast
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId, Seq

PAGE: Final = 100
READ_EVERY: Final = 0.5
"""Seconds between two read markers of messages that follow each other: each is a request and two writes."""
LAST_MARK: Final = 1.0
"""Seconds that quitting waits for the last read marker; it is stored on this device before it is sent."""
PARENTS: Final = 8
"""Parents that are fetched for the quotes of one page: each may cost a request."""


class TimelineController:
    """Keeps one timeline widget filled."""

    def __init__(
        self,
        pane: Pane,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._current, self._timeline = pane.client, pane.current, pane.timeline
        self._interaction = pane.interaction
        pane.timeline.verified = lambda user: pane.client.encryption.trust(user) is Trust.VERIFIED
        self.peeking = False
        """Looking at this room marks nothing as read."""
        self.failed = False
        """The open room could not be read; it is tried again with the next connection."""
        self._early: list[Entry | RequestId] | None = None
        """Changes while the room was loading: new and changed entries, and unsent ones that went."""
        self._to_end: RoomId | None = None  # a room that is loading, to be shown at its end
        self._read_later: Seq | None = None
        self.now = now
        self._seen: tuple[RoomId, Seq] | None = None  # read, and not marked yet
        self._marked_at = -READ_EVERY
        self._marking = Deferred(pane.timeline, self._mark)
        self._behind: Seq | None = None  # the newest that was loaded when too many arrived to add one by one
        self._renew_again = False
        self.thread_found: Callable[[Thread], None] | None = None
        """Gets the thread each time that it was read; None: all of the room is shown."""
        self._no_parents = set[Seq]()  # requested, but not available; opening a room starts over

    @property
    def is_loading(self) -> bool:
        """Whether the open room is still loading."""
        return self._early is not None

    @property
    def sees_newest(self) -> bool:
        """Whether the newest message is visible to the person, and so is read."""
        focus = self._interaction.has_focus
        return not self.is_loading and self._timeline.follows and not self.peeking and focus

    @property
    def _online(self) -> bool:
        return self._client.connection.status.state is LinkState.ONLINE

    # --- loading

    def buffer(self) -> None:
        """Buffer new entries until the room is loaded."""
        self._mark()  # the room before
        self._early = []
        self._renew_again = False
        self._read_later = self._behind = None
        self._no_parents = set()

    async def load(self, room: RoomId) -> None:
        """Show the newest page of the open room; if it can't be read, show nothing until a later try."""
        self.failed = False
        self._timeline.lay_out(layout_of(self._interaction.settings))
        try:
            if self.thread_found is not None and (message := self._current.thread) is not None:
                await self._load_thread(room, message, self.thread_found)
            else:
                await self._load(room)
        except ParlourClientError:
            if self._current.id == room and self.is_loading:
                self.failed = True
                self._timeline.empty()  # else the messages of another room would stand there
            raise

    async def _load_thread(self, room: RoomId, message: Seq, found: Callable[[Thread], None]) -> None:
        """Show the thread of a message: what is here, and later the rest."""
        thread = await self._client.history.thread_here(room, message)
        me, ignored = self._client.account.user, self._client.people.ignored
        self._timeline.show(me, thread.entries, complete=True, ignored=ignored, root=thread.root)
        self._timeline.show_receipts(self._client.messages.receipts(room))
        early, self._early = self._early, None
        found(thread)
        for change in early or ():
            self.show(change) if isinstance(change, Entry) else self.remove_unsent(change)
        self.renew()

    async def _load_whole_thread(self, found: Callable[[Thread], None]) -> None:
        """Fetch what is missing of the thread, and show where something still is."""
        room, message = self._current.id, self._current.thread
        while room is not None and message is not None and self._early is None:
            self._renew_again = False
            thread = await self._client.history.thread(room, message)
            seqs = [thread.root, *(entry.seq for entry in thread.entries if entry.seq is not None)]
            run = Run(Seq(min(seqs) - 1), Seq(max(seqs) + 1))
            left = holes_of(await self._client.history.gaps(room, run.low, run.high), online=self._online)
            self._timeline.merge(thread.entries, replace(run, left=tuple(left)), root=thread.root)
            found(thread)
            await self._fetch_parents()
            if not self._renew_again:
                break

    async def _load(self, room: RoomId) -> None:
        early = self._early
        entries = await self._client.history.timeline(room, limit=PAGE)
        if self._current.id != room:
            return
        known = self._client.rooms.get(room)
        read = known.read if known is not None and known.unread else None
        holes = await self._holes(room, entries, None)
        if self._current.id != room:
            return
        around = await self._around_first_unread(room, read, entries)
        if self._current.id != room:
            return
        if self._early is early:
            self._early = None
        elif self._early is None:  # loaded once more, and that is done
            return
        self._timeline.show(
            self._client.account.user,
            entries,
            read=read,
            unread=known.unread if known is not None else 0,
            complete=begins(entries if around is None else around[0]),
            ignored=self._client.people.ignored,
            holes=holes,
            around=around,
        )
        self._timeline.show_receipts(self._client.messages.receipts(room))
        for change in early or ():
            if isinstance(change, Entry):
                self._timeline.add(change)
            else:
                self._timeline.remove_unsent(change)
        if self._renew_again:
            self.renew()
        if self._to_end == room:
            self._timeline.follow()
        self._to_end = None
        await self._fetch_parents()

    async def _holes(self, room: RoomId, entries: Sequence[Entry], before: Seq | None) -> list[Hole]:
        """Return the gaps within a page of entries, and below it if the page is the last one."""
        seqs = [entry.seq for entry in entries if entry.seq is not None]
        high = before or (Seq(seqs[-1] + 1) if seqs else None)
        if high is None:
            return []
        low = Seq(0) if len(seqs) < PAGE else Seq(seqs[0] - 1)
        return holes_of(await self._client.history.gaps(room, low, high), online=self._online)

    async def _around_first_unread(
        self, room: RoomId, read: Seq | None, newest: Sequence[Entry]
    ) -> tuple[Sequence[Entry], Run] | None:
        """Return the page around the read marker, if more is unread than the newest page holds."""
        loaded = next((entry.seq for entry in newest if entry.seq is not None), None)
        if not read or loaded is None or loaded <= read + 1:
            return None
        page, run = await self._around(room, Seq(read + 1))
        return (page, run) if page else None

    async def _around(self, room: RoomId, seq: Seq) -> tuple[Sequence[Entry], Run]:
        """Return the page with an event in its middle, and the run of numbers that it covers."""
        above = await self._client.history.timeline(room, after=Seq(seq - 1), limit=PAGE // 2)
        below = await self._client.history.timeline(room, before=seq, limit=PAGE // 2)
        page = [entry for entry in (*below, *above) if entry.seq is not None]
        if not page:
            return (), Run(seq, seq)
        low, high = Seq((page[0].seq or 1) - 1), Seq((page[-1].seq or 0) + 1)
        left = holes_of(await self._client.history.gaps(room, low, high), online=self._online)
        return page, Run(low, high, tuple(left))

    def load_older(self, before: Seq) -> None:
        """Load the page above the oldest message."""
        room = self._current.id

        async def page() -> None:
            if room is None:
                return
            try:
                older = await self._client.history.timeline(room, before=before, limit=PAGE)
                holes = await self._holes(room, older, before)
            except ParlourClientError:
                self._timeline.no_older()
                raise
            if self._current.id == room:
                self._timeline.prepend(older, complete=begins(older), holes=holes)
                await self._fetch_parents()

        self._interaction.run(page, group="page")

    def fill_hole(self, hole: Hole, *, downwards: bool = False) -> None:
        """Load the gap between two messages, or the page of it that the person scrolls to.

        ``downwards`` is how someone reads on from their first unread message.
        """
        room, gap = self._current.id, hole.gap
        if self.thread_found is not None:
            self.renew()
            return

        async def fill() -> None:
            if room is None:
                return
            try:
                entries = (
                    await self._client.history.timeline(room, after=gap.after, limit=PAGE)
                    if downwards
                    else await self._client.history.timeline(room, before=gap.before, limit=PAGE)
                )
            except ParlourClientError:
                self._timeline.hole_left(hole, HoleState.REFUSED)
                raise
            inside = [entry for entry in entries if entry.seq and gap.after < entry.seq < gap.before]
            low, high = gap.after, gap.before
            if len(inside) == PAGE and downwards:  # there may be more
                high = Seq((inside[-1].seq or 0) + 1)
            elif len(inside) == PAGE:
                low = Seq((inside[0].seq or 1) - 1)
            left = holes_of(await self._client.history.gaps(room, low, high), online=self._online)
            if self._current.id == room:
                self._timeline.merge(inside, Run(low, high, tuple(left)))
                await self._fetch_parents()

        self._interaction.run(fill, group="page")

    async def _fetch_parents(self) -> None:
        """Fetch parents of replies here that are further up, so that they can be quoted."""
        room = self._current.id
        if room is None:
            return
        wanted = [seq for seq in self._timeline.unknown_parents() if seq not in self._no_parents]
        found = []
        for seq in wanted[:PARENTS]:
            entry = await self._client.history.entry(room, seq)
            if entry is None:
                self._no_parents.add(seq)
            else:
                found.append(entry)
        if self._current.id == room:
            self._timeline.know_parents(found)

    def follow(self) -> None:
        """Go to the newest message; in a room that is loading, as soon as it is there."""
        if self.is_loading:
            self._to_end = self._current.id
        self._timeline.follow()

    async def load_around(self, room: RoomId, seq: Seq) -> bool:
        """Load a message of the open room, and say whether it is there; what is below it is loaded later."""
        if self._timeline.has(seq):
            return True
        page, run = await self._around(room, seq)
        if self._current.id != room or not page:
            return False
        self._timeline.merge(page, run, complete=begins(page))
        if not self._timeline.has(seq):
            self._interaction.toast(Toast.TOO_FAR)
            return False
        return True

    # --- changes

    def show(self, entry: Entry) -> None:
        """Show a new or changed entry of the open room; in a thread, if it belongs there."""
        if self._early is not None:
            self._early.append(entry)
        elif self.thread_found is None or self._timeline.holds(entry):
            self._timeline.add(entry)

    def remove_unsent(self, request: RequestId) -> None:
        """Remove an unsent entry of the open room."""
        if self._early is not None:
            self._early.append(request)
        else:
            self._timeline.remove_unsent(request)

    def show_receipts(self, room: RoomId) -> None:
        """Show how far others have read."""
        if not self.is_loading:
            self._timeline.show_receipts(self._client.messages.receipts(room))

    def renew(self) -> None:
        """Load the newest page once; what is between stays a hole until it is visible."""
        if self.is_loading:  # its page may have been read before the change
            self._renew_again = True
            return
        newest = next((entry.seq for entry in reversed(self._timeline.entries) if entry.seq), Seq(0))
        if self._behind is None:  # a second change while the first page loads: load once more, not more often
            self._behind = newest
            self._interaction.run(self._renew, group="renew")
        else:
            self._renew_again = True

    async def _renew(self) -> None:
        try:
            found = self.thread_found
            await (self._load_newest() if found is None else self._load_whole_thread(found))
        finally:  # also if it failed: the next change begins again
            self._behind = None

    async def _load_newest(self) -> None:
        room = self._current.id
        while room is not None and room == self._current.id and self._early is None:
            self._renew_again = False
            entries = await self._client.history.timeline(room, limit=PAGE)
            stored = [entry for entry in entries if entry.seq is not None]
            if room != self._current.id or not stored:
                break
            low, high = Seq((stored[0].seq or 1) - 1), Seq((stored[-1].seq or 0) + 1)
            left = holes_of(await self._client.history.gaps(room, low, high), online=self._online)
            self._timeline.merge(entries, Run(low, high, tuple(left)), behind=self._behind)
            self._behind = Seq(high - 1)
            if not self._renew_again:
                break

    # --- reading

    def read_up_to(self, seq: Seq) -> None:
        """Mark what was visible as read; what is visible in a thread says nothing about the room."""
        if self._current.thread is not None:
            return
        self._read_later = seq
        self.read_now()

    def read_now(self) -> None:
        """Move the read marker, but only while this terminal has the focus."""
        room, seq = self._current.room, self._read_later
        if room is None or seq is None or self.peeking or not self._interaction.has_focus:
            return
        self._read_later = None
        if seq > room.read:
            self._seen = room.id, seq
            wait = self._marked_at + READ_EVERY - self.now()
            if wait > 0:
                self._marking.schedule(wait)
            else:
                self._mark()

    async def finish(self) -> None:
        """Mark what was seen before the client stops; a server that does not answer is not waited for."""
        if (mark := self._due()) is not None:
            with suppress(TimeoutError, ParlourClientError):
                async with asyncio.timeout(LAST_MARK):
                    await mark()

    def _mark(self) -> None:
        if (mark := self._due()) is not None:
            self._interaction.run(mark, group="read")

    def _due(self) -> Callable[[], Awaitable[None]] | None:
        """Return what marks the messages that were seen as read, unless that was done meanwhile."""
        self._marking.cancel()
        seen, self._seen = self._seen, None
        if seen is None:
            return None
        room, seq = seen
        known = self._client.rooms.get(room)
        if known is None or seq <= known.read:
            return None
        self._marked_at = self.now()
        share = self._interaction.settings.receipts
        return lambda: self._client.messages.mark_read(room, seq, share=share)

    async def mark_unread(self, seq: Seq) -> None:
        """Mark a message and all after it as unread, until the room is opened again."""
        room = self._current.id
        if room is not None:
            self.peeking = True  # else the next new message would mark all of it as read
            self._read_later = self._seen = None
            await self._client.messages.mark_read(room, Seq(seq - 1))
            known = self._client.rooms.get(room)
            self._timeline.mark_unread(Seq(seq - 1), known.unread if known is not None else 0)


def layout_of(settings: Settings) -> Layout:
    """Return how the settings want messages to be laid out."""
    return Layout(settings.message_layout, settings.time_position, settings.timestamps, settings.formatting)


def begins(entries: Sequence[Entry]) -> bool:
    """Say whether a page includes the beginning of the room."""
    return not entries or entries[0].seq in {None, 1}
