"""Groups and rooms in the archive: loaded, written whole, and never mixed up between two programs.

A group's row has a random version that is new at each write. What is kept in memory counts only while the
row still has the same version, so neither another program's step nor a transaction that was rolled back can
make this one go on from the wrong state (which would fork the group, or use a key twice). Used by the other
modules of the vault, inside the caller's transaction.
"""

import copy
import json
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final, cast

import apsw

from parlour_client.core.e2ee.kept import restored
from parlour_client.core.e2ee.refusals import MovedError, NotDurableError
from parlour_client.core.e2ee.rules import Judge
from parlour_protocol.frames.base import RoomSuite
from parlour_protocol.ids import Epoch, GroupId, Millis, RequestId, RoomId, Seq
from parlour_protocol.mls import Group

IN_MEMORY: Final = 64
"""Groups that are kept restored between calls."""
KEEP_PAST: Final = 300_000
"""Milliseconds that the keys of a past epoch are kept for late messages (by the times of events)."""


@dataclass(slots=True)
class RoomRow:
    """How far an encrypted room was processed."""

    room: RoomId
    cursor: Seq
    since: Seq | None = None
    group: GroupId | None = None
    contested: bool = False


@dataclass(slots=True)
class Held:
    """One group of ours and what is noted beside it. ``group`` is replaced, never shared with the shelf."""

    id: GroupId
    room: RoomId
    status: str
    version: bytes
    group: Group
    judge: Judge
    joined: Millis
    ended: list[Millis] = field(default_factory=list)
    own_since: Millis | None = None
    sent: int = 0
    contest: Epoch | None = None
    request: RequestId | None = None

    @property
    def epoch(self) -> Epoch:
        """The group's epoch."""
        return Epoch(self.group.epoch)

    def forget_old(self, now: Millis) -> bool:
        """Drop the keys of epochs that ended long ago; True: there were some."""
        kept = len(list(takewhile(lambda end: now - end <= KEEP_PAST, self.ended)))
        if kept == len(self.ended):
            return False
        self.ended = self.ended[:kept]
        self.group.forget_past_epochs(kept)
        return True


class Shelf:
    """The groups of one program, as they lie in the archive."""

    def __init__(self, server: str) -> None:
        """Begin with nothing in memory."""
        self.server = server
        self.settled: dict[GroupId, tuple[Epoch, int]] = {}
        """Epoch and version of ``people`` in which nobody's key needed a decision."""
        self._kept: OrderedDict[GroupId, tuple[bytes, Group]] = OrderedDict()

    def load(self, connection: apsw.Connection, group: GroupId | None) -> Held | None:
        """Return a group that this device is in, to be changed and given to ``save``."""
        query = """
            SELECT room, status, version, state, ended, joined, own_since, sent, contest, request
            FROM mls_groups WHERE group_id = ? AND state IS NOT NULL"""
        for row in connection.execute(query, (group,)) if group is not None else ():
            room, status, version, state, ended, joined, own_since, sent, contest, request = cast(
                "tuple[str, str, bytes, bytes, str, int, int | None, int, int | None, str | None]", row
            )
            judge = Judge(self.server)
            held = Held(
                GroupId(str(group)),
                RoomId(room),
                status,
                version,
                self._restored(GroupId(str(group)), version, state),
                judge,
                Millis(joined),
                [Millis(at) for at in json.loads(ended)],
                None if own_since is None else Millis(own_since),
                sent,
                None if contest is None else Epoch(contest),
                None if request is None else RequestId(request),
            )
            held.group.policy = judge.policy()
            return held
        return None

    def insert(self, connection: apsw.Connection, held: Held) -> None:
        """Write a new group. A row that is there from an earlier time in the same group is replaced."""
        query = """
            INSERT INTO mls_groups (group_id, room, status, version, epoch) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (group_id) DO UPDATE SET version = excluded.version"""
        connection.execute(query, (held.id, held.room, held.status, held.version, held.epoch))
        self.save(connection, held)

    def save(self, connection: apsw.Connection, held: Held) -> None:
        """Write a group that ``load`` gave in the same transaction. Raises MovedError."""
        version, state = secrets.token_bytes(16), held.group.serialise()
        query = """
            UPDATE mls_groups SET status = ?, version = ?, epoch = ?, state = ?, ended = ?,
                joined = ?, own_since = ?, sent = ?, contest = ?, request = ?
            WHERE group_id = ? AND version = ?"""
        values = (
            held.status, version, held.epoch, state, json.dumps(held.ended), held.joined, held.own_since,
            held.sent, held.contest, held.request, held.id, held.version,
        )  # fmt: skip
        connection.execute(query, values)
        if connection.changes() != 1:
            raise MovedError("Another program has gone on with this group.")
        held.version = version
        self._keep(held.id, version, held.group)

    def drop(self, connection: apsw.Connection, group: GroupId) -> None:
        """Forget all keys of a group; its id and epoch stay, so that no old Welcome leads back into it."""
        query = """
            UPDATE mls_groups SET status = 'gone', state = NULL, contest = NULL, request = NULL, ended = '[]'
            WHERE group_id = ?"""
        connection.execute(query, (group,))
        connection.execute("DELETE FROM mls_staged WHERE group_id = ?", (group,))
        self._kept.pop(group, None)

    def _restored(self, group: GroupId, version: bytes, state: bytes) -> Group:
        kept = self._kept.get(group)
        if kept is None or kept[0] != version:
            self._keep(group, version, restored(Group.restore, state))
        return copy.copy(self._kept[group][1])

    def _keep(self, group: GroupId, version: bytes, restored: Group) -> None:
        self._kept[group] = (version, copy.copy(restored))
        self._kept.move_to_end(group)
        while len(self._kept) > IN_MEMORY:
            self._kept.popitem(last=False)


def highest_epoch(connection: apsw.Connection, group: GroupId) -> int:
    """Return the highest epoch that this device ever was in, -1 when it never was in that group."""
    for (epoch,) in connection.execute("SELECT epoch FROM mls_groups WHERE group_id = ?", (group,)):
        return int(str(epoch))
    return -1


def load_room(connection: apsw.Connection, room: RoomId) -> RoomRow | None:
    """Return a room that is known to be encrypted."""
    query = "SELECT cursor, since, group_id, contested FROM mls_rooms WHERE room = ?"
    for row in connection.execute(query, (room,)):
        cursor, since, group, contested = cast("tuple[int, int | None, str | None, int]", row)
        known = None if group is None else GroupId(group)
        return RoomRow(room, Seq(cursor), None if since is None else Seq(since), known, bool(contested))
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
    """Return the cipher suite below which no group of a room is founded or joined."""
    for (suite,) in connection.execute("SELECT suite FROM mls_rooms WHERE room = ?", (room,)):
        return RoomSuite(int(str(suite)))
    return RoomSuite.X25519


def pin_suite(connection: apsw.Connection, room: RoomId, suite: RoomSuite) -> None:
    """Raise a room's cipher suite; it is never lowered."""
    connection.execute("UPDATE mls_rooms SET suite = max(suite, ?) WHERE room = ?", (suite.value, room))


def require_durable(connection: apsw.Connection) -> None:
    """Refuse a transaction that a power cut could undo after its bytes have left. Raises NotDurableError."""
    if int(str(connection.pragma("synchronous"))) < 2:  # noqa: PLR2004 - FULL
        raise NotDurableError("Keys are used up in durable transactions alone.")


def scrub(connection: apsw.Connection) -> bool:
    """Empty the write-ahead log after an epoch changed, outside of a transaction; False: somebody reads.

    What was deleted is overwritten in the file, but old pages lie in that log until then (Marmot #756).
    """
    busy, _, _ = cast("tuple[int, int, int]", next(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")))
    return not busy
