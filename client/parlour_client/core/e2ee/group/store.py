"""Groups and rooms in the archive: loaded, written whole, and never mixed up between two programs.

A group's row gets a new random version at each write. A copy in memory is valid only while the row has the
same version, so neither another program's step nor a transaction that was rolled back can make this one
continue from the wrong state (which would fork the group, or use a key twice). The roster is stored with its
group; the last one of a room is kept when the group is deleted, so that no later group of the room forgets
who was removed. Used inside the caller's transaction.
"""

import base64
import copy
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from itertools import takewhile
from typing import Final, cast

import apsw

from parlour_client.core.archive import key_log_copy
from parlour_client.core.e2ee.errors import MovedError, NotDurableError, NotReadyError
from parlour_client.core.e2ee.group.rules import Ended, RoomRules, certificate_bytes, certificate_of
from parlour_client.core.e2ee.identity.keys import restored
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.e2ee.identity.pins import CertificateStatus, certificate_status
from parlour_client.kit.language import N_, _
from parlour_mls import Group, LeafNode, unusable_leaves
from parlour_protocol.identity import Certificate
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import Roster
from parlour_protocol.rooms import RoomSuite

_NOBODY: Final = N_("This device is not in the room's group.")
IN_MEMORY: Final = 64
"""Groups that stay in memory between calls."""


@dataclass(slots=True)
class RoomRow:
    """How far an encrypted room was processed."""

    room: RoomId
    cursor: Seq
    since: Seq | None = None
    group: GroupId | None = None
    contested: bool = False
    recreate: bool = False
    """The server's log was rolled back, and no group was created since (``rollback``)."""


@dataclass(frozen=True, slots=True)
class ToContest:
    """A report for the server: the commit that led to ``epoch`` of a room's group cannot be processed."""

    room: RoomId
    group: GroupId
    epoch: Epoch


@dataclass(slots=True)
class StoredGroup:
    """A group and its notes. ``group`` is replaced, never shared with the store."""

    id: GroupId
    room: RoomId
    status: str
    version: bytes
    group: Group
    rules: RoomRules
    joined: Millis
    ended: list[Ended] = field(default_factory=list)
    """When the epochs ended whose keys are still here, the last one first."""
    own_since: Millis | None = None
    sent: int = 0
    contest: Epoch | None = None
    request: RequestId | None = None
    displaced: bool = False
    """Refused, because another copy of this home has renewed the keys of our leaf."""

    @property
    def epoch(self) -> Epoch:
        """The group's epoch."""
        return Epoch(self.group.epoch)

    def forget_old(self, at: Millis, here: Millis) -> bool:
        """Delete the keys of epochs that ended long ago, by either clock; True: there were some."""
        cached = len(list(takewhile(lambda end: end.keeps(at, here), self.ended)))
        if cached == len(self.ended):
            return False
        self.ended = self.ended[:cached]
        self.group.forget_past_epochs(cached)
        return True

    def withheld(self, epoch: Epoch) -> None:
        """Note that the server withholds the commit that led to an epoch, until it was reported."""
        self.status, self.contest = "refused", epoch

    def move_to(self, group: Group, ended: Ended, *, removed: bool) -> None:
        """Enter the next epoch. ``removed``: someone was removed, so no earlier epoch is accepted any more.

        Otherwise they could go on writing for a past epoch, with the help of the server.
        """
        if removed:
            group.forget_past_epochs()
        self.group, self.ended = group, [] if removed else [ended, *self.ended][: group.policy.past_epochs]


class GroupStatus(Enum):
    """The state of this device in a room."""

    NO_GROUP = "no-group"
    """The log has no group."""
    OUTSIDE = "outside"
    """There is a group, but this device is not in it."""
    ACTIVE = "active"
    REFUSED = "refused"
    """This device could not process a commit."""
    DISPLACED = "displaced"
    """Another copy of this home has renewed the device's keys."""
    CONTESTED = "contested"


def status_of(row: RoomRow | None, stored: StoredGroup | None) -> GroupStatus:
    """Return the state of this device in a room: what views show, and what decides whether it may send."""
    if row is None or stored is None:
        return GroupStatus.NO_GROUP if row is None or row.group is None else GroupStatus.OUTSIDE
    if stored.displaced:
        return GroupStatus.DISPLACED
    if stored.status == "refused":
        return GroupStatus.REFUSED
    return GroupStatus.CONTESTED if row.contested else GroupStatus.ACTIVE


Judge = Callable[[apsw.Connection, bytes, Millis], CertificateStatus]
"""How far a certificate with a valid signature is trusted; one that is seen for the first time is pinned."""


@dataclass(frozen=True, slots=True)
class MemberReport:
    """A device in the group."""

    user: UserName
    device: DeviceId
    certificate: Certificate
    data: bytes
    """The certificate's bytes, for ``pins``."""
    unusable: bool = False
    """Its key can't be encrypted to: the next commit removes it."""


class Groups:
    """The groups of one device in the archive, as one program uses them.

    Make new ones when the device's certificate or its key changes.
    """

    def __init__(self, own: OwnIdentity, judge: Judge = certificate_status) -> None:
        self.own = own
        self.judge = judge
        self.settled: dict[GroupId, tuple[Epoch, int]] = {}
        """Epoch and version of ``pins`` in which nobody's key needed a decision."""
        self._cache: OrderedDict[GroupId, tuple[bytes, Group, Roster]] = OrderedDict()
        self._members: dict[GroupId, tuple[object, Sequence[MemberReport]]] = {}
        """Those of each group, read once for an epoch and not for every message."""

    def load(self, connection: apsw.Connection, group: GroupId | None) -> StoredGroup | None:
        """Return a group that this device is in, to be changed and passed to ``save``."""
        query = """
            SELECT room, status, version, state, ended, joined, own_since, sent, contest, request,
                displaced
            FROM mls_groups WHERE group_id = ? AND state IS NOT NULL"""
        # read at once: another query runs inside
        for row in list(connection.execute(query, (group,))) if group is not None else ():
            room, status, version, state, ended, joined, own_since, sent, contest, request, displaced = cast(
                "tuple[str, str, bytes, bytes, str, int, int | None, int, int | None, str | None, int]", row
            )
            restored, roster = self._restored(connection, GroupId(str(group)), version, state)
            rules = RoomRules(roster, partial(key_log_copy.had_key, connection))
            stored = StoredGroup(
                GroupId(str(group)),
                RoomId(room),
                status,
                version,
                restored,
                rules,
                Millis(joined),
                _read_ended(ended),
                None if own_since is None else Millis(own_since),
                sent,
                None if contest is None else Epoch(contest),
                None if request is None else RequestId(request),
                bool(displaced),
            )
            stored.group.policy = rules.policy()
            return stored
        return None

    def both(self, connection: apsw.Connection, room: RoomId) -> tuple[RoomRow | None, StoredGroup | None]:
        """Return a room, and its group if this device is in it."""
        row = load_room(connection, room)
        return row, None if row is None else self.load(connection, row.group)

    def stored(self, connection: apsw.Connection, room: RoomId) -> StoredGroup:
        """Return a room's group. Raises NotReadyError outside of it."""
        _row, stored = self.both(connection, room)
        if stored is None:
            raise NotReadyError(_NOBODY)
        return stored

    def roster(self, connection: apsw.Connection, room: RoomId) -> Roster | None:
        """Return the room's members; None outside of its group."""
        _row, stored = self.both(connection, room)
        return None if stored is None else stored.rules.roster

    def members(self, stored: StoredGroup) -> Sequence[MemberReport]:
        """Return the devices in a group. A tree is immutable: the same tree has the same members."""
        tree = stored.group.tree
        known = self._members.get(stored.id)
        if known is None or known[0] is not tree:
            if len(self._members) >= IN_MEMORY:
                self._members.clear()
            unusable = unusable_leaves(tree)
            members = [_member(leaf, unusable=index in unusable) for index, leaf in tree.members()]
            known = self._members[stored.id] = tree, members
        return known[1]

    def leave(self, connection: apsw.Connection, room: RoomId) -> None:
        """Delete all keys of a room that this account is not a member of any more; its messages stay."""
        row = load_room(connection, room)
        for (group,) in list(connection.execute("SELECT group_id FROM mls_groups WHERE room = ?", (room,))):
            self.drop(connection, GroupId(str(group)))
        if row is not None:
            row.group, row.contested = None, False
            save_room(connection, row)

    def expire(self, connection: apsw.Connection, now: Millis) -> None:
        """Delete the keys of past epochs that ended long ago by this device's clock, in all rooms."""
        for group in _with_expired(connection, now):
            stored = self.load(connection, group)
            if stored is not None and stored.forget_old(stored.ended[0].at, now):
                self.save(connection, stored)

    def withheld(self, connection: apsw.Connection, room: RoomId, epoch: Epoch) -> None:
        """Note that the server counts an epoch to which it shows no commit: nothing is sent any more."""
        _row, stored = self.both(connection, room)
        active = stored is not None and stored.status == "active" and not stored.displaced
        if stored is not None and active and stored.epoch < epoch:
            stored.withheld(epoch)
            self.save(connection, stored)

    def insert(self, connection: apsw.Connection, stored: StoredGroup) -> None:
        """Write a new group. An old row for the same group is replaced."""
        self._cache.pop(
            stored.id, None
        )  # else a roster of a transaction that was rolled back counts as written
        query = """
            INSERT INTO mls_groups (group_id, room, status, version, epoch) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (group_id) DO UPDATE SET version = excluded.version"""
        connection.execute(query, (stored.id, stored.room, stored.status, stored.version, stored.epoch))
        self.save(connection, stored)

    def save(self, connection: apsw.Connection, stored: StoredGroup) -> None:
        """Save a group that ``load`` returned in the same transaction. Raises MovedError."""
        version, state = secrets.token_bytes(16), stored.group.serialise()
        query = """
            UPDATE mls_groups SET status = ?, version = ?, epoch = ?, state = ?, ended = ?,
                joined = ?, own_since = ?, sent = ?, contest = ?, request = ?,
                displaced = ?
            WHERE group_id = ? AND version = ?"""
        values = (
            stored.status, version, stored.epoch, state,
            json.dumps([(end.at, end.here) for end in stored.ended]), stored.joined, stored.own_since,
            stored.sent, stored.contest, stored.request, stored.displaced, stored.id, stored.version,
        )  # fmt: skip
        connection.execute(query, values)
        if connection.changes() != 1:
            raise MovedError(_("Another program has gone on with this group."))
        cached, roster = self._cache.get(stored.id), stored.rules.roster
        if cached is None or cached[2] is not roster:
            query = "UPDATE mls_groups SET roster = ? WHERE group_id = ?"
            connection.execute(query, (roster.encode(), stored.id))
        stored.version = version
        self._keep(stored.id, version, stored.group, roster)

    def drop(self, connection: apsw.Connection, group: GroupId) -> None:
        """Delete all keys of a group; its id and epoch stay, so that no old Welcome leads back into it."""
        query = """
            UPDATE mls_groups SET status = 'gone', state = NULL, contest = NULL, request = NULL, ended = '[]'
            WHERE group_id = ?"""
        connection.execute(query, (group,))
        connection.execute("DELETE FROM mls_staged WHERE group_id = ?", (group,))
        self._cache.pop(group, None)

    def _restored(
        self, connection: apsw.Connection, group: GroupId, version: bytes, state: bytes
    ) -> tuple[Group, Roster]:
        cached = self._cache.get(group)
        if cached is None or cached[0] != version:
            query = "SELECT roster FROM mls_groups WHERE group_id = ?"
            ((data,),) = connection.execute(query, (group,))
            roster = restored(Roster.read, bytes(cast("bytes", data)))
            self._keep(group, version, restored(Group.restore, state), roster)
        _, found, roster = self._cache[group]
        return copy.copy(found), roster

    def _keep(self, group: GroupId, version: bytes, restored: Group, roster: Roster) -> None:
        self._cache[group] = (version, copy.copy(restored), roster)
        self._cache.move_to_end(group)
        while len(self._cache) > IN_MEMORY:
            self._cache.popitem(last=False)


def _member(leaf: LeafNode, *, unusable: bool) -> MemberReport:
    certificate = certificate_of(leaf)
    return MemberReport(
        certificate.user, certificate.device, certificate, certificate_bytes(leaf), unusable=unusable
    )


def _read_ended(data: str) -> list[Ended]:
    return [Ended(Millis(at), Millis(here)) for at, here in json.loads(data)]


def _with_expired(connection: apsw.Connection, now: Millis) -> list[GroupId]:
    """Return the groups that have keys of epochs which ended long ago by this device's clock."""
    query = "SELECT group_id, ended FROM mls_groups WHERE ended != '[]' AND state IS NOT NULL"
    rows = cast("list[tuple[str, str]]", list(connection.execute(query)))
    return [
        GroupId(group)
        for group, ended in rows
        if not all(end.keeps(end.at, now) for end in _read_ended(ended))
    ]


def highest_epoch(connection: apsw.Connection, group: GroupId) -> int:
    """Return the highest epoch that this device ever was in, -1 if it never was in that group."""
    for (epoch,) in connection.execute("SELECT epoch FROM mls_groups WHERE group_id = ?", (group,)):
        return int(str(epoch))
    return -1


def note_unfit(connection: apsw.Connection, room: RoomId, group: GroupId, epoch: Epoch) -> None:
    """Have a group contested that this device was added to and refuses to join."""
    query = """
        INSERT INTO mls_groups (group_id, room, status, version, epoch, contest)
        VALUES (?, ?, 'gone', ?, -1, ?)
        ON CONFLICT (group_id) DO UPDATE SET contest = excluded.contest"""
    connection.execute(query, (group, room, secrets.token_bytes(16), epoch))


def contests(connection: apsw.Connection) -> Sequence[ToContest]:
    """Return the commits that could not be processed and were not reported yet."""
    query = "SELECT room, group_id, contest FROM mls_groups WHERE contest IS NOT NULL"
    rows = cast("list[tuple[str, str, int]]", list(connection.execute(query)))
    return [ToContest(RoomId(room), GroupId(group), Epoch(epoch)) for room, group, epoch in rows]


def contested(connection: apsw.Connection, room: RoomId) -> None:
    """Note that it was reported."""
    connection.execute("UPDATE mls_groups SET contest = NULL WHERE room = ?", (room,))


def pin(connection: apsw.Connection, room: RoomId, suite: RoomSuite = RoomSuite.X25519) -> None:
    """Note for good that a room is encrypted; before there is a group, also its description."""
    row = load_room(connection, room)
    if row is None:
        save_room(connection, RoomRow(room, Seq(0)))
    if row is None or row.group is None:  # afterwards the group describes it, not the server
        pin_suite(connection, room, suite)


def cursor(connection: apsw.Connection, room: RoomId) -> Seq:
    """Return the last processed event: fetch those after it."""
    row = load_room(connection, room)
    return Seq(0) if row is None else row.cursor


def begin_at(connection: apsw.Connection, room: RoomId, seq: Seq) -> None:
    """Begin after ``seq``, in a room of which nothing was processed yet."""
    row = load_room(connection, room) or RoomRow(room, Seq(0))
    if row.cursor == 0:
        row.cursor = seq
        save_room(connection, row)


def load_room(connection: apsw.Connection, room: RoomId) -> RoomRow | None:
    """Return a room that is known to be encrypted."""
    query = """
        SELECT cursor, since, group_id, contested, coalesce(due, 0)
        FROM mls_rooms LEFT JOIN mls_rolled_back USING (room) WHERE room = ?"""
    for row in connection.execute(query, (room,)):
        cursor, since, group, contested, due = cast("tuple[int, int | None, str | None, int, int]", row)
        known, begin = None if group is None else GroupId(group), None if since is None else Seq(since)
        return RoomRow(room, Seq(cursor), begin, known, bool(contested), bool(due))
    return None


def save_room(connection: apsw.Connection, row: RoomRow) -> None:
    """Write a room; an encrypted room never becomes an open one."""
    query = """
        INSERT INTO mls_rooms (room, cursor, since, group_id, contested) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (room) DO UPDATE
        SET cursor = excluded.cursor, since = excluded.since, group_id = excluded.group_id,
            contested = excluded.contested"""
    connection.execute(query, (row.room, row.cursor, row.since, row.group, row.contested))


def pinned_suite(connection: apsw.Connection, room: RoomId) -> RoomSuite:
    """Return the weakest cipher suite with which a group of a room may be created or joined."""
    for (suite,) in connection.execute("SELECT suite FROM mls_rooms WHERE room = ?", (room,)):
        return RoomSuite(int(str(suite)))
    return RoomSuite.X25519


def pin_suite(connection: apsw.Connection, room: RoomId, suite: RoomSuite) -> None:
    """Raise a room's cipher suite; it is never lowered."""
    connection.execute("UPDATE mls_rooms SET suite = max(suite, ?) WHERE room = ?", (suite.value, room))


def known_roster(connection: apsw.Connection, room: RoomId) -> Roster | None:
    """Return the room's members when this device last processed its group."""
    query = "SELECT roster FROM mls_rooms WHERE room = ? AND roster IS NOT NULL"
    for (data,) in connection.execute(query, (room,)):
        return restored(Roster.read, bytes(data))
    return None


def know_roster(connection: apsw.Connection, room: RoomId, roster: Roster | None) -> None:
    """Remember a room's members beyond the life of its group."""
    if roster is not None:
        connection.execute("UPDATE mls_rooms SET roster = ? WHERE room = ?", (roster.encode(), room))


def require_durable(connection: apsw.Connection) -> None:
    """Refuse a transaction that a power cut could undo after its bytes were sent. Raises NotDurableError."""
    if int(str(connection.pragma("synchronous"))) < 2:  # noqa: PLR2004 - FULL
        raise NotDurableError(_("Keys are used up in durable transactions alone."))


def scrub(connection: apsw.Connection) -> bool:
    """Empty the write-ahead log, outside of a transaction; False: someone reads, and it did not wait.

    Deleted rows are overwritten in the file, but old pages remain in that log until then (Marmot #756).
    """
    patience = int(str(connection.pragma("busy_timeout")))
    connection.set_busy_timeout(0)
    try:
        row = next(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
    except (apsw.BusyError, apsw.LockedError):  # the latter: a statement here has rows left to read
        return False
    finally:
        connection.set_busy_timeout(patience)
    return not cast("tuple[int, int, int]", row)[0]


def group_bytes(group: GroupId) -> bytes:
    """Return a group's id as MLS uses it."""
    return base64.urlsafe_b64decode(group + "=" * (-len(group) % 4))
