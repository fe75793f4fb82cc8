"""Looking things up: search, threads, earlier texts, gaps, people, what is on its way, sessions.

Looking never marks anything as read. What the archive does not have is fetched while there is a connection;
what cannot be had is said. ``Client`` inherits it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from parlour_client.core.account.sign_in import SignIn
from parlour_client.core.engine import Engine
from parlour_client.core.errors import ServerMisbehavedError
from parlour_client.core.model import Entry, Gap, MemberView, Outgoing, Profile, Room, Thread, Version
from parlour_client.core.search_query import QueryError, parse
from parlour_protocol.api import SessionInfo
from parlour_protocol.frames.base import Role, Status
from parlour_protocol.frames.bodies import Deleted, Edited, Pinned, Reacted
from parlour_protocol.frames.replies import Pins
from parlour_protocol.frames.requests import Delete, Edit, ListPins, React, Send
from parlour_protocol.ids import Millis, RoomId, Seq, SessionId, new_request_id
from parlour_protocol.names import UserName

_ANCESTORS: Final = 16
"""Messages further up that are fetched for one thread."""


class Looking:
    """The looking half of ``ChatClient``. A subclass gives ``_engine`` and ``_now``."""

    @property
    def _engine(self) -> Engine:
        raise NotImplementedError

    def _now(self) -> Millis:
        raise NotImplementedError

    async def search(self, words: str, *, room: RoomId | None = None, limit: int = 50) -> Sequence[Entry]:
        """Search the archive, newest first. Raises QueryError when the search cannot be understood."""
        engine = self._engine
        names = await engine.archive.rooms_by_name()
        query = parse(words, lambda name: _rooms_named(name, names), self._now())
        if query.is_empty:
            raise QueryError("Write what to look for.")
        if room is not None:
            if query.rooms and room not in query.rooms:
                return ()
            query.rooms = [room]
        return await engine.archive.search(query, engine.state.me, limit)

    async def room_names(self) -> Mapping[RoomId, str]:
        """Return what every room is called of which there is history here, left ones too."""
        return dict(await self._engine.archive.rooms_by_name())

    async def entry(self, room: RoomId, seq: Seq) -> Entry | None:
        """Return one message, fetched when it is not here; None when it cannot be had."""
        engine = self._engine
        await engine.timeline.bring(room, seq)
        return next(iter(await engine.archive.shown(room, [seq])), None)

    async def thread(self, room: RoomId, seq: Seq) -> Thread:
        """Return all messages whose chain of replies leads to the same one as this message's."""
        engine = self._engine
        for _ in range(_ANCESTORS):
            found = await engine.archive.thread(room, seq)
            if found.missing is None or not await engine.timeline.bring(room, found.missing):
                return found
        return await engine.archive.thread(room, seq)

    async def pins(self, room: RoomId) -> Sequence[Entry]:
        """Return what is pinned in a room, what was pinned last first; offline as far as it is here.

        In an encrypted room it is what this device read; in an open one the server knows older pins as well.
        """
        engine = self._engine
        known = engine.state.room(room)
        if engine.conversation is None or known is None or known.encrypted:
            return await engine.archive.pins(room)
        told = await engine.ask(ListPins(id=new_request_id(), room=room))
        if not isinstance(told, Pins) or told.room != room:
            raise ServerMisbehavedError("The server answered with something else than pins.")
        for seq in told.targets:
            await engine.timeline.bring(room, seq)
        ours = [entry for entry in await engine.archive.pins(room) if entry.seq in told.targets]
        seen = {entry.seq for entry in ours}
        others = await engine.archive.shown(room, [seq for seq in told.targets if seq not in seen])
        return [*ours, *(replace(one, pinned=True) for one in others[::-1] if one.text is not None)]

    async def versions(self, room: RoomId, seq: Seq) -> Sequence[Version]:
        """Return the texts that a message had, oldest first."""
        return await self._engine.archive.versions(room, seq)

    async def gaps(self, room: RoomId, after: Seq, before: Seq) -> Sequence[Gap]:
        """Return which events between two are not on this device."""
        return await self._engine.archive.gaps(room, after, before)

    def outgoing(self) -> Sequence[Outgoing]:
        """Return everything of ours that is on its way, in order."""
        engine = self._engine
        found = []
        for item in engine.outbox.waiting():
            if isinstance(item.frame, Send):
                found.append(Outgoing(engine.timeline.entry_of(item)))
                continue
            frame = item.frame
            body: Edited | Deleted | Reacted | Pinned
            match frame:
                case Edit():
                    what, body = "edit", Edited(frame.target, frame.text)
                case Delete():
                    what, body = "deletion", Deleted(frame.target)
                case React():
                    what, body = "reaction", Reacted(frame.target, frame.reaction, frame.on)
                case _:
                    what, body = "pin", Pinned(frame.target, frame.on)
            account = engine.profile.account
            entry = Entry(
                frame.room, item.at, account.user, account.device, body,
                request=item.request, delivery=item.delivery,
                text=frame.text if isinstance(frame, Edit) else None,
            )  # fmt: skip
            found.append(Outgoing(entry, what))
        return found

    async def person(self, user: UserName) -> Profile:
        """Return what this device knows of a person; asks the server for the rooms' members."""
        engine = self._engine
        count, last = await engine.archive.said(user)
        rooms: list[tuple[Room, Role]] = []
        status = Status.OFFLINE
        for room in engine.state.rooms if engine.conversation is not None else ():
            for member in await self.members(room.id):
                if member.user == user:
                    rooms.append((room, member.role))
                    status = member.status
        return Profile(user, tuple(rooms), status, count, last, user in engine.state.choices.ignored)

    async def members(self, room: RoomId) -> Sequence[MemberView]:
        """List who is in the room."""
        raise NotImplementedError

    async def sessions(self) -> Sequence[SessionInfo]:
        """List the account's sessions, this one among them."""
        return await SignIn(self._engine.archive).sessions()

    async def end_session(self, which: SessionId) -> None:
        """Log another device of this account out."""
        await SignIn(self._engine.archive).end_session(which)


def _rooms_named(name: str, names: Sequence[tuple[RoomId, str]]) -> list[RoomId]:
    wanted = name.removeprefix("@").lower()
    return [room for room, known in names if known.lower() == wanted]
