"""Pinned account keys: seen first, compared or changed; and a record of each verification.

A pinned key is replaced only by the person's own decision (``accept``, ``verify``). Functions over a
connection; ``e2ee`` calls them.
"""

from dataclasses import dataclass
from typing import Final

import apsw

from parlour_client.core.archive.own_keys import trust_changed
from parlour_protocol.kit.ids import Millis
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
