"""Alarms: raised once each, and kept until the person dismisses them, some for ever.

The texts are our own; nothing from a server is in them but checked names and numbers. Functions over a
connection; the key log's copy and the own keys raise them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import apsw

from parlour_protocol.kit.ids import Millis


class Kind(StrEnum):
    """The kinds of alarms."""

    SPLIT_VIEW = "split-view"
    """Someone saw another key log than we did."""
    ROLLBACK = "rollback"
    """The key log was longer once, or different."""
    RESTORED = "restored"
    """The server was restored, and its key log lacks entries that are known here."""
    WITHHELD = "withheld"
    """Someone saw entries of the key log that the server does not show us."""
    INVITER_KEY = "inviter-key"
    """The person who invited us has another key than our invite link names."""
    OWN_KEY_CHANGED = "own-key-changed"
    """Our account has a key that we did not make."""
    OWN_DEVICE_ADDED = "own-device-added"
    """Our account has a device that was not approved here."""
    WITNESS = "witness"
    """A witness that we want no longer signs the key log that we see."""
    INSPECTION = "inspection"
    """The operator wants what is written in encrypted rooms to be inspected on this device, or no longer."""
    MEMBERS = "members"
    """The server makes claims about a room's members that none of them has signed."""


PERMANENT = frozenset((Kind.SPLIT_VIEW, Kind.ROLLBACK, Kind.WITHHELD))
"""Alarms about acts that a server cannot undo; they can't be dismissed."""


@dataclass(frozen=True, slots=True)
class Raised:
    """One alarm."""

    id: int
    kind: Kind
    about: str
    at: Millis
    detail: str


def sound(connection: apsw.Connection, kind: Kind, about: str, at: Millis, detail: str) -> None:
    """Raise an alarm, unless it was raised about the same before."""
    connection.execute(
        "INSERT OR IGNORE INTO alarms (kind, about, at, detail) VALUES (?, ?, ?, ?)",
        (kind, about, at, detail),
    )


def forget(connection: apsw.Connection, kind: Kind, about: str) -> None:
    """Forget an alarm: its cause is gone, and the next time it is raised again."""
    connection.execute("DELETE FROM alarms WHERE kind = ? AND about = ?", (kind, about))


def load(connection: apsw.Connection) -> Sequence[Raised]:
    """Return the current alarms, oldest first."""
    query = "SELECT id, kind, about, at, detail FROM alarms WHERE NOT dismissed ORDER BY id"
    return [
        Raised(int(str(number)), Kind(str(kind)), str(about), Millis(int(str(at))), str(detail))
        for number, kind, about, at, detail in connection.execute(query)
    ]


def dismiss(connection: apsw.Connection, which: int) -> None:
    """Dismiss an alarm that the person has read; a permanent one stays."""
    query = "SELECT kind FROM alarms WHERE id = ?"
    if any(Kind(str(kind)) not in PERMANENT for (kind,) in connection.execute(query, (which,))):
        connection.execute("UPDATE alarms SET dismissed = 1 WHERE id = ?", (which,))


def is_dismissed(connection: apsw.Connection, kind: Kind, about: str) -> bool:
    """Say whether the person has dismissed this alarm."""
    query = "SELECT 1 FROM alarms WHERE kind = ? AND about = ? AND dismissed"
    return any(connection.execute(query, (kind, about)))


def forget_kind(connection: apsw.Connection, kind: Kind) -> None:
    """Forget the alarms of a kind: the person decided about it, and the next one is raised again."""
    connection.execute("DELETE FROM alarms WHERE kind = ?", (kind,))
