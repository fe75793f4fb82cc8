"""The person's preferences on this device: favourite, muted, strict and recent rooms, numbers, the layout.

They are written to the encrypted archive first; then views are notified. They are never sent to a server.
"""

from collections.abc import Sequence

from parlour_client.core.archive import Archive, known_rooms, saved_preferences
from parlour_client.core.archive.saved_preferences import Layout, RoomPreference
from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.events import Emit, RoomsChanged
from parlour_client.core.sync.room_store import RoomStore
from parlour_client.core.sync.state import State
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_protocol.ids import RoomId


class Preferences:
    """The preferences of one account on this device."""

    def __init__(
        self,
        archive: Archive,
        state: State,
        rooms: RoomStore,
        e2ee: E2ee,
        emit: Emit,
    ) -> None:
        self._archive = archive
        self._state = state
        self._rooms = rooms
        self._e2ee = e2ee
        self._emit = emit

    async def favourite(self, room: RoomId, *, on: bool = True) -> None:
        """Add a room to the favourites, or remove it."""
        await self._set(room, "favourite", on=on)

    async def mute(self, room: RoomId, *, on: bool = True) -> None:
        """Mute a room: nothing in it notifies the person."""
        await self._set(room, "muted", on=on)

    async def number(self, room: RoomId, number: int) -> None:
        """Let a digit, from 1 to 9, open a room. Raises SetupError for another number.

        The room that has it gets the number of this one.
        """
        if number not in known_rooms.NUMBERS:
            raise SetupError(_("A room's number is one digit, from 1 to 9."), _("Use /number 3."))
        await self._archive.write(known_rooms.set_number, room, number)
        await self._changed()

    async def strict(self, room: RoomId, *, on: bool = True) -> None:
        """Send to an encrypted room only while everyone in it is verified. Raises SetupError elsewhere."""
        known = self._state.room(room)
        if known is None or not known.encrypted:
            raise SetupError(_("This room is not end-to-end encrypted."), _("/encrypt turns encryption on."))
        await self._set(room, "strict", on=on)
        await self._e2ee.recheck()  # messages waiting there may be sent now

    @property
    def last_room(self) -> RoomId | None:
        """The room that was open last on this device; the account may have left it since."""
        return self._state.preferences.last_room

    @property
    def recent_rooms(self) -> Sequence[RoomId]:
        """The rooms that were opened last on this device, the latest first; some may be left since."""
        return self._state.preferences.recent_rooms

    @property
    def layout(self) -> Layout:
        """The state of the screen when the client last ended."""
        return self._state.preferences.layout

    async def save_layout(self, layout: Layout) -> None:
        """Show this the next time."""
        await self._rooms.save_layout(layout)

    async def remember_open(self, room: RoomId) -> None:
        """Open this room first the next time."""
        await self._rooms.remember_open(room)

    async def _set(self, room: RoomId, which: RoomPreference, *, on: bool) -> None:
        await self._archive.write(saved_preferences.set_for_room, room, which, on=on)
        await self._changed()

    async def _changed(self) -> None:
        await self._rooms.load_preferences()
        self._emit(RoomsChanged())
