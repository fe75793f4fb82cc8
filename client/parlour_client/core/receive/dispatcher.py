"""Dispatches the frames that the server sends unasked, the greeting first, to the parts that they concern.

Rooms that the account joins or leaves are added, caught up and forgotten here. It sends no requests.
"""

from collections.abc import Sequence
from typing import assert_never

from parlour_client.core.archive import Archive, divergence
from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.events import Emit, RoomDeletion, RoomsChanged
from parlour_client.core.receive.read_markers import ReadMarkers
from parlour_client.core.sync.catch_up import CatchUp
from parlour_client.core.sync.presence import Presence
from parlour_client.core.sync.receipts import Receipts
from parlour_client.core.sync.room_store import RoomStore
from parlour_client.core.sync.server_notices import ServerNotices
from parlour_client.core.sync.state import State
from parlour_client.core.sync.waiting_invitations import WaitingInvitations
from parlour_client.core.transport.connection import Connection
from parlour_client.kit.errors import ServerMisbehavedError
from parlour_client.kit.language import _
from parlour_protocol.frames import Hello, LogEvent, RoomSummary
from parlour_protocol.frames.bodies import Message, RoomDeleted
from parlour_protocol.frames.replies import (
    AnyPush,
    GroupChanged,
    InvitationReceived,
    InvitationWithdrawn,
    KeyLogAppended,
    KeyPackagesLow,
    ReadBy,
    ReadMarked,
    RoomClosed,
    RoomEntered,
    StatusUpdate,
    TypingUpdate,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.server_notices import ServerNotice


class Dispatcher:
    """Dispatches each frame of the server to the part that it concerns."""

    def __init__(
        self,
        archive: Archive,
        state: State,
        rooms: RoomStore,
        catch_up: CatchUp,
        read_markers: ReadMarkers,
        receipts: Receipts,
        presence: Presence,
        invitations: WaitingInvitations,
        notices: ServerNotices,
        e2ee: E2ee,
        live: Connection,
        emit: Emit,
    ) -> None:
        self._archive = archive
        self._state = state
        self._rooms = rooms
        self._catch_up = catch_up
        self._read_markers = read_markers
        self._receipts = receipts
        self._presence = presence
        self._invitations = invitations
        self._notices = notices
        self._deleted: dict[RoomId, UserName] = {}
        """Rooms that someone deleted, until they are closed."""
        self._e2ee = e2ee
        self._live = live
        self._emit = emit

    async def greet(self, hello: Hello) -> None:
        """Take over the list of rooms in the greeting. Raises ServerMisbehavedError."""
        if hello.user != self._state.me:
            raise ServerMisbehavedError(_("The server connected you to a different account."))
        self._invitations.greet(hello)
        rooms: Sequence[RoomSummary] = list(map(self._read_markers.as_read_here, hello.rooms))
        # no server can make an encrypted room open again
        rooms = list(map(self._e2ee.believed, rooms))
        await self._rooms.take(rooms, all_of_them=True)
        await self._e2ee.greet(hello)
        self._catch_up.greet(rooms)
        self._emit(RoomsChanged())

    async def enter(self, summary: RoomSummary) -> None:
        """Take a room that the account joined, or that changed."""
        self._invitations.removed(summary.room)
        summary = self._e2ee.believed(summary)
        self._state.update(summary)
        if await self._archive.read(divergence.is_other, summary.room):
            await self._live.drop()  # the next greeting compares it
            return
        await self._rooms.take([summary])
        await self._e2ee.entered(summary)
        self._catch_up.entered(summary.room, summary.head)
        self._emit(RoomsChanged())

    async def dispatch(self, push: AnyPush) -> None:  # noqa: C901, PLR0912 - one case each
        """Dispatch a pushed frame; waits while too many events are unwritten."""
        match push:
            case LogEvent():
                if isinstance(push.body, RoomDeleted) and self._state.room(push.room) is not None:
                    self._deleted[push.room] = push.author
                typing = self._presence.typing_in.get(push.room, ())
                if isinstance(push.body, Message) and push.author in typing:
                    self._presence.stopped(push.room, push.author)
                await self._catch_up.push(push)
            case RoomEntered(room=summary):
                await self.enter(summary)
            case RoomClosed(room=room):
                await self._leave(room)
            case InvitationReceived(invitation=invitation):
                await self._invitations.received(invitation)
            case InvitationWithdrawn(room=room, statement=statement):
                self._invitations.removed(room)
                if statement is not None:
                    await self._e2ee.membership.withdrawn(room, statement)
            case ReadMarked(room=room, seq=seq):
                await self._read_markers.moved(room, seq)
            case ReadBy(room=room, user=user, seq=seq):
                # In an encrypted room these are sent encrypted, or the server has made them up.
                if not self._e2ee.covers(room):
                    self._receipts.read_by(room, user, seq)
            case TypingUpdate():
                self._presence.typing(push)
            case StatusUpdate():
                self._presence.status(push)
            case GroupChanged() | KeyPackagesLow() | KeyLogAppended():
                self._e2ee.pushed(push)
            case ServerNotice():
                self._notices.received(push)
            case _:
                assert_never(push)

    async def _leave(self, room: RoomId) -> None:
        known, by = self._state.room(room), self._deleted.pop(room, None)
        self._state.forget(room)
        self._catch_up.forget(room)
        self._receipts.forget(room)
        await self._e2ee.left(room)
        await self._rooms.leave(room)
        if known is not None and by is not None:
            self._emit(RoomDeletion(room, known.title, by))
        self._emit(RoomsChanged())
