"""The vault: encrypted rooms as the client's orchestration sees them, on the archive's thread.

Every method works inside the transaction that the caller has begun (BEGIN IMMEDIATE; a durable one where it
says so) and reads no clock: times are given, this device's own but for commits (``times``). It never asks
the server and never sends; it gives what to send, after that is kept. Several processes of one home may take
turns.
"""

from collections.abc import Collection, Sequence
from typing import Final

import apsw

from parlour_client.core.archive.rows import user_name
from parlour_client.core.e2ee import commit, join, receive, report, rolled_back, seal
from parlour_client.core.e2ee.batch import Batch, Own, People
from parlour_client.core.e2ee.commit import Prepared, Staged, Wanted
from parlour_client.core.e2ee.contents import RoleOf
from parlour_client.core.e2ee.groups import (
    Held,
    RoomRow,
    Shelf,
    load_room,
    pin_suite,
    pinned_suite,
    save_room,
    with_expired,
)
from parlour_client.core.e2ee.join import Opened, Packages
from parlour_client.core.e2ee.link_table import Links, dropped, dropped_note
from parlour_client.core.e2ee.refusals import NotReadyError
from parlour_client.core.e2ee.report import GroupReport, Rosters
from parlour_client.core.e2ee.results import Concern, Receipt, Received, ToContest
from parlour_client.core.e2ee.rules import Binding
from parlour_client.core.model import Note
from parlour_protocol.delivery import Commit, Found, WaitingWelcome
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.base import RoomKind, RoomSuite
from parlour_protocol.frames.requests import SendSealed
from parlour_protocol.ids import GroupId, Millis, RequestId, RoomId, Seq
from parlour_protocol.mls import KeyPackageStore
from parlour_protocol.names import UserName
from parlour_protocol.sealed import Payload

_NOBODY: Final = "This device is not in the room's group."


class Vault:
    """All encrypted rooms of one device."""

    def __init__(self, own: Own, people: People, packages: Packages) -> None:
        """Work for this device. Make a new one when its certificate or its key changed."""
        self._own = own
        self._people = people
        self._packages = packages
        self._shelf = Shelf(own.server)
        self._rosters = Rosters()

    # --- rooms

    def pin(self, connection: apsw.Connection, room: RoomId, suite: RoomSuite = RoomSuite.X25519) -> None:
        """Note for good that a room is encrypted; before there is a group, also what it was made with."""
        row = load_room(connection, room)
        if row is None:
            save_room(connection, RoomRow(room, Seq(0)))
        if row is None or row.group is None:  # afterwards the group says it, and the server nothing
            pin_suite(connection, room, suite)

    def is_encrypted(self, connection: apsw.Connection, room: RoomId) -> bool:
        """Say whether a room was ever known as encrypted."""
        return load_room(connection, room) is not None

    def since(self, connection: apsw.Connection, room: RoomId) -> Seq | None:
        """Return the event after which nothing readable is taken, if it was seen."""
        row = load_room(connection, room)
        return None if row is None else row.since

    def cursor(self, connection: apsw.Connection, room: RoomId) -> Seq:
        """Return the last event that was processed: fetch what follows it."""
        row = load_room(connection, room)
        return Seq(0) if row is None else row.cursor

    def begin_at(self, connection: apsw.Connection, room: RoomId, seq: Seq) -> None:
        """Begin after ``seq``, in a room of which nothing was processed yet."""
        row = load_room(connection, room) or RoomRow(room, Seq(0))
        if row.cursor == 0:
            row.cursor = seq
            save_room(connection, row)

    def leave(self, connection: apsw.Connection, room: RoomId) -> None:
        """Forget all keys of a room that this account is no member of any more; its messages stay."""
        row = load_room(connection, room)
        for (group,) in list(connection.execute("SELECT group_id FROM mls_groups WHERE room = ?", (room,))):
            self._shelf.drop(connection, GroupId(str(group)))
        if row is not None:
            row.group, row.contested = None, False
            save_room(connection, row)

    def forget_device(self, connection: apsw.Connection) -> None:
        """Forget all groups: this device has a new key, which is in none of them."""
        for (room,) in list(connection.execute("SELECT room FROM mls_rooms")):
            self.leave(connection, RoomId(str(room)))

    # --- events

    def receive(
        self,
        connection: apsw.Connection,
        room: RoomId,
        events: Sequence[LogEvent],
        role_of: RoleOf,
        now: Millis,
        *,
        welcome_missing: bool = False,
    ) -> Receipt:
        """Process events in order; store ``items`` in the same transaction. Raises ServerMisbehavedError.

        ``now`` is by this device's clock. ``welcome_missing``: there is no Welcome for the Handshake that an
        earlier receipt waits for.
        """
        row = load_room(connection, room) or RoomRow(room, Seq(0))
        held = self._shelf.load(connection, row.group)
        batch = Batch(
            connection,
            self._own,
            self._people,
            self._shelf,
            row,
            held,
            Links(connection, room),
            role_of,
            now,
            welcome_missing=welcome_missing,
        )
        return receive.run(batch, events)

    def dropped(self, connection: apsw.Connection, room: RoomId) -> dict[Seq, Note | None]:
        """Return notes, once, of what the server blanked by itself; when all of the room was processed."""
        query = "SELECT author FROM events WHERE room = ? AND seq = ?"
        return {
            seq: dropped_note(user_name(str(author)))
            for seq in dropped(connection, room)
            for (author,) in connection.execute(query, (room, seq))
        }

    def before(self, connection: apsw.Connection, room: RoomId, events: Sequence[LogEvent]) -> list[Received]:
        """Return events from below the cursor that never were processed: scrolling back before our join."""
        row = load_room(connection, room) or RoomRow(room, Seq(0))
        items = receive.before_join(row, events)
        save_room(connection, row)
        return items

    def expire(self, connection: apsw.Connection, now: Millis) -> None:
        """Drop the keys of past epochs that ended long ago by this device's clock, in all rooms."""
        for group in with_expired(connection, now):
            held = self._shelf.load(connection, group)
            if held is not None and held.forget_old(held.ended[0].at, now):
                self._shelf.save(connection, held)

    # --- messages

    def seal(
        self,
        connection: apsw.Connection,
        request: RequestId,
        room: RoomId,
        payload: Payload,
        at: Millis,
        blanks: Seq | None = None,
        before: Collection[RequestId] = (),
    ) -> SendSealed:
        """Return the frame to send. In a durable transaction.

        ``before``: requests that the server has, or that leave before this one.
        Raises ArrivedError, BlockedError, NotReadyError.
        """
        if rolled_back.is_due(connection, room):
            raise NotReadyError(rolled_back.FOUND_AGAIN)
        held = seal.require_sendable(*self._both(connection, room))
        seal.require_settled(connection, self._people, self._shelf, held, self._own.user, at)
        return seal.seal(connection, self._shelf, held, request, payload, blanks, before)

    def forget_sealed(self, connection: apsw.Connection, request: RequestId) -> None:
        """Forget a message that never left, or that the server has refused for good."""
        seal.forget(connection, request)

    # --- commits

    def found(
        self, connection: apsw.Connection, room: RoomId, kind: RoomKind, request: RequestId, at: Millis
    ) -> Found:
        """Make the room's group, or its next one when it was contested or all its devices are gone.

        In a durable transaction. The server decides whether nobody is left; who holds keys is not nobody.
        """
        row = load_room(connection, room) or RoomRow(room, Seq(0))
        if self._shelf.load(connection, row.group) is not None and not row.contested:
            raise NotReadyError("The room has a group already.", "Nothing is to be done.")
        save_room(connection, row)
        again = commit.founding(connection, room, row.group)
        if again is not None:
            return again
        binding, suite = Binding(self._own.server, room, kind), pinned_suite(connection, room)
        group = commit.found(connection, self._shelf, self._own, binding, suite, request, at)
        return Found(request=request, group=group, replaces=row.group)

    def rolled_back(self, connection: apsw.Connection, room: RoomId, shared: Seq, fork: Seq) -> None:
        """Take note that the server lost what is between ``shared`` and ``fork``, and go on behind it.

        Our own commits that wait were made for an epoch that the server has not.
        """
        row, held = self._both(connection, room)
        if row is None:
            return
        if held is not None:
            commit.drop(connection, self._shelf, held)
        self.contested(connection, room)
        members = {member.user for member in self.status(connection, room).members}
        before = row.group
        rolled_back.note(connection, row, shared, fork, members, self._own.user)
        if row.group != before and before is not None:
            self._shelf.drop(connection, before)
        save_room(connection, row)

    def found_again(
        self,
        connection: apsw.Connection,
        room: RoomId,
        kind: RoomKind,
        replaces: GroupId | None,
        request: RequestId,
        at: Millis,
    ) -> Found:
        """Make the next group of a room that was rolled back, in the place of the server's. Durably.

        Raises NotReadyError where it was founded meanwhile.
        """
        row = load_room(connection, room)
        if row is None or not rolled_back.is_due(connection, room):
            raise NotReadyError("The room has a group already.", "Nothing is to be done.")
        if row.group is not None and row.group != replaces:
            self._shelf.drop(connection, row.group)
        row.group, row.contested = replaces, True
        save_room(connection, row)
        return self.found(connection, room, kind, request, at)

    def people(self, connection: apsw.Connection, room: RoomId) -> Collection[UserName] | None:
        """Return who alone may be let in, in a room that was rolled back; None: whom the server lists."""
        known = rolled_back.load(connection, room)
        return None if known is None else known.people

    def founding(self, connection: apsw.Connection, room: RoomId) -> Found | None:
        """Return the founding that the log has not shown yet."""
        row = load_room(connection, room)
        return None if row is None else commit.founding(connection, room, row.group)

    def drop_founding(self, connection: apsw.Connection, room: RoomId) -> None:
        """Give a founding up that the server has refused for another reason than that one is there."""
        founding = self.founding(connection, room)
        if founding is not None:
            self._shelf.drop(connection, founding.group)

    def held(self, connection: apsw.Connection, room: RoomId) -> Held:
        """Return the group for ``commit.prepare`` on another thread. Raises NotReadyError."""
        held = self._held(connection, room)
        if held is None:
            raise NotReadyError(_NOBODY)
        return held

    def stage(self, connection: apsw.Connection, room: RoomId, wanted: Wanted) -> Commit:
        """Make a commit and keep it. In a durable transaction. Raises NotReadyError, BadPackageError."""
        return self.store(connection, commit.prepare(self.held(connection, room), wanted, self._own))

    def store(self, connection: apsw.Connection, prepared: Prepared) -> Commit:
        """Keep a commit that was prepared on another thread. In a durable transaction. Raises MovedError."""
        return commit.store(connection, self._shelf, prepared)

    def retry(
        self, connection: apsw.Connection, room: RoomId, request: RequestId, purpose: str, at: Millis
    ) -> Commit | None:
        """Make a lost commit again, as far as it makes sense. In a durable transaction."""
        wanted = Wanted(request, purpose, {}, (), at, at)
        prepared = commit.retry(self.held(connection, room), wanted)
        return None if prepared is None else self.store(connection, prepared)

    def staged(self, connection: apsw.Connection, room: RoomId) -> Staged | None:
        """Return the commit that the log has not shown yet: POST it again after a restart."""
        row = load_room(connection, room)
        return None if row is None else commit.staged(connection, row.group)

    def drop_staged(self, connection: apsw.Connection, room: RoomId) -> None:
        """Give it up: the server refused it, and not because another came first (that the log shows)."""
        held = self._held(connection, room)
        if held is not None:
            commit.drop(connection, self._shelf, held)

    # --- joining

    def open_welcome(
        self, store: KeyPackageStore, kind: RoomKind, waiting: WaitingWelcome, event: LogEvent
    ) -> Opened:
        """Open a Welcome; touches no connection, so any thread may do it. Raises JoinRefusedError."""
        return join.open_welcome(self._own, kind, store, waiting, event)

    def enter(
        self, connection: apsw.Connection, opened: Opened, event: LogEvent, now: Millis
    ) -> tuple[Received, list[Concern]]:
        """Join the group of an opened Welcome. In a durable transaction. Raises JoinRefusedError."""
        return join.enter(connection, self._shelf, self._people, self._packages, opened, event, now)

    def join(
        self,
        connection: apsw.Connection,
        kind: RoomKind,
        waiting: WaitingWelcome,
        event: LogEvent,
        now: Millis,
    ) -> tuple[Received, list[Concern]]:
        """Open a Welcome and join, for groups that are not big. In a durable transaction."""
        opened = self.open_welcome(self._packages.load(connection), kind, waiting, event)
        return self.enter(connection, opened, event, now)

    # --- how it stands

    def status(self, connection: apsw.Connection, room: RoomId) -> GroupReport:
        """Return how a room stands."""
        again = rolled_back.is_due(connection, room)
        return report.status(*self._both(connection, room), self._rosters, again=again)

    def contests(self, connection: apsw.Connection) -> Sequence[tuple[RoomId, ToContest]]:
        """Return what could not be followed and was not reported yet."""
        return report.contests(connection)

    def contested(self, connection: apsw.Connection, room: RoomId) -> None:
        """Note that it was reported."""
        connection.execute("UPDATE mls_groups SET contest = NULL WHERE room = ?", (room,))

    def _held(self, connection: apsw.Connection, room: RoomId) -> Held | None:
        return self._both(connection, room)[1]

    def _both(self, connection: apsw.Connection, room: RoomId) -> tuple[RoomRow | None, Held | None]:
        row = load_room(connection, room)
        return row, None if row is None else self._shelf.load(connection, row.group)
