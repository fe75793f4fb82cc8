"""The rows about an account in the chat's tables, for its deletion and its export.

Everything happens a batch at a time, so that no other write waits for long. What is deleted is found by who
it belongs to, so that a deletion that was interrupted goes on where it was.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from parlour_protocol.frames.bodies import AnyBody
from parlour_protocol.frames.event_rules import Rooms
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.unions import members
from parlour_server.chat.delivery.tables.welcome_rows import drop_for
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.sql.column_values import BODY_KINDS
from parlour_server.chat.store.sql.rooms.event_effects import blank
from parlour_server.core.clock import Clock
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import Connection, WriteConnection
from parlour_server.core.store.engine.retention import BATCH

PAUSE_SECONDS: Final = 0.02
"""Between two batches, so that a server's writes come first: only one process at a time can write."""
_DEVICE_NAME: Final = "deleted"
_LOOK: Final = 10_000
"""Rows that are looked for at once, and then changed batch by batch."""
_IN_GROUP: Final = """
    EXISTS (SELECT 1 FROM groups g JOIN group_devices d USING (group_id)
        WHERE g.room = r.room AND g.in_force = 1 AND d.account = m.account)
"""
# Rooms that the account can leave without a signature of one of its devices.
_CAN_LEAVE: Final = f"(r.members = 1 OR NOT {_IN_GROUP})"
_LEAVE: Final = f"""
    SELECT r.room FROM members m JOIN rooms r USING (room) WHERE m.account = ? AND {_CAN_LEAVE}
    ORDER BY r.room LIMIT ?
"""  # noqa: S608 - of ours
_STAY: Final = f"""
    SELECT r.room, r.name, r.kind FROM members m JOIN rooms r USING (room)
    WHERE m.account = ? AND NOT {_CAN_LEAVE} ORDER BY r.room
"""  # noqa: S608 - of ours


def _listed(kinds: Iterable[type]) -> str:
    """Return kinds of events as a list of SQL."""
    return ", ".join(sorted(f"'{BODY_KINDS[kind]}'" for kind in kinds))


_COUNTS: Final[Mapping[str, str]] = {
    "rooms": "SELECT count(*) FROM members WHERE account = ?",
    "encrypted_rooms": "SELECT count(*) FROM members JOIN rooms USING (room)"
    " WHERE account = ? AND encrypted = 1",
    "messages": "SELECT count(*) FROM entries WHERE author = ? AND kind = 'message'",
    "encrypted_messages": "SELECT count(*) FROM entries WHERE author = ? AND kind = 'sealed'",
    "devices": "SELECT count(*) FROM devices WHERE account = ? AND status != 'revoked'",
}
_IN_EMPTY_ROOMS: Final = """
    SELECT e.log, e.seq FROM entries e JOIN rooms r ON r.room = e.log
    WHERE e.author = ? AND e.kind = 'sealed' AND r.members = 0 LIMIT ?
"""
_WRITTEN: Final = [kind for kind in members(AnyBody) if kind.rules.expires]
"""The kinds of events that people write, and those about such events."""
_READABLE: Final = _listed(kind for kind in _WRITTEN if kind.rules.rooms is not Rooms.ENCRYPTED)
_BY_ITSELF: Final = _listed(
    kind for kind in _WRITTEN if kind.rules.rooms is Rooms.OPEN and "target" not in kind.__struct_fields__
)
"""The kinds that are about no other event: deleting one takes the rest along."""
# What gets another author. Who joined, left, invited or removed whom is the room's record, and stays.
_AUTHORS: Final = (
    (
        f"""
        SELECT e.log, e.seq FROM entries e JOIN rooms r ON r.room = e.log
        WHERE e.author = ? AND r.encrypted = 0 AND e.kind IN ({_READABLE}) LIMIT ?
        """,  # noqa: S608 - tags of ours
        "UPDATE entries SET author = ?3, device = 'deleted', request = NULL WHERE log = ?1 AND seq = ?2",
    ),
    (
        "SELECT room, target, reaction, account FROM reactions WHERE account = ? LIMIT ?",
        (
            "UPDATE reactions SET account = ?5"
            " WHERE room = ?1 AND target = ?2 AND reaction = ?3 AND account = ?4"
        ),
    ),
)
# Table, key, condition: what goes without an event.
_ROWS: Final = (
    ("key_packages", ("number",), "device IN (SELECT device FROM devices WHERE account = ?)"),
    ("invitations", ("room", "account", "inviter"), "account = ?"),
    ("invitations", ("room", "account", "inviter"), "inviter = ?"),
    ("blocks", ("account", "blocked"), "account = ?"),
    ("blocks", ("account", "blocked"), "blocked = ?"),
    ("bans", ("room", "account"), "account = ?"),
    ("mutes", ("room", "account"), "account = ?"),
)
_EXPORTED: Final[Mapping[str, tuple[Sequence[str], str]]] = {
    "rooms": (
        ("room", "kind", "name", "encrypted", "role", "since", "read", "with"),
        (
            "SELECT r.room, r.kind, r.name, r.encrypted, m.role, m.since, m.read,"
            " CASE WHEN r.low = m.account THEN r.high ELSE r.low END"
            " FROM members m JOIN rooms r USING (room) WHERE m.account = ? ORDER BY r.room"
        ),
    ),
    "devices": (
        ("device", "name", "status", "created", "last_seen", "expires"),
        (
            "SELECT device, name, status, created, last_seen, expires FROM devices WHERE account = ?"
            " ORDER BY created, device"
        ),
    ),
    "reactions": (
        ("room", "message", "reaction"),
        "SELECT room, target, reaction FROM reactions WHERE account = ? ORDER BY room, target, reaction",
    ),
    "invitations": (
        ("room", "invited", "by", "at", "expires"),
        (
            "SELECT room, account, inviter, at, expires FROM invitations WHERE account = ?1 OR inviter = ?1"
            " ORDER BY at, room, account"
        ),
    ),
    "blocked": (("user", "at"), "SELECT blocked, at FROM blocks WHERE account = ? ORDER BY blocked"),
    "bans": (("room", "until"), "SELECT room, until FROM bans WHERE account = ? ORDER BY room"),
    "mutes": (("room", "until"), "SELECT room, until FROM mutes WHERE account = ? ORDER BY room"),
    "account_keys": (("key",), "SELECT key FROM account_keys WHERE account = ?"),
}


class AccountDataStore:
    """Finds, deletes and reads what belongs to an account."""

    def __init__(self, store: ChatStore, clock: Clock) -> None:
        """Use the open store; what capabilities have of an account is among it."""
        self._writer = store.writer
        self._readers = store.readers
        self._clock = clock
        self.parts = parts = store.parts.accounts
        self._counts = {**_COUNTS, **{name: query for part in parts for name, query in part.counts.items()}}
        self._authors = (*_AUTHORS, *(change for part in parts for change in part.authors))
        self._exported = {
            **_EXPORTED,
            **{name: exported for part in parts for name, exported in part.exported.items()},
        }

    @property
    def exported(self) -> Collection[str]:
        """The names of what ``table`` returns."""
        return self._exported.keys()

    async def count(self, user: UserName) -> dict[str, int]:
        """Return how much there is of what."""

        def read(db: Connection) -> dict[str, int]:
            return {
                name: int(db.execute(query, (plain(user),)).fetchone()[0])
                for name, query in self._counts.items()
            }

        return await self._readers.run(read)

    async def rooms_to_leave(self, user: UserName) -> Sequence[RoomId]:
        """Return some of the rooms that the account can leave: its devices are in no one else's group."""
        return await self._readers.rows(RoomId, _LEAVE, plain(user), BATCH)

    async def rooms_that_stay(self, user: UserName) -> Sequence[Mapping[str, str | None]]:
        """Return the encrypted rooms that only a member's device can remove it from."""
        return await self._readers.rows(
            lambda room, name, kind: {"room": room, "name": name, "kind": kind}, _STAY, plain(user)
        )

    async def messages(self, user: UserName) -> Sequence[tuple[RoomId, Seq]]:
        """Return some of what the account wrote and the server can read."""
        query = f"SELECT log, seq FROM entries WHERE author = ? AND kind IN ({_BY_ITSELF}) LIMIT ?"  # noqa: S608 - tags of ours
        return await self._readers.rows(_row, query, plain(user), BATCH)

    async def reactions(self, user: UserName) -> Sequence[tuple[RoomId, Seq, str]]:
        """Return some of the account's reactions."""
        query = "SELECT room, target, reaction FROM reactions WHERE account = ? LIMIT ?"
        return await self._readers.rows(_row, query, plain(user), BATCH)

    async def remove_rows(self, user: UserName) -> None:
        """Delete what goes without an event: key packages, Welcomes, invitations, blocks, bans, mutes."""
        for table, key, which in _ROWS:
            keys = " AND ".join(f"{column} = ?" for column in key)
            await self._change(
                f"SELECT {', '.join(key)} FROM {table} WHERE {which} LIMIT ?",  # noqa: S608 - of ours
                (plain(user),),
                f"DELETE FROM {table} WHERE {keys}",  # noqa: S608 - of ours
            )
        await self._writer.submit(partial(_close_devices, user=user))

    async def end(self, user: UserName) -> Mapping[str, int]:
        """Let what capabilities have of the account end now; returns how much, by what it is called."""
        now, ended = self._clock.now(), {}
        for part in self.parts:
            for name, (find, change) in part.ends.items():
                ended[name] = await self._change(find, (plain(user), now), change, now)
        return ended

    async def blank_in_empty_rooms(self, user: UserName) -> None:
        """Remove the content of encrypted messages where no one is left to read them."""
        while found := await self._readers.rows(_row, _IN_EMPTY_ROOMS, plain(user), _LOOK):
            await self._in_batches(_blank_sealed, found)

    async def is_author(self, user: UserName) -> bool:
        """Return whether `change_author` would find anything."""
        for find, _ in self._authors:
            if await self._readers.rows(_row, find, plain(user), 1):
                return True
        return False

    async def change_author(self, user: UserName, pseudonym: UserName) -> int:
        """Make ``pseudonym`` the author of what stays in unencrypted rooms; returns the number of rows."""
        if user == pseudonym:
            return 0
        changed = 0
        for find, change in self._authors:
            changed += await self._change(find, (plain(user),), change, plain(pseudonym))
        return changed

    async def _change(self, find: str, values: Sequence[str | int], change: str, *new: str | int) -> int:
        """Run ``change`` with each row that ``find`` finds and the ``new`` values; returns how many.

        A reader finds them: a search of a large table in the writer would hold up everyone who writes.
        """
        changed = 0
        while found := await self._readers.rows(_row, find, *values, _LOOK):
            await self._in_batches(partial(_execute, query=change), [(*row, *new) for row in found])
            changed += len(found)
        return changed

    async def _in_batches(self, write: Callable[..., None], rows: Sequence[tuple[Any, ...]]) -> None:
        for start in range(0, len(rows), BATCH):
            await self._writer.submit(partial(write, rows=rows[start : start + BATCH]))
            await asyncio.sleep(PAUSE_SECONDS)

    async def table(self, name: str, user: UserName) -> list[dict[str, Any]]:
        """Return what one of ``exported`` has of the account."""
        columns, query = self._exported[name]
        return await self._readers.rows(lambda *row: dict(zip(columns, row, strict=True)), query, plain(user))

    async def rooms_written_in(self, user: UserName) -> Sequence[RoomId]:
        """Return every room with an event by the account."""
        query = "SELECT DISTINCT log FROM entries WHERE author = ? ORDER BY log"
        return await self._readers.rows(RoomId, query, plain(user))

    async def events(self, user: UserName, room: RoomId, after: Seq) -> list[tuple[Seq, Millis, str, bytes]]:
        """Return the account's next events of a room: number, time, device, body."""
        return await self._readers.rows(
            _row,
            "SELECT seq, at, device, body FROM entries WHERE log = ? AND author = ? AND seq > ?"
            " ORDER BY seq LIMIT ?",
            room,
            plain(user),
            after,
            BATCH,
        )


def _row(*columns: Any) -> tuple[Any, ...]:
    return columns


def _execute(db: WriteConnection, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
    db.executemany(query, rows)


def _blank_sealed(db: WriteConnection, rows: Sequence[tuple[RoomId, Seq]]) -> None:
    for room, seq in rows:
        blank(db, room, seq, "sealed")
    db.stale_wal = True


def _close_devices(db: WriteConnection, user: UserName) -> None:
    """Forget the names of devices, and revoke those in no group: the others must be removed first."""
    for (device,) in db.execute("SELECT device FROM devices WHERE account = ?", (plain(user),)).fetchall():
        drop_for(db, device)
    db.execute("UPDATE devices SET name = ? WHERE account = ?", (_DEVICE_NAME, plain(user)))
    db.execute(
        "UPDATE devices SET status = 'revoked' WHERE account = ? AND NOT EXISTS ("
        " SELECT 1 FROM group_devices d JOIN groups g USING (group_id)"
        " WHERE d.device = devices.device AND g.in_force = 1)",
        (plain(user),),
    )
