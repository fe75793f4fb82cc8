"""How far this account has read: stored here, sent to its other devices, and shared with others on request.

The read marker itself is never encrypted: a group has one key for all members, so they would read it too.
Read receipts for others go through the server in unencrypted rooms only; in encrypted rooms they are
encrypted messages, and the server is asked not to send any.
"""

from msgspec.structs import replace

from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.events import CountsChanged, Emit
from parlour_client.core.room_log.translation import Numbers
from parlour_client.core.sync.room_store import RoomStore
from parlour_client.core.sync.state import State
from parlour_client.core.transport.connection import Connection
from parlour_protocol.frames import RoomSummary
from parlour_protocol.frames.requests import MarkRead
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq, new_request_id


class ReadMarkers:
    """The markers of all rooms, and those that are not yet sent to the server."""

    def __init__(
        self,
        state: State,
        rooms: RoomStore,
        numbers: Numbers,
        live: Connection,
        e2ee: E2ee,
        emit: Emit,
    ) -> None:
        self._state = state
        self._rooms = rooms
        self._numbers = numbers
        self._live = live
        self._e2ee = e2ee
        self._emit = emit
        self._late: dict[RoomId, tuple[Seq, bool]] = {}

    async def mark(self, room: RoomId, seq: Seq, *, share: bool) -> None:
        """Move the marker everywhere; without a connection, as soon as there is one.

        With ``share`` the others in the room get a receipt, unless the marker moves back.
        """
        known = self._state.room(room)
        self._late[room] = (seq, share and (known is None or seq > known.read))
        await self._move(room, seq)
        await self.send()

    async def moved(self, room: RoomId, seq: Seq) -> None:
        """Take a marker that another device of the account moved."""
        await self._move(room, self._read_here(room, seq))

    def keep(self, room: RoomId) -> None:
        """Go by the marker of this device, and send it to the server, whose own was rolled back."""
        if room not in self._late and (known := self._state.summary(room)) is not None:
            self._late[room] = known.read, False

    def as_read_here(self, summary: RoomSummary) -> RoomSummary:
        """Return a room of the greeting with this device's marker, if that is not sent to the server yet."""
        late = self._late.get(summary.room)
        read = self._read_here(summary.room, summary.read) if late is None else late[0]
        return summary if read == summary.read else replace(summary, read=read)

    async def send(self) -> None:
        """Send what is not sent yet, while there is a connection."""
        for room, late in list(self._late.items()):
            if (conversation := self._live.conversation) is None:
                return
            seq, share = late
            e2ee = self._e2ee
            is_encrypted = e2ee.covers(room)
            frame = MarkRead(id=new_request_id(), room=room, seq=seq, share=share and not is_encrypted)
            await conversation.ask(frame, lambda _: None)
            if share and is_encrypted:
                e2ee.share_read(room, seq)
            if self._late.get(room) == late:
                del self._late[room]

    async def _move(self, room: RoomId, seq: Seq) -> None:
        await self._rooms.move_read_marker(room, seq)
        self._emit(CountsChanged(room))

    def _read_here(self, room: RoomId, read: Seq) -> Seq:
        """Return a read marker that covers what the server has lost, as far as it was read here."""
        known, floor = self._state.summary(room), self._numbers.of(room).floor
        return max(read, known.read) if known is not None and floor(known.read) == floor(read) else read
