"""How far this account has read: kept here, told to its other devices, and to others where it was wished.

One's own marker goes by the server in every room: a sealed one would tell the members as well, since a group
has one key for all of them. What others are told (a receipt) goes by the server in open rooms alone; in
encrypted ones it is a sealed message, and the server is asked to tell nobody. The engine makes one.
"""

from typing import Final

from parlour_client.core.archive import Archive
from parlour_client.core.e2ee.encrypted_rooms import EncryptedRooms
from parlour_client.core.event_bus import Emit
from parlour_client.core.events import RoomsChanged
from parlour_client.core.sync.receiver import Ingest
from parlour_client.core.sync.state import State
from parlour_client.core.transport.conversation import Conversation
from parlour_protocol.frames.requests import MarkRead
from parlour_protocol.ids import RoomId, Seq, new_request_id


class ReadMarkers:
    """The markers of all rooms, and those that the server is still to hear of."""

    def __init__(
        self,
        archive: Archive,
        state: State,
        ingest: Ingest,
        emit: Emit,
        sealed: EncryptedRooms | None,
        *,
        follow: bool,
    ) -> None:
        """Mark in ``state``; with ``follow`` in the archive as well."""
        self._archive = archive
        self._state = state
        self._ingest = ingest
        self._emit = emit
        self._sealed = sealed
        self._follow: Final = follow
        self._late: dict[RoomId, tuple[Seq, bool]] = {}

    async def move(self, room: RoomId, seq: Seq) -> None:
        """Move the marker here, in the archive too."""
        self._state.read(room, seq)
        summary = self._state.summary(room)
        if summary is not None and self._follow:
            await self._archive.save_rooms([summary])
            await self._ingest.recount(room)
        self._emit(RoomsChanged())

    async def mark(self, room: RoomId, seq: Seq, conversation: Conversation | None, *, share: bool) -> None:
        """Move the marker everywhere; without a connection: as soon as there is one.

        With ``share`` the others in the room are told, unless it goes back.
        """
        known = self._state.room(room)
        self._late[room] = (seq, share and (known is None or seq > known.read))
        await self.move(room, seq)
        if conversation is not None:
            await self.send(conversation)

    def keep(self, room: RoomId) -> None:
        """Go by what was read here, and let the server know: its own marker was rolled back."""
        if room not in self._late and (known := self._state.summary(room)) is not None:
            self._late[room] = known.read, False

    def late(self, room: RoomId) -> Seq | None:
        """Return what was read here and the server has not heard of, whatever its greeting says."""
        late = self._late.get(room)
        return None if late is None else late[0]

    async def send(self, conversation: Conversation) -> None:
        """Tell what was not told yet."""
        for room, late in list(self._late.items()):
            seq, share = late
            sealed = self._sealed if self._sealed is not None and self._sealed.covers(room) else None
            frame = MarkRead(id=new_request_id(), room=room, seq=seq, share=share and sealed is None)
            await conversation.ask(frame, lambda _: None)
            if share and sealed is not None:
                sealed.read_receipts.tell(room, seq)
            if self._late.get(room) == late:
                del self._late[room]
