"""Writing for the account: messages, edits, deletions, reactions, pins; read markers and drafts.

Anything durable goes through the outbox and never waits for the network; scripts wait for the server with
``stored``. Texts are checked before they are queued.
"""

from collections.abc import Mapping, Sequence

from parlour_client.core.archive import Archive, drafts, events, saved_preferences
from parlour_client.core.archive.outbox_table import AlsoWrite
from parlour_client.core.checked_text import message_text, reaction_text, report_note_text
from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.e2ee.group.report import closed_direct_words
from parlour_client.core.errors import ARCHIVED, OWNERS_UNARCHIVE
from parlour_client.core.events import Emit, EntryChanged
from parlour_client.core.model import Entry, Outgoing
from parlour_client.core.outbox.item import DurableRequest, Item, StoredAt
from parlour_client.core.outbox.outbox import Outbox
from parlour_client.core.receive.read_markers import ReadMarkers
from parlour_client.core.sync.receipts import Receipts
from parlour_client.core.sync.room_store import RoomStore
from parlour_client.core.sync.state import State
from parlour_client.core.transport.connection import Connection
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_protocol.frames.requests import Delete, Edit, Pin, React, Report, Send, Typing
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId, Seq, new_request_id
from parlour_protocol.kit.names import UserName
from parlour_protocol.reports import ReportReason
from parlour_protocol.rooms import Role, RoomKind


class Messages:
    """Writes for one account."""

    def __init__(
        self,
        archive: Archive,
        state: State,
        rooms: RoomStore,
        outbox: Outbox,
        live: Connection,
        read_markers: ReadMarkers,
        receipts: Receipts,
        e2ee: E2ee,
        emit: Emit,
        *,
        follow: bool,
    ) -> None:
        self._archive = archive
        self._state = state
        self._rooms = rooms
        self._outbox = outbox
        self._live = live
        self._read_markers = read_markers
        self._receipts = receipts
        self._e2ee = e2ee
        self._emit = emit
        self._follow = follow

    # writing: stored in the outbox at once
    async def send(self, room: RoomId, text: str, *, reply_to: Seq | None = None) -> Entry:
        """Queue a message; it is on disk when this returns."""
        return (await self.send_many(room, [text], reply_to=reply_to))[0]

    async def send_many(
        self, room: RoomId, texts: Sequence[str], *, reply_to: Seq | None = None
    ) -> Sequence[Entry]:
        """Queue several messages at once, in order: one write to the disk for all of them."""
        return await self.queue(
            [
                Send(id=new_request_id(), room=room, text=message_text(text), reply_to=reply_to)
                for text in texts
            ]
        )

    async def edit(self, room: RoomId, target: Seq, text: str) -> None:
        """Queue an edit of one of this account's messages."""
        await self._change(Edit(id=new_request_id(), room=room, target=target, text=message_text(text)))

    async def delete(self, room: RoomId, target: Seq) -> None:
        """Queue a deletion."""
        await self._change(Delete(id=new_request_id(), room=room, target=target))

    async def react(self, room: RoomId, target: Seq, reaction: str, *, on: bool = True) -> None:
        """Queue a reaction, or its removal."""
        text = reaction_text(reaction)
        await self._change(React(id=new_request_id(), room=room, target=target, reaction=text, on=on))

    async def pin(self, room: RoomId, target: Seq, *, on: bool = True) -> RequestId:
        """Queue pinning a message, or unpinning it. Raises SetupError if this account may not."""
        known = self._state.room(room)
        if known is not None and known.kind is not RoomKind.DIRECT and known.role is Role.MEMBER:
            raise SetupError(_("Only moderators and owners pin messages here."), _("Ask one of them."))
        return await self._change(Pin(id=new_request_id(), room=room, target=target, on=on))

    async def report(self, entry: Entry, reason: ReportReason, note: str = "") -> None:
        """Report a message to the server's operator, with its text as it is here. Raises SetupError."""
        if entry.seq is None or entry.text is None:
            raise SetupError(_("Only a message that can be read here can be reported."))
        await self._live.ask(
            Report(
                id=new_request_id(),
                room=entry.room,
                target=entry.seq,
                reason=reason,
                quote=message_text(entry.text),
                note=report_note_text(note),
            )
        )

    async def queue(self, frames: Sequence[Send]) -> Sequence[Entry]:
        """Queue messages of one room. Raises SetupError where the account is not in it."""
        return self._outbox.rows(await self._put(frames))

    async def stored(self, request: RequestId) -> Seq:
        """Wait until the server has stored it and return its number; raises if it was refused."""
        return (await self.outcome(request)).seq

    async def outcome(self, request: RequestId) -> StoredAt:
        """Like ``stored``, with the room and the server's time."""
        outcome = self._outbox.outcome(request)
        return await (
            outcome if self._outbox.has_outcome(request) else self._live.reconnector.unless_stopped(outcome)
        )

    def has_outcome(self, entry: Entry) -> bool:
        """Say whether ``outcome`` returns at once."""
        return entry.request is not None and self._outbox.has_outcome(entry.request)

    def outgoing(self) -> Sequence[Outgoing]:
        """Return everything that is being sent, in order."""
        return self._outbox.outgoing()

    async def retry(self, request: RequestId) -> None:
        """Send a failed message again."""
        await self._outbox.retry(request)

    async def cancel(self, request: RequestId) -> None:
        """Cancel a message that is not being sent."""
        await self._outbox.cancel(request)

    async def abandon(self, requests: Sequence[RequestId]) -> None:
        """Drop requests, sent or not: a failed command must not send them the next time."""
        await self._outbox.abandon(requests)

    # reading
    async def mark_read(self, room: RoomId, seq: Seq, *, share: bool = False) -> None:
        """Mark everything up to ``seq`` as read; with ``share`` the others in the room get a receipt."""
        await self._read_markers.mark(room, seq, share=share)

    def receipts(self, room: RoomId) -> Mapping[UserName, Seq]:
        """Return how far others have read, as they chose to share it."""
        return self._receipts.of(room)

    async def star(self, room: RoomId, seq: Seq, *, on: bool = True) -> None:
        """Star a message, or remove the star. Only this device knows."""
        await self._archive.write(saved_preferences.star, room, seq, on=on)
        for entry in await self._archive.read(events.shown, room, [seq]):
            self._emit(EntryChanged(entry))

    # typing
    async def typing(self, room: RoomId, *, on: bool) -> None:
        """Send a typing notification to the room: started, or stopped."""
        await self._live.tell(Typing(id=new_request_id(), room=room, on=on))

    async def draft(self, room: RoomId, thread: Seq | None = None) -> str:
        """Return the draft of a room, or of the thread that a message belongs to."""
        return await self._archive.read(drafts.draft, room, thread)

    async def save_draft(self, room: RoomId, text: str, thread: Seq | None = None) -> None:
        """Store the draft of a room, or of the thread that a message belongs to."""
        await self._archive.write(drafts.save_draft, room, text, thread)

    async def _change(self, frame: Edit | Delete | React | Pin) -> RequestId:
        return (await self._put([frame]))[0].request

    async def _put(self, frames: Sequence[DurableRequest]) -> Sequence[Item]:
        room = frames[0].room
        known = self._state.room(room)
        if known is None:
            raise SetupError(_("You are not in this room."), _("Join it first: parlour room join NAME."))
        deletes = isinstance(frames[0], Delete)
        if known.archived and not deletes:
            raise SetupError(_(ARCHIVED), _(OWNERS_UNARCHIVE))
        left = known.peer is not None and known.peer != self._state.me and known.members == 1
        if known.peer is not None and left and not deletes:
            raise SetupError(closed_direct_words(known.peer))  # nothing else ends a direct room
        await self._rooms.keep(room)
        early: AlsoWrite | None = None
        if self._e2ee.covers(room):
            frames = await self._e2ee.inspection.frames(room, frames)
            if self._follow and not self._outbox.has_any(room):  # else it must catch up with the room first
                early = self._e2ee.outgoing.encrypt_early(room, frames)
        return await self._outbox.put(frames, early)
