"""Windows of a room's timeline: from the archive, and from the server where the archive has a hole.

Entries come in ascending order with what later events say of them; our own that are not stored yet stand at
the end of the newest window. Offline it gives what there is. The client asks it for views and for `tail`.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from parlour_client.core.archive import Archive
from parlour_client.core.errors import ParlourClientError
from parlour_client.core.model import Account, Delivery, Entry
from parlour_client.core.outbox.item import Item
from parlour_client.core.outbox.outbox import Outbox
from parlour_client.core.sync.catch_up import Sync, fetch
from parlour_client.core.sync.state import State
from parlour_client.core.transport.conversation import Conversation
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.requests import History, Send
from parlour_protocol.ids import RoomId, Seq, new_request_id
from parlour_protocol.limits import PAGE_EVENTS

_MAX_PAGES: Final = 16
"""Pages fetched for one window: a room full of reactions has few rows in a page."""


class SealedPages(Protocol):
    """Takes pages of encrypted rooms from below where this device began."""

    def covers(self, room: RoomId) -> bool:
        """Say whether the room is encrypted."""
        ...

    async def older(self, room: RoomId, events: Sequence[LogEvent]) -> None:
        """Store them, as far as they are to be believed."""
        ...


class Timeline:
    """Reads history for one account."""

    def __init__(
        self,
        account: Account,
        archive: Archive,
        outbox: Outbox,
        sync: Sync,
        state: State,
        conversation: Callable[[], Conversation | None],
        sealed: SealedPages | None = None,
    ) -> None:
        """Read from ``archive`` and, while there is a conversation, from the server."""
        self._sealed = sealed
        self._account = account
        self._archive = archive
        self._outbox = outbox
        self._sync = sync
        self._state = state
        self._conversation = conversation

    async def window(
        self, room: RoomId, before: Seq | None, after: Seq | None, limit: int
    ) -> Sequence[Entry]:
        """Return up to ``limit`` entries."""
        if after is not None:
            return await self._upwards(room, after, limit)
        entries = await self._downwards(room, before or Seq(self._sync.top(room) + 1), limit)
        if before is not None:
            return entries
        return [*entries, *(self.entry_of(item) for item in self._outbox.unsent(room))]

    async def log(self, room: RoomId, after: Seq, limit: int) -> Sequence[LogEvent]:
        """Return events of the log over ``after``, each number in turn; empty when there are no more yet."""
        events, hole = await self._archive.above(room, after, limit)
        if events or hole is None:
            return events
        if not await self._fetch(room, after=hole):
            return (await self._archive.above(room, after, limit, over_holes=True))[0]
        return (await self._archive.above(room, after, limit))[0]

    async def bring(self, room: RoomId, seq: Seq) -> bool:
        """Fetch one event unless it is here; False when it cannot be had."""
        if any(not gap.gone for gap in await self._archive.gaps(room, Seq(seq - 1), Seq(seq + 1))):
            await self._fetch(room, before=Seq(seq + 1))
        return not await self._archive.gaps(room, Seq(seq - 1), Seq(seq + 1))

    def entry_of(self, item: Item) -> Entry:
        """Return the row of a message that is on its way."""
        frame = item.frame
        assert isinstance(frame, Send)  # noqa: S101 - the outbox gives only messages of its room
        return Entry(
            room=frame.room,
            at=item.stored.at if item.stored else item.at,
            author=self._account.user,
            device=self._account.device,
            body=Message(text=frame.text, reply_to=frame.reply_to, file=frame.file),
            seq=item.stored.seq if item.stored else None,
            request=item.request,
            text=frame.text,
            reply_to=frame.reply_to,
            delivery=item.delivery,
            problem=_problem(item),
        )

    async def _downwards(self, room: RoomId, before: Seq, limit: int) -> Sequence[Entry]:
        for _ in range(_MAX_PAGES):
            window = await self._archive.below(room, before, limit)
            if window.hole is None:
                return window.entries
            if not await self._fetch(room, before=window.hole):
                break
        return (await self._archive.below(room, before, limit, over_holes=True)).entries

    async def _upwards(self, room: RoomId, after: Seq, limit: int) -> Sequence[Entry]:
        entries: list[Entry] = []
        for _ in range(_MAX_PAGES):
            events = await self.log(room, after, PAGE_EVENTS.value)
            if not events:
                break
            after = events[-1].seq
            entries += await self._archive.shown(room, [event.seq for event in events])
            if len(entries) >= limit:
                break
        return entries[:limit]

    async def _fetch(self, room: RoomId, *, before: Seq | None = None, after: Seq | None = None) -> bool:
        """Fetch the page next to a hole; False when it cannot be had."""
        conversation = self._conversation()
        if conversation is None or self._state.room(room) is None:
            return False
        ask = History(id=new_request_id(), room=room, before=before, after=after, limit=PAGE_EVENTS.value)
        try:
            page = await fetch(conversation, ask)
        except ParlourClientError:
            return False
        if not page:
            if before is not None:
                await self._archive.set_floor(room, Seq(before - 1))
            return before is not None
        if self._sealed is not None and self._sealed.covers(room):
            await self._sealed.older(room, page)
            return True
        mentions = [self._state.names_me(event.body) for event in page]
        await self._archive.add(page, mentions, Seq(0))
        return True


def _problem(item: Item) -> str:
    why = item.error if item.delivery is Delivery.FAILED else item.waits
    return why.whole if why is not None else ""
