"""The copy of the key log: every entry with its subtree's hash and the root then, and content for lookups.

It only grows; an entry is never replaced, and one that a restored server lost keeps its effect. ``key_log``
stores an entry's content after verifying it; nothing here judges. Functions over a connection.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import apsw

from parlour_protocol.identity import Head, RevocationEntry
from parlour_protocol.identity.key_log import decode_entry
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.merkle import NO_ENTRIES, Tree
from parlour_protocol.kit.names import UserName, parse_user_name

UNDER_THE_KEY: Final = "ON a.user = c.user AND a.account_key = c.account_key AND a.position < c.position"
"""Joins certificates (c) with the account (a) under whose current key they are: a key that comes back after
another one does not bring back what was certified under it before."""


@dataclass(frozen=True, slots=True)
class LoggedAccount:
    """The key of an account, and since when."""

    key: bytes
    at: Millis


@dataclass(frozen=True, slots=True)
class ReportedHead:
    """A head that someone says they saw."""

    user: UserName
    head: Head


def tree(connection: apsw.Connection) -> Tree:
    """Return the tree of the copy."""
    ((size,),) = connection.execute("SELECT coalesce(max(position), 0) FROM key_log")
    return _tree_of(connection, int(str(size)))


def head(connection: apsw.Connection) -> Head:
    """Return the head of the copy."""
    query = "SELECT position, root FROM key_log ORDER BY position DESC LIMIT 1"
    for size, root in connection.execute(query):
        return Head(int(str(size)), bytes(root))
    return Head(0, NO_ENTRIES)


def tree_at(connection: apsw.Connection, size: int) -> Tree | None:
    """Return the tree of the first so many entries; None if the copy is shorter."""
    held = tree(connection)
    return None if size > held.size else _tree_of(connection, size)


def _tree_of(connection: apsw.Connection, size: int) -> Tree:
    ends = Tree.ends(size)
    marks = ", ".join("?" for _ in ends)
    query = f"SELECT subtree FROM key_log WHERE position IN ({marks}) ORDER BY position"  # noqa: S608 - marks only
    return Tree(size, tuple(bytes(subtree) for (subtree,) in connection.execute(query, ends)))


def add(connection: apsw.Connection, grown: Tree, entry: bytes) -> None:
    """Add an entry; ``grown`` is the tree with it."""
    row = (grown.size, entry, grown.subtrees[-1], grown.root)
    connection.execute("INSERT INTO key_log VALUES (?, ?, ?, ?)", row)


def account(connection: apsw.Connection, user: UserName) -> LoggedAccount | None:
    """Return the current key of an account."""
    query = "SELECT account_key, at FROM log_accounts WHERE user = ?"
    for key, at in connection.execute(query, (user,)):
        return LoggedAccount(bytes(key), Millis(int(str(at))))
    return None


def set_account(connection: apsw.Connection, user: UserName, key: bytes, at: Millis, position: int) -> None:
    """Set an account's key."""
    connection.execute("INSERT OR REPLACE INTO log_accounts VALUES (?, ?, ?, ?)", (user, key, at, position))


def had_key(connection: apsw.Connection, user: UserName, before: bytes, key: bytes) -> bool:
    """Say whether the log has had a key of someone's, and later than the one before.

    An earlier one may be the one that was stolen.
    """
    return _last_position(connection, user, key) > _last_position(connection, user, before)


def _last_position(connection: apsw.Connection, user: UserName, key: bytes) -> int:
    """Return the last entry that names a key as someone's; -1 if there is none."""
    query = """
        SELECT max(position) FROM (
            SELECT position FROM log_accounts WHERE user = :user AND account_key = :key
            UNION ALL SELECT position FROM log_certificates WHERE user = :user AND account_key = :key
        )"""
    ((position,),) = connection.execute(query, {"user": user, "key": key})
    return -1 if position is None else int(str(position))


def certificate_id(data: bytes) -> bytes:
    """Return the key for looking a certificate up."""
    return hashlib.sha256(data).digest()


def add_certificate(
    connection: apsw.Connection,
    data: bytes,
    user: UserName,
    device: DeviceId,
    account_key: bytes,
    position: int,
) -> None:
    """Note that a certificate is in the log."""
    connection.execute(
        "INSERT OR REPLACE INTO log_certificates VALUES (?, ?, ?, ?, ?, ?)",
        (certificate_id(data), user, device, account_key, data, position),
    )


def certificates(connection: apsw.Connection, user: UserName) -> dict[DeviceId, bytes]:
    """Return the newest certificate of each device under the account's current key, if not revoked."""
    query = f"""
        SELECT device, certificate FROM log_certificates c JOIN log_accounts a {UNDER_THE_KEY}
        WHERE c.user = ? AND device NOT IN (SELECT device FROM log_revocations)
        ORDER BY c.position"""  # noqa: S608 - a constant of ours
    return {DeviceId(str(device)): bytes(data) for device, data in connection.execute(query, (user,))}


def revoke(connection: apsw.Connection, device: DeviceId, entry: bytes) -> None:
    """Note that a device was revoked by an entry of the log."""
    connection.execute("INSERT OR IGNORE INTO log_revocations VALUES (?, ?)", (device, entry))


def is_revoked(connection: apsw.Connection, device: DeviceId) -> bool:
    """Say whether a device was revoked."""
    return any(connection.execute("SELECT 1 FROM log_revocations WHERE device = ?", (device,)))


def revocation(connection: apsw.Connection, device: DeviceId) -> bytes | None:
    """Return the signed revocation of a device."""
    found = _revocation(connection, device)
    return None if found is None else found.revocation


def revoked_at(connection: apsw.Connection, device: DeviceId) -> Millis | None:
    """Return when a device was revoked, by the server's clock."""
    found = _revocation(connection, device)
    return None if found is None else Millis(found.at)


def _revocation(connection: apsw.Connection, device: DeviceId) -> RevocationEntry | None:
    query = "SELECT entry FROM log_revocations WHERE device = ? AND entry IS NOT NULL"
    for (entry,) in connection.execute(query, (device,)):
        found = decode_entry(bytes(entry))
        return found if isinstance(found, RevocationEntry) else None
    return None


def was_logged(connection: apsw.Connection, device: DeviceId) -> bool:
    """Say whether a device ever had a certificate, under any key."""
    return any(connection.execute("SELECT 1 FROM log_certificates WHERE device = ?", (device,)))


def was_approved(connection: apsw.Connection, device: DeviceId) -> bool:
    """Say whether a device ever had a certificate, under any key, or was revoked."""
    return was_logged(connection, device) or is_revoked(connection, device)


def knows(connection: apsw.Connection, head: Head) -> bool | None:
    """Say whether the log, or the part a restored server lost, ever had this head; None: it is longer."""
    query = "SELECT 1 FROM key_log_lost WHERE position = ? AND root = ?"
    if any(True for _ in connection.execute(query, (head.size, head.root))):
        return True
    for (root,) in connection.execute("SELECT root FROM key_log WHERE position = ?", (head.size,)):
        return bytes(root) == head.root
    return None if head.size else head.root == NO_ENTRIES


def lost(connection: apsw.Connection, after: int = 0) -> list[bytes]:
    """Return the entries that a restored server has lost, without the first ``after``."""
    query = "SELECT entry FROM key_log_lost ORDER BY id LIMIT -1 OFFSET ?"
    return [bytes(entry) for (entry,) in connection.execute(query, (after,))]


def entries(connection: apsw.Connection, after: int, limit: int = -1) -> list[bytes]:
    """Return the entries over a position."""
    query = "SELECT entry FROM key_log WHERE position > ? ORDER BY position LIMIT ?"
    return [bytes(entry) for (entry,) in connection.execute(query, (after, limit))]


def offset(connection: apsw.Connection) -> int:
    """Return the offset of a new entry's position, which makes it later than all known ones."""
    return int(str(next(connection.execute("SELECT count(*) FROM key_log_lost"))[0]))


def lose(connection: apsw.Connection, shared: int) -> int:
    """Set the entries above a position aside, as lost; returns how many."""
    left = _tree_of(connection, shared)
    for entry in entries(connection, shared):
        left = left.after(entry)
        query = "INSERT INTO key_log_lost (position, entry, root) VALUES (?, ?, ?)"
        connection.execute(query, (left.size, entry, left.root))
    connection.execute("DELETE FROM key_log WHERE position > ?", (shared,))
    return connection.changes()


def note_reported_head(connection: apsw.Connection, user: UserName, seen: Head) -> None:
    """Store a head that is beyond the copy, to be compared later: of each person the furthest."""
    connection.execute(
        """INSERT INTO log_heard VALUES (?, ?, ?) ON CONFLICT (user)
            DO UPDATE SET size = excluded.size, root = excluded.root WHERE excluded.size > size""",
        (user, seen.size, seen.root),
    )


def reported_heads(connection: apsw.Connection) -> Iterator[ReportedHead]:
    """Return the heads that still have to be compared."""
    for user, size, root in list(connection.execute("SELECT user, size, root FROM log_heard")):
        yield ReportedHead(parse_user_name(str(user)), Head(int(str(size)), bytes(root)))


def forget_reported_head(connection: apsw.Connection, reported: ReportedHead) -> None:
    """Delete one that was compared."""
    query = "DELETE FROM log_heard WHERE user = ? AND size = ?"
    connection.execute(query, (reported.user, reported.head.size))
