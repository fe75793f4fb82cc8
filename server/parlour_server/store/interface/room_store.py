"""Rooms, who is in them, and the log of each, as the store keeps them."""

from asyncio import Future
from collections.abc import Callable, Sequence
from typing import Protocol

from parlour_protocol.frames.replies import LogEvent, RoomListing, RoomSummary
from parlour_protocol.ids import Millis, RoomId, Seq, SessionId
from parlour_protocol.names import RoomName, UserName
from parlour_server.store.types import Appended, AppendEvent, Facts, Greeting, Membership, NewRoom

Decide = Callable[[AppendEvent, Facts], None]
"""Called inside the transaction, perhaps in another thread: pure. Raises RefusedError to refuse."""


class Rooms(Protocol):
    """The rooms and who is in them: projections of their logs."""

    async def create(self, room: NewRoom) -> tuple[RoomId, Sequence[LogEvent]]:
        """Make a room with its first events, or return the one that exists.

        Returns the room's id and the events that were appended now (none when this request was done
        before, or the direct room exists). Raises NameTakenError when a room that the author can see (a
        public one, or one of theirs) has the name or one that looks like it, and for no other room;
        RefusedError(LIMIT_REACHED) for too many rooms.
        """
        ...

    async def summaries(self, user: UserName) -> Sequence[RoomSummary]:
        """Return every room that the user is in and has not refused."""
        ...

    async def greeting(self, user: UserName, session: SessionId, now: Millis) -> Greeting | None:
        """Return what a session is greeted with; None when it has ended, whenever that was."""
        ...

    async def summary(self, room: RoomId, user: UserName) -> RoomSummary | None:
        """Return one of them; None when the user is not in it, or refused it."""
        ...

    async def membership(self, room: RoomId, user: UserName) -> Membership | None:
        """Return what the user is in the room; None: not a member, or refused."""
        ...

    async def members(
        self, room: RoomId, *, after: UserName | None, limit: int
    ) -> tuple[Sequence[Membership], bool]:
        """Return members in order of name, and whether more follow."""
        ...

    async def pins(self, room: RoomId) -> Sequence[Seq]:
        """Return the pinned messages that the log can tell of, in order of number."""
        ...

    async def directory(self, *, after: RoomName | None, limit: int) -> tuple[Sequence[RoomListing], bool]:
        """Return public rooms in order of name, and whether more follow."""
        ...

    async def find_public(self, name: RoomName) -> RoomId | None:
        """Return the public room of this name."""
        ...

    async def find_named(self, name: RoomName) -> Sequence[RoomId]:
        """Return all rooms of this name, public or private: only for the operator."""
        ...

    async def mark_read(self, user: UserName, room: RoomId, seq: Seq) -> bool:
        """Set the user's read marker; False when the user is not in the room or ``seq`` is not yet there."""
        ...


class Log(Protocol):
    """The events of the rooms."""

    def append(self, event: AppendEvent, decide: Decide) -> "Future[Appended]":
        """Append one event and apply what it means for members, bans, topic and deleted events.

        Calls ``decide`` in the transaction. The future ends when the event is on disk: with RefusedError
        (from ``decide``; or CONFLICT when the request id was used for something else), UnavailableError,
        or the event. Events passed in by one caller keep their order. The same author, request and
        content again gives the first event, with ``replay``.
        """
        ...

    async def page(
        self, room: RoomId, *, after: Seq | None, before: Seq | None, limit: int, max_bytes: int
    ) -> tuple[Sequence[LogEvent], bool]:
        """Return events in ascending order and whether more lie in the asked direction.

        ``after``: the ones next above; else ``before``: the ones next below; neither: the newest. At most
        ``limit``, and no more bytes of bodies than ``max_bytes`` (but one event at least).
        """
        ...
