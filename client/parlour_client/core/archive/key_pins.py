"""Pinned account keys: seen first, compared or changed; and a record of each verification.

A pinned key is replaced only by the person's own decision (``accept``, ``verify``). ``facts`` has everything
that is known of a certificate in one SELECT: a large group has hundreds for each message. Nothing is judged
here: ``e2ee.identity.pins`` does that. Functions over a connection.
"""

from dataclasses import dataclass
from typing import Final

import apsw

from parlour_client.core.archive.key_log_copy import UNDER_THE_KEY, certificate_id
from parlour_client.core.archive.own_keys import trust_changed
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import UserName, parse_user_name

FIRST_SEEN: Final = "first-seen"
VERIFIED: Final = "verified"
CHANGED: Final = "changed"


@dataclass(frozen=True, slots=True)
class Pinned:
    """The pinned key of a person. ``level`` is one of the three above."""

    account_key: bytes
    level: str
    first_seen: Millis


def find(connection: apsw.Connection, user: UserName) -> Pinned | None:
    """Return a person's pinned key."""
    query = "SELECT account_key, level, first_seen FROM pins WHERE user = ?"
    for key, level, first_seen in connection.execute(query, (user,)):
        return Pinned(bytes(key), str(level), Millis(int(str(first_seen))))
    return None


def levels(connection: apsw.Connection) -> dict[UserName, str]:
    """Return the level of everyone with a pinned key."""
    return {
        parse_user_name(str(user)): str(level)
        for user, level in connection.execute("SELECT user, level FROM pins")
    }


def pin(connection: apsw.Connection, user: UserName, account_key: bytes, now: Millis) -> None:
    """Pin a key at first sight; an existing pin stays."""
    connection.execute(
        "INSERT INTO pins VALUES (?, ?, ?, ?) ON CONFLICT (user) DO NOTHING",
        (user, account_key, FIRST_SEEN, now),
    )
    if connection.changes():
        trust_changed(connection)


def changed(connection: apsw.Connection, user: UserName) -> None:
    """Note that a person's key differs from the pinned one, which stays."""
    connection.execute("UPDATE pins SET level = ? WHERE user = ?", (CHANGED, user))
    trust_changed(connection)


def accept(connection: apsw.Connection, user: UserName, account_key: bytes, now: Millis) -> None:
    """Accept a key as seen first: the person decided so."""
    connection.execute(
        "INSERT OR REPLACE INTO pins VALUES (?, ?, ?, ?)", (user, account_key, FIRST_SEEN, now)
    )
    trust_changed(connection)


def verify(connection: apsw.Connection, user: UserName, account_key: bytes, now: Millis, method: str) -> None:
    """Mark a key as verified: the person compared it by this ``method``."""
    known = find(connection, user)
    first_seen = known.first_seen if known is not None and known.account_key == account_key else now
    connection.execute(
        "INSERT OR REPLACE INTO pins VALUES (?, ?, ?, ?)", (user, account_key, VERIFIED, first_seen)
    )
    connection.execute("INSERT INTO verifications VALUES (?, ?, ?, ?)", (user, account_key, now, method))
    trust_changed(connection)


_QUERY: Final = f"""
    SELECT
        (SELECT value FROM own_keys WHERE name = 'server'),
        (SELECT account_key FROM log_accounts WHERE user = :user),
        EXISTS (SELECT 1 FROM log_revocations WHERE device = :device),
        EXISTS (SELECT 1 FROM log_certificates c JOIN log_accounts a {UNDER_THE_KEY} WHERE digest = :digest),
        (SELECT account_key FROM pins WHERE user = :user),
        (SELECT level FROM pins WHERE user = :user)"""  # noqa: S608 - a constant of ours


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about a certificate, its device and the person whom it names."""

    server: bytes | None
    account_key: bytes | None
    """The account's current key, by the key log."""
    revoked: bool
    logged: bool
    """Exactly this certificate is in the log, under the current key."""
    pinned: bytes | None
    level: str | None


def facts(connection: apsw.Connection, user: UserName, device: DeviceId, data: bytes) -> Facts:
    """Look a certificate up."""
    names = {"user": str(user), "device": device, "digest": certificate_id(data)}
    server, key, revoked, logged, pinned, level = next(connection.execute(_QUERY, names))
    return Facts(server, key, bool(revoked), bool(logged), pinned, level)
