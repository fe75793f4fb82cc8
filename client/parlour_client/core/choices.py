"""What a person keeps to themselves: favourites, muted rooms, ignored people, stars. No server hears of it.

It is written to the encrypted archive first and then told to the views. ``State`` holds what is asked for on
every event; ``Client`` inherits this.
"""

from collections.abc import Set as AbstractSet
from dataclasses import replace

from parlour_client.core.archive.known_rooms import Choice
from parlour_client.core.engine import Engine
from parlour_client.core.errors import SetupError
from parlour_client.core.events import EntryChanged, IgnoredChanged, RoomsChanged
from parlour_protocol.ids import RoomId, Seq
from parlour_protocol.names import UserName


class OwnChoices:
    """The choosing half of ``ChatClient``. A subclass gives ``_engine``."""

    @property
    def _engine(self) -> Engine:
        raise NotImplementedError

    @property
    def ignored(self) -> AbstractSet[UserName]:
        """Who is ignored on this device."""
        return self._engine.state.choices.ignored

    async def ignore(self, user: UserName, *, on: bool = True) -> None:
        """Fold what somebody says, count none of it, and tell of none of it; or no longer."""
        engine = self._engine
        if user == engine.state.me:
            raise SetupError("You cannot ignore yourself.")
        await engine.archive.ignore(user, on=on)
        engine.state.choices = await engine.archive.choices()
        for room in engine.state.rooms:
            engine.state.count(room.id, *await engine.archive.counts(room.id, room.read, engine.state.me))
        engine.news.emit(IgnoredChanged())
        engine.news.emit(RoomsChanged())

    async def favour(self, room: RoomId, *, on: bool = True) -> None:
        """Put a room among the favourites, or take it out."""
        await self._choose(room, "favourite", on=on)

    async def silence(self, room: RoomId, *, on: bool = True) -> None:
        """Mute a room: nothing in it asks for attention."""
        await self._choose(room, "muted", on=on)

    async def keep_strict(self, room: RoomId, *, on: bool = True) -> None:
        """Send to an encrypted room only while everybody in it is verified. Raises SetupError elsewhere."""
        engine = self._engine
        known = engine.state.room(room)
        if engine.sealed is None or known is None or not known.encrypted:
            raise SetupError("This room is not end-to-end encrypted.", "/encrypt turns encryption on.")
        await self._choose(room, "strict", on=on)
        await engine.sealed.identities.refresh()  # what waits there may go now

    @property
    def last_room(self) -> RoomId | None:
        """The room that was open last on this device; a client may have left it since."""
        return self._engine.state.choices.last_room

    async def remember_open(self, room: RoomId) -> None:
        """Begin with this room the next time."""
        engine = self._engine
        if room != engine.state.choices.last_room:
            engine.state.choices = replace(engine.state.choices, last_room=room)
            await engine.archive.remember_open(room)

    async def star(self, room: RoomId, seq: Seq, *, on: bool = True) -> None:
        """Put a star to a message, or take it off."""
        engine = self._engine
        await engine.archive.star(room, seq, on=on)
        for entry in await engine.archive.shown(room, [seq]):
            engine.news.emit(EntryChanged(entry))

    async def _choose(self, room: RoomId, column: Choice, *, on: bool) -> None:
        engine = self._engine
        await engine.archive.choose(room, column, on=on)
        engine.state.choices = await engine.archive.choices()
        engine.news.emit(RoomsChanged())
