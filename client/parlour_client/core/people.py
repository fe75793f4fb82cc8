"""Other people, and this account's presence: profiles, presence, and ignored people."""

from collections.abc import Set as AbstractSet

from parlour_client.core.archive import Archive, saved_preferences
from parlour_client.core.archive.known_people import known_people
from parlour_client.core.archive.search import messages_of
from parlour_client.core.events import Emit, IgnoredChanged, RoomsChanged
from parlour_client.core.model import Profile, Room
from parlour_client.core.rooms import Rooms
from parlour_client.core.sync.room_store import RoomStore
from parlour_client.core.sync.state import State
from parlour_client.core.transport.connection import Connection
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_protocol.frames.requests import SetStatus
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role, Status


class People:
    """The people that an account knows."""

    def __init__(
        self,
        archive: Archive,
        state: State,
        room_store: RoomStore,
        live: Connection,
        rooms: Rooms,
        emit: Emit,
    ) -> None:
        self._archive = archive
        self._state = state
        self._room_store = room_store
        self._live = live
        self._rooms = rooms
        self._emit = emit

    async def profile(self, user: UserName) -> Profile:
        """Return what this device knows of a person; asks the server for the rooms' members."""
        count, last = await self._archive.read(messages_of, user)
        rooms: list[tuple[Room, Role]] = []
        status = Status.OFFLINE
        for room in self._state.rooms if self._live.conversation is not None else ():
            for member in await self._rooms.members(room.id):
                if member.user == user:
                    rooms.append((room, member.role))
                    status = member.status
        return Profile(user, tuple(rooms), status, count, last, user in self.ignored)

    async def known(self) -> AbstractSet[UserName]:
        """Return the people whose names this device knows, to complete them."""
        return await self._archive.read(known_people)

    async def set_status(self, status: Status) -> None:
        """Set this account's presence: online, or away."""
        if status is Status.OFFLINE:
            raise SetupError(_("You can't set yourself offline."), _("Use online or away, or quit."))
        await self._live.tell(SetStatus(id=new_request_id(), status=status))

    @property
    def ignored(self) -> AbstractSet[UserName]:
        """The people ignored on this device."""
        return self._state.preferences.ignored

    async def ignore(self, user: UserName, *, on: bool = True) -> None:
        """Ignore someone on this device, or stop: their messages are hidden and notify of nothing."""
        if user == self._state.me:
            raise SetupError(_("You can't ignore yourself."))
        await self._archive.write(saved_preferences.ignore, user, on=on)
        await self._room_store.load_preferences()
        for room in self._state.rooms:
            await self._room_store.recount(room.id)
        self._emit(IgnoredChanged())
        self._emit(RoomsChanged())
