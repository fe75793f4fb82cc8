"""All operations on the groups of encrypted rooms, on the archive's thread.

Every method works inside the transaction that the caller has begun (BEGIN IMMEDIATE; a durable one where it
says so) and reads no clock: times are passed in, this device's own except for commits (``rules``). It
never contacts the server; it returns what to send once that is stored. Several processes may share one home.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeAlias

import apsw

from parlour_client.core.archive import key_log_copy, key_pins
from parlour_client.core.archive.rows import user_name
from parlour_client.core.e2ee.errors import DisplacedError, JoinRefusedError, KeyLogNeededError, NotReadyError
from parlour_client.core.e2ee.group import commit, join, plan, receive, report, rollback, seal, statements
from parlour_client.core.e2ee.group.commit import CommitRequest, PreparedCommit, StagedCommit
from parlour_client.core.e2ee.group.contents import RoleOf
from parlour_client.core.e2ee.group.join import OpenedWelcome
from parlour_client.core.e2ee.group.order import Links, dropped_note, take_dropped
from parlour_client.core.e2ee.group.plan import Clocks, Plan, plan_commit, signed
from parlour_client.core.e2ee.group.report import GroupReport, Rosters
from parlour_client.core.e2ee.group.rules import statement_of
from parlour_client.core.e2ee.group.run import (
    Concern,
    Judge,
    Receipt,
    Received,
    ToContest,
    Transaction,
)
from parlour_client.core.e2ee.group.store import (
    GroupStore,
    RoomRow,
    StoredGroup,
    known_roster,
    load_room,
    pin_suite,
    pinned_suite,
    save_room,
    with_expired,
)
from parlour_client.core.e2ee.identity import pins
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.e2ee.identity.pins import certificate_status
from parlour_client.core.errors import EncryptionError
from parlour_client.core.model import Note
from parlour_client.kit.language import N_, _
from parlour_mls import KeyPackageStore
from parlour_protocol.delivery import Commit, CreateGroup, GroupState, WaitingWelcome
from parlour_protocol.encrypted import Payload
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.requests import SendEncrypted
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import AnyAct, Execution, NotAcceptedError, NotAllowedError, Roster
from parlour_protocol.rooms import Role, RoomKind, RoomSuite

InitialMember: TypeAlias = tuple[UserName, bytes, Role]
"""Someone whom the group's creator trusts: name, account key, role."""
MakeAct: TypeAlias = Callable[[Roster], AnyAct]

_NOBODY: Final = N_("This device is not in the room's group.")


def _had_key_or_ask(connection: apsw.Connection, user: UserName, before: bytes, key: bytes) -> bool:
    """Say whether the key log had a new key of someone's. Raises KeyLogNeededError: it must be read on."""
    if not key_log_copy.had_key(connection, user, before, key):
        raise KeyLogNeededError
    return True


class GroupService:
    """All encrypted rooms of one device."""

    def __init__(self, own: OwnIdentity, judge: Judge = certificate_status) -> None:
        """Work for this device. Make a new service when its certificate or its key changes."""
        self.own = own
        self._judge = judge
        self._store = GroupStore(own.server)
        self._rosters = Rosters()

    # --- rooms

    def pin(self, connection: apsw.Connection, room: RoomId, suite: RoomSuite = RoomSuite.X25519) -> None:
        """Note for good that a room is encrypted; before there is a group, also its description."""
        row = load_room(connection, room)
        if row is None:
            save_room(connection, RoomRow(room, Seq(0)))
        if row is None or row.group is None:  # afterwards the group describes it, not the server
            pin_suite(connection, room, suite)

    def cursor(self, connection: apsw.Connection, room: RoomId) -> Seq:
        """Return the last processed event: fetch those after it."""
        row = load_room(connection, room)
        return Seq(0) if row is None else row.cursor

    def begin_at(self, connection: apsw.Connection, room: RoomId, seq: Seq) -> None:
        """Begin after ``seq``, in a room of which nothing was processed yet."""
        row = load_room(connection, room) or RoomRow(room, Seq(0))
        if row.cursor == 0:
            row.cursor = seq
            save_room(connection, row)

    def leave(self, connection: apsw.Connection, room: RoomId) -> None:
        """Delete all keys of a room that this account is not a member of any more; its messages stay."""
        row = load_room(connection, room)
        for (group,) in list(connection.execute("SELECT group_id FROM mls_groups WHERE room = ?", (room,))):
            self._store.drop(connection, GroupId(str(group)))
        if row is not None:
            row.group, row.contested = None, False
            save_room(connection, row)

    # --- events

    def process(
        self,
        connection: apsw.Connection,
        room: RoomId,
        events: Sequence[LogEvent],
        role_of: RoleOf,
        now: Millis,
        *,
        welcome_missing: bool = False,
        refused: JoinRefusedError | None = None,
        key_log_read: bool = False,
    ) -> Receipt:
        """Process events in order; store ``items`` in the same transaction. Raises ServerMisbehavedError.

        ``now`` is this device's time. ``welcome_missing``: there is no Welcome for the Handshake that an
        earlier receipt waits for, or it was ``refused``. ``key_log_read``: the key log was read to its end,
        for the same reason.
        """
        row = load_room(connection, room) or RoomRow(room, Seq(0))
        stored = self._store.load(connection, row.group)
        if stored is not None and not key_log_read:
            stored.rules.succeeds = partial(_had_key_or_ask, connection)
        transaction = Transaction(
            connection,
            self.own,
            self._judge,
            self._store,
            row,
            stored,
            Links(connection, room),
            role_of,
            now,
            Receipt([], row.cursor),
            welcome_missing=welcome_missing,
            refused=refused,
        )
        return receive.process_events(transaction, events)

    def dropped(self, connection: apsw.Connection, room: RoomId) -> dict[Seq, Note | None]:
        """Return notes, once, on events that the server blanked by itself, when the room is processed."""
        query = "SELECT author FROM events WHERE room = ? AND seq = ?"
        return {
            seq: dropped_note(user_name(str(author)))
            for seq in take_dropped(connection, room)
            for (author,) in connection.execute(query, (room, seq))
        }

    def before(self, connection: apsw.Connection, room: RoomId, events: Sequence[LogEvent]) -> list[Received]:
        """Return events below the cursor, which never were processed: scrolling back before our join."""
        row = load_room(connection, room) or RoomRow(room, Seq(0))
        items = receive.before_join(row, events)
        save_room(connection, row)
        return items

    def expire(self, connection: apsw.Connection, now: Millis) -> None:
        """Delete the keys of past epochs that ended long ago by this device's clock, in all rooms."""
        for group in with_expired(connection, now):
            stored = self._store.load(connection, group)
            if stored is not None and stored.forget_old(stored.ended[0].at, now):
                self._store.save(connection, stored)

    # --- messages

    def encrypt(
        self,
        connection: apsw.Connection,
        request: RequestId,
        room: RoomId,
        payload: Payload,
        at: Millis,
        blanks: Seq | None = None,
        before: Collection[RequestId] = (),
    ) -> SendEncrypted:
        """Return the frame to send. In a durable transaction.

        ``before``: requests that the server has, or that are sent before this one. Raises ArrivedError,
        BlockedError, NotReadyError.
        """
        if rollback.is_due(connection, room):
            raise NotReadyError(rollback.RECREATE_FIRST)
        stored = seal.require_sendable(*self._both(connection, room))
        seal.require_trusted(connection, self._judge, self._store, stored, self.own.user, at)
        return seal.encrypt_message(connection, self._store, stored, request, payload, blanks, at, before)

    def forget_encrypted(self, connection: apsw.Connection, request: RequestId) -> None:
        """Forget a message that was never sent, or that the server has refused for good."""
        seal.forget(connection, request)

    # --- commits

    def create_group(
        self,
        connection: apsw.Connection,
        room: RoomId,
        kind: RoomKind,
        request: RequestId,
        at: Millis,
        people: Collection[InitialMember] = (),
    ) -> CreateGroup:
        """Create the room's group, or the next one if it was contested or has lost all its devices.

        The next one is for the people of the one before. ``people``: whom the person trusts, besides
        themselves, if there is no roster yet. In a durable transaction. Only the server knows whether a group
        has lost all its devices; a device that still has its keys refuses that claim.
        """
        row = load_room(connection, room) or RoomRow(room, Seq(0))
        stored = self._store.load(connection, row.group)
        if stored is not None and stored.displaced:
            raise DisplacedError  # the other copy, and everyone else, may know other members by now
        if stored is not None and not row.contested:
            raise NotReadyError(_("This room already has an encrypted group."), _("There is nothing to do."))
        save_room(connection, row)
        again = commit.pending_creation(connection, room, row.group)
        if again is not None:
            return again
        people = people or self._asked_in(connection, room, at)
        roster = known_roster(connection, room) or self._begun(room, kind, at, people)
        suite = pinned_suite(connection, room)
        group = commit.create_group(connection, self._store, self.own, roster, suite, request, at)
        return CreateGroup(request=request, group=group, replaces=row.group)

    @staticmethod
    def _asked_in(connection: apsw.Connection, room: RoomId, at: Millis) -> Collection[InitialMember]:
        """Return the people whom the person confirmed when they encrypted the room, as far as they have keys.

        They chose the readers; no one else has to accept what they are in already.
        """
        people = []
        for user in sorted(statements.asked_in(connection, room)):
            key, pinned = pins.meet(connection, user, at), key_pins.find(connection, user)
            if key is not None and pinned is not None and pinned.level != key_pins.CHANGED:
                people.append((user, key, Role.MEMBER))
                statements.ask_out(connection, room, user)
        return people

    def rolled_back(
        self, connection: apsw.Connection, room: RoomId, shared: Seq, fork: Seq, now: Millis
    ) -> None:
        """Note that the server lost the events between ``shared`` and ``fork``, and continue after it.

        This device's pending commits were made for an epoch that the server does not have.
        """
        row, stored = self._both(connection, room)
        if row is None:
            return
        if stored is not None:
            commit.drop(connection, self._store, stored)
        self.contested(connection, room)
        members = {member.user for member in self.report(connection, room).members}
        roster = (
            known_roster(connection, room) if stored is None else statements.expected(connection, stored, now)
        )
        before = row.group
        rollback.note(connection, row, shared, fork, members, roster, self.own.user)
        links = Links(connection, room)
        links.forked(shared)
        links.save()
        if row.group != before and before is not None:
            self._store.drop(connection, before)
        save_room(connection, row)

    def recreate_group(
        self,
        connection: apsw.Connection,
        room: RoomId,
        kind: RoomKind,
        replaces: GroupId | None,
        request: RequestId,
        at: Millis,
    ) -> CreateGroup:
        """Create the next group of a rolled-back room, to replace the server's. In a durable transaction.

        Raises NotReadyError if it was created meanwhile.
        """
        row = load_room(connection, room)
        if row is None or not rollback.is_due(connection, room):
            raise NotReadyError(_("This room already has an encrypted group."), _("There is nothing to do."))
        if row.group is not None and row.group != replaces:
            self._store.drop(connection, row.group)
        row.group, row.contested = replaces, True
        save_room(connection, row)
        return self.create_group(connection, room, kind, request, at)

    def _begun(self, room: RoomId, kind: RoomKind, at: Millis, people: Collection[InitialMember]) -> Roster:
        if not self.own.admitted_key:
            raise NotReadyError(commit.NOT_APPROVED, commit.APPROVE_IT)
        role = Role.MEMBER if kind is RoomKind.DIRECT else Role.OWNER
        others = [one for one in people if one[0] != self.own.user]
        everybody = [(self.own.user, self.own.admitted_key, role), *others]
        return Roster.begin(self.own.server, room, kind, self.own.user, everybody, at)

    def pending_creation(self, connection: apsw.Connection, room: RoomId) -> CreateGroup | None:
        """Return the group creation that is not in the log yet."""
        row = load_room(connection, room)
        return None if row is None else commit.pending_creation(connection, room, row.group)

    def drop_creation(self, connection: apsw.Connection, room: RoomId) -> None:
        """Drop a group creation that the server refused, unless because another group exists."""
        pending_creation = self.pending_creation(connection, room)
        if pending_creation is not None:
            self._store.drop(connection, pending_creation.group)

    def stored(self, connection: apsw.Connection, room: RoomId) -> StoredGroup:
        """Return the group for ``commit.prepare`` on another thread. Raises NotReadyError."""
        stored = self._stored(connection, room)
        if stored is None:
            raise NotReadyError(_NOBODY)
        return stored

    def stage(self, connection: apsw.Connection, room: RoomId, wanted: CommitRequest) -> Commit:
        """Make and store a commit. In a durable transaction. Raises NotReadyError, BadPackageError."""
        return self.store(connection, commit.prepare(self.stored(connection, room), wanted, self.own))

    def store(self, connection: apsw.Connection, prepared: PreparedCommit) -> Commit:
        """Store a commit that was prepared on another thread. In a durable transaction. Raises MovedError."""
        return commit.store(connection, self._store, prepared)

    def staged(self, connection: apsw.Connection, room: RoomId) -> StagedCommit | None:
        """Return the commit that is not in the log yet: POST it again after a restart."""
        row = load_room(connection, room)
        return None if row is None else commit.staged(connection, row.group)

    def drop_staged(self, connection: apsw.Connection, room: RoomId) -> None:
        """Drop a commit that the server refused, unless because another was first (the log shows that)."""
        stored = self._stored(connection, room)
        if stored is not None:
            commit.drop(connection, self._store, stored)

    def withheld(self, connection: apsw.Connection, room: RoomId, epoch: Epoch) -> None:
        """Note that the server counts an epoch to which it shows no commit: nothing is sent any more."""
        row, stored = self._both(connection, room)
        active = stored is not None and stored.status == "active" and not stored.displaced
        if row is not None and stored is not None and active and stored.epoch < epoch:
            stored.withheld(epoch)
            self._store.save(connection, stored)

    # --- members

    def roster(self, connection: apsw.Connection, room: RoomId) -> Roster | None:
        """Return the room's members; None outside of its group."""
        stored = self._stored(connection, room)
        return None if stored is None else stored.rules.roster

    def known_roster(self, connection: apsw.Connection, room: RoomId) -> Roster | None:
        """Return the room's members when this device last processed its group."""
        return known_roster(connection, room)

    def plan(
        self,
        connection: apsw.Connection,
        room: RoomId,
        state: GroupState,
        peer: UserName | None,
        clocks: Clocks,
    ) -> Plan:
        """Plan the next commit, and store the server's other claims. Raises NotReadyError."""
        stored = self.stored(connection, room)
        made = plan_commit(connection, self.own, stored, state, peer, clocks)
        roster = statements.expected(connection, stored, clocks.here)
        changed = plan.keep_claims(connection, room, made.claims, roster, clocks.here)
        return replace(made, claims_changed=changed)

    def sign(self, connection: apsw.Connection, room: RoomId, make: MakeAct, now: Millis) -> bytes:
        """Sign a statement about the room's members, if it is valid now. Raises EncryptionError."""
        stored = self.stored(connection, room)
        roster = statements.expected(connection, stored, now)
        act = make(roster)
        data = signed(self.own, act)
        devices = statements.devices_of(stored)
        execution = Execution(act.at, self.own.user, devices, stored.rules.succeeds)
        try:
            roster.applied(statement_of(data), execution)
        except NotAcceptedError:
            pass  # an admission: what is missing comes from the person
        except NotAllowedError as error:
            raise EncryptionError(
                _("The room's members would not accept this: {error}.").format(error=error)
            ) from error
        return data

    def expected(self, connection: apsw.Connection, room: RoomId, now: Millis) -> Roster | None:
        """Return the roster as it will be when the waiting statements are executed; None outside."""
        stored = self._stored(connection, room)
        return None if stored is None else statements.expected(connection, stored, now)

    def sign_own(self, act: AnyAct) -> bytes:
        """Sign a statement about this account only, even from outside: that it wants to join, or has left."""
        if not self.own.certificate:
            raise NotReadyError(commit.NOT_APPROVED, commit.APPROVE_IT)
        return signed(self.own, act)

    # --- joining

    def open_welcome(
        self, store: KeyPackageStore, kind: RoomKind, waiting: WaitingWelcome, event: LogEvent
    ) -> OpenedWelcome:
        """Open a Welcome; touches no connection, so any thread may do it. Raises JoinRefusedError."""
        return join.open_welcome(self.own, kind, store, waiting, event)

    def enter(
        self,
        connection: apsw.Connection,
        opened: OpenedWelcome,
        event: LogEvent,
        now: Millis,
        *,
        key_log_read: bool = False,
    ) -> tuple[Received, list[Concern]]:
        """Join the group of an opened Welcome. In a durable transaction.

        Raises JoinRefusedError, and KeyLogNeededError unless the key log was just read to its end.
        """
        had_key = key_log_copy.had_key if key_log_read else _had_key_or_ask
        succeeds = partial(had_key, connection)
        return join.enter(connection, self._store, self._judge, succeeds, opened, event, now)

    # --- state

    def report(self, connection: apsw.Connection, room: RoomId) -> GroupReport:
        """Return a room's state."""
        again = rollback.is_due(connection, room)
        found = plan.claims_of(connection, room)
        row, stored = self._both(connection, room)
        invitation = "" if stored is not None else statements.invitation_words(connection, room)
        return report.group_report(row, stored, self._rosters, found, invitation=invitation, again=again)

    def contests(self, connection: apsw.Connection) -> Sequence[tuple[RoomId, ToContest]]:
        """Return the commits that could not be processed and were not reported yet."""
        return report.contests(connection)

    def contested(self, connection: apsw.Connection, room: RoomId) -> None:
        """Note that it was reported."""
        connection.execute("UPDATE mls_groups SET contest = NULL WHERE room = ?", (room,))

    def _stored(self, connection: apsw.Connection, room: RoomId) -> StoredGroup | None:
        return self._both(connection, room)[1]

    def _both(self, connection: apsw.Connection, room: RoomId) -> tuple[RoomRow | None, StoredGroup | None]:
        row = load_room(connection, room)
        return row, None if row is None else self._store.load(connection, row.group)
