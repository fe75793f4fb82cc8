"""Interfaces for rooms, their members, and their logs."""

from asyncio import Future
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from parlour_protocol.frames.replies import LogEvent, RoomListing, RoomSummary
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq, SessionId
from parlour_protocol.kit.names import UserName
from parlour_protocol.room_name import RoomName
from parlour_server.kit.store.accounts.authority import BySession
from parlour_server.kit.store.engine.trusted_clock import TrustedClock
from parlour_server.store.types import (
    Appended,
    AppendEvent,
    ExpiringRoom,
    Facts,
    Greeting,
    MadeRoom,
    Membership,
    NewRoom,
    RetentionPolicy,
    RoomFactsForOperator,
)

Decide = Callable[[AppendEvent, Facts], None]
"""Called inside the transaction, perhaps in another thread; must be pure. Raises RefusedError to refuse."""


class Rooms(Protocol):
    """The rooms and their members: projections of their logs."""

    async def create(self, room: NewRoom) -> MadeRoom:
        """Create a room with its first events, or return the existing one.

        Raises NameTakenError when a room that the author can see (a public one, or one of theirs)
        has the name or one that looks like it, and for no other room; RefusedError(LIMIT_REACHED) for too
        many rooms.
        """
        ...

    async def summaries(self, user: UserName) -> Sequence[RoomSummary]:
        """Return every room that the user is in and did not decline."""
        ...

    async def greeting(self, user: UserName, session: SessionId, now: Millis) -> Greeting | None:
        """Return the contents of a session's greeting; None if the session has ended."""
        ...

    async def summary(self, room: RoomId, user: UserName) -> RoomSummary | None:
        """Return one room's summary; None if the user is not in it, or declined it."""
        ...

    async def membership(self, room: RoomId, user: UserName) -> Membership | None:
        """Return the user's membership; None if they are not a member, or declined."""
        ...

    async def members(
        self, room: RoomId, *, after: UserName | None, limit: int
    ) -> tuple[Sequence[Membership], bool]:
        """Return members in order of name, and whether more follow."""
        ...

    async def shared_by(self, users: Collection[UserName]) -> Sequence[tuple[UserName, RoomId]]:
        """Return the rooms of these people whose members may see their presence."""
        ...

    async def pins(self, room: RoomId) -> Sequence[Seq]:
        """Return the pinned messages, in order of number."""
        ...

    async def directory(self, *, after: RoomName | None, limit: int) -> tuple[Sequence[RoomListing], bool]:
        """Return public rooms in order of name, and whether more follow."""
        ...

    async def find_public(self, name: RoomName) -> RoomId | None:
        """Return the public room of this name."""
        ...

    async def find_named(self, name: RoomName) -> Sequence[RoomId]:
        """Return all rooms with this name, public or private: only for the operator."""
        ...

    async def for_operator(self, *, private: bool) -> Sequence[RoomFactsForOperator]:
        """Return all public rooms, or all private ones, active and archived, in order of name and id."""
        ...

    async def describe(self, room: RoomId) -> RoomFactsForOperator | None:
        """Return what the operator sees of a room, direct ones too; None if there is none."""
        ...

    async def deleted(self, now: Millis) -> Sequence[RoomId]:
        """Return rooms that were deleted and have data that can be removed now."""
        ...

    async def remove_batch(self, room: RoomId) -> bool:
        """Remove a batch of a deleted room's data; False if no more can be removed now."""
        ...

    async def mark_read(self, by: BySession, room: RoomId, seq: Seq) -> bool:
        """Set the user's read marker; False if the user is not in the room or ``seq`` does not exist yet."""
        ...


class LogPage(NamedTuple):
    """A page of a room's log, in ascending order. ``more``: more events exist in the direction asked for."""

    events: Sequence[LogEvent]
    more: bool
    kept_from: Seq = Seq(0)
    """Numbers under it without an event were removed by the room's retention."""


class Retention(Protocol):
    """How long messages are kept, and the removal of older ones."""

    async def set_for_server(self, days: int | None, now: Millis, notice: int) -> RetentionPolicy:
        """Set how long the server keeps messages; a shorter time applies after ``notice`` milliseconds."""
        ...

    async def policy(self, room: RoomId | None) -> RetentionPolicy:
        """Return what is set for a room, or for the server (None)."""
        ...

    async def look_at_clock(self, now: Millis) -> TrustedClock:
        """Return the time by which messages expire, after looking at the clock."""
        ...

    async def due(self, now: Millis) -> Sequence[ExpiringRoom]:
        """Return the rooms that have messages older than they keep them."""
        ...

    async def expire(self, room: ExpiringRoom, now: Millis) -> int:
        """Remove a batch of a room's messages; returns how many were looked at, 0 when there are no more."""
        ...


class Log(Protocol):
    """The events of the rooms."""

    def append(self, event: AppendEvent, decide: Decide) -> "Future[Appended]":
        """Append one event and apply its effects on members, bans, topic and deleted events.

        Calls ``decide`` in the transaction. The future completes when the event is on disk: with the event,
        RefusedError (from ``decide``, or CONFLICT if the request id was used for something else) or
        UnavailableError. One caller's events keep their order. Repeating the same author, request and content
        returns the first event, with ``replay``. For ``joined`` the result has the room's summary.
        """
        ...

    async def page(
        self, room: RoomId, *, after: Seq | None, before: Seq | None, limit: int, max_bytes: int
    ) -> LogPage:
        """Return a page.

        ``after``: the ones next above; else ``before``: the ones next below; neither: the newest. At most
        ``limit`` events and ``max_bytes`` of bodies (but at least one event).
        """
        ...

    async def heads(self, rooms: Collection[RoomId]) -> Mapping[RoomId, Seq]:
        """Return the numbers of the newest events of these rooms, in one read."""
        ...
