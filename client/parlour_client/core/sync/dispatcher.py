"""What the server says by itself, into the parts that it concerns: the greeting, and what is pushed later.

Rooms that the account comes into or goes from are known, caught up and forgotten here. It asks for nothing;
the engine makes one and hands it what a conversation hears.
"""

from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from parlour_client.core.archive import Archive
from parlour_client.core.archive import divergence as forks
from parlour_client.core.e2ee.encrypted_rooms import EncryptedRooms
from parlour_client.core.errors import ServerMisbehavedError
from parlour_client.core.event_bus import Emit
from parlour_client.core.events import RoomsChanged
from parlour_client.core.room_log.translation import Numbers
from parlour_client.core.sync.catch_up import Sync
from parlour_client.core.sync.presence import Presence
from parlour_client.core.sync.read_markers import ReadMarkers
from parlour_client.core.sync.receipts import Receipts
from parlour_client.core.sync.receiver import Ingest
from parlour_client.core.sync.state import State
from parlour_client.core.sync.waiting_invitations import WaitingInvitations
from parlour_protocol.frames import Hello, LogEvent, RoomSummary
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.replies import (
    GroupChanged,
    InvitationReceived,
    InvitationWithdrawn,
    KeyLogAppended,
    KeyPackagesLow,
    Push,
    ReadBy,
    ReadMarked,
    RoomClosed,
    RoomEntered,
    StatusUpdate,
    TypingUpdate,
)
from parlour_protocol.ids import RoomId, Seq


class Hearing:
    """Tells the parts of a client what its server said."""

    def __init__(
        self,
        archive: Archive,
        state: State,
        sync: Sync,
        ingest: Ingest,
        sealed: EncryptedRooms | None,
        read_markers: ReadMarkers,
        receipts: Receipts,
        presence: Presence,
        invitations: WaitingInvitations,
        numbers: Numbers,
        emit: Emit,
        connect_again: Callable[[], Awaitable[None]],
        *,
        follow: bool,
    ) -> None:
        """Without ``follow`` rooms are not caught up, and nothing of them is written to ``archive``."""
        self._archive = archive
        self._state = state
        self._sync = sync
        self._ingest = ingest
        self._sealed = sealed
        self._read_markers = read_markers
        self._receipts = receipts
        self._presence = presence
        self._invitations = invitations
        self._numbers = numbers
        self._emit = emit
        self._connect_again = connect_again
        self._follow = follow

    async def greet(self, hello: Hello) -> None:
        """Take the rooms that the server says are ours. Raises ServerMisbehavedError."""
        if hello.user != self._state.me:
            raise ServerMisbehavedError("The server greeted another account.")
        self._invitations.greet(hello)
        rooms: Sequence[RoomSummary] = [self._as_read(summary) for summary in hello.rooms]
        if self._sealed is not None:  # no server makes an encrypted room open again
            rooms = [self._sealed.incoming.pinned(summary) for summary in rooms]
        if self._follow:
            self._sync.know(await self._archive.save_rooms(rooms, all_of_them=True))
        self._state.keep_only([summary.room for summary in rooms])
        for summary in rooms:
            self._state.tell(summary)
            if self._follow:
                await self._ingest.recount(summary.room)
        if self._sealed is not None:
            await self._sealed.greet(hello)
        self._sync.greet(rooms)
        self._emit(RoomsChanged())

    async def enter(self, summary: RoomSummary) -> None:
        """Take a room that the account came into, or that is not what it was."""
        self._invitations.gone(summary.room)
        if self._sealed is not None:
            summary = self._sealed.incoming.pinned(summary)
        self._state.tell(summary)
        if await self._archive.look(forks.is_other, summary.room):
            await self._connect_again()  # the greeting compares it
            return
        if self._follow:
            self._sync.know(await self._archive.save_rooms([summary]))
        if self._sealed is not None:
            await self._sealed.entered([summary])
            self._sealed.scheduler.changed(summary.room)
        if self._follow:
            self._sync.see(summary.room, summary.head)
            await self._ingest.recount(summary.room)
        self._emit(RoomsChanged())

    async def hear(self, push: Push) -> None:  # noqa: C901 - one case each
        """Take what is pushed; it waits where more came than can be written."""
        match push:
            case LogEvent():
                if isinstance(push.body, Message):
                    self._presence.said_something(push.room, push.author)
                self._sync.hear(push)
                await self._ingest.has_space()
            case RoomEntered(room=summary):
                await self.enter(summary)
            case RoomClosed(room=room):
                await self._leave(room)
            case InvitationReceived(invitation=invitation):
                self._invitations.came(invitation)
            case InvitationWithdrawn(room=room):
                self._invitations.gone(room)
            case ReadMarked(room=room, seq=seq):
                await self._read_markers.move(room, self._read_here(room, seq))
            case ReadBy():
                self._read_by(push)
            case TypingUpdate():
                self._presence.typing(push)
            case StatusUpdate():
                self._presence.status(push)
            case GroupChanged() | KeyPackagesLow() | KeyLogAppended() if self._sealed is not None:
                self._sealed.hear(push)
            case _:
                pass

    def _as_read(self, summary: RoomSummary) -> RoomSummary:
        late = self._read_markers.late(summary.room)
        read = self._read_here(summary.room, summary.read) if late is None else late
        return summary if read == summary.read else replace(summary, read=read)

    def _read_here(self, room: RoomId, read: Seq) -> Seq:
        """Return a read marker that goes through what the server has lost as far as it was read here."""
        known, floor = self._state.summary(room), self._numbers.of(room).floor
        return max(read, known.read) if known is not None and floor(known.read) == floor(read) else read

    def _read_by(self, told: ReadBy) -> None:
        if self._sealed is None or not self._sealed.covers(
            told.room
        ):  # there they come sealed, or are made up
            self._receipts.hear(told.room, told.user, told.seq)

    async def _leave(self, room: RoomId) -> None:
        self._state.forget(room)
        self._sync.forget(room)
        self._receipts.forget(room)
        if self._sealed is not None:
            await self._sealed.left(room)
        if self._follow:
            await self._archive.leave_room(room)
        self._emit(RoomsChanged())
