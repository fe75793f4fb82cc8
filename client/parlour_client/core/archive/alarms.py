"""What the person must be told loudly, each thing once: kept until it is dismissed, some for ever.

The text stands here in words of ours; nothing of a server's making is in it but checked names and numbers.
Functions over a connection; the key log's copy and the own keys raise them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import apsw

from parlour_protocol.ids import Millis


class Kind(StrEnum):
    """What happened."""

    SPLIT_VIEW = "split-view"
    """Somebody saw another key log than we did."""
    ROLLBACK = "rollback"
    """The key log was longer once, or said something else."""
    RESTORED = "restored"
    """The server was restored, and its key log lacks entries that are known here."""
    WITHHELD = "withheld"
    """Somebody saw entries of the key log that the server does not show us."""
    INVITER_KEY = "inviter-key"
    """Who invited us has another key than our invite link names."""
    OWN_KEY_CHANGED = "own-key-changed"
    """Our account has a key that we did not make."""
    OWN_DEVICE_ADDED = "own-device-added"
    """Our account has a device that was not approved here."""
    MEMBERS = "members"
    """The server says of a room's members what none of them has signed."""


PERMANENT = frozenset((Kind.SPLIT_VIEW, Kind.ROLLBACK, Kind.WITHHELD))
"""What a server cannot take back; no dismissal is offered."""


@dataclass(frozen=True, slots=True)
class Raised:
    """One alarm."""

    id: int
    kind: Kind
    about: str
    at: Millis
    detail: str


def sound(connection: apsw.Connection, kind: Kind, about: str, at: Millis, detail: str) -> None:
    """Raise an alarm, if it was not raised about the same before."""
    connection.execute(
        "INSERT OR IGNORE INTO alarms (kind, about, at, detail) VALUES (?, ?, ?, ?)",
        (kind, about, at, detail),
    )


def forget(connection: apsw.Connection, kind: Kind, about: str) -> None:
    """Forget one alarm: what it was about is over, and the next time it is told again."""
    connection.execute("DELETE FROM alarms WHERE kind = ? AND about = ?", (kind, about))


def load(connection: apsw.Connection) -> Sequence[Raised]:
    """Return the alarms that stand, oldest first."""
    query = "SELECT id, kind, about, at, detail FROM alarms WHERE NOT dismissed ORDER BY id"
    return [
        Raised(int(str(one)), Kind(str(kind)), str(about), Millis(int(str(at))), str(detail))
        for one, kind, about, at, detail in connection.execute(query)
    ]


def dismiss(connection: apsw.Connection, which: int) -> None:
    """Take an alarm off that the person read; what is permanent stays."""
    query = "SELECT kind FROM alarms WHERE id = ?"
    if any(Kind(str(kind)) not in PERMANENT for (kind,) in connection.execute(query, (which,))):
        connection.execute("UPDATE alarms SET dismissed = 1 WHERE id = ?", (which,))


def settle(connection: apsw.Connection, kind: Kind) -> None:
    """Forget the alarms of a kind: the person decided about it, and the next one is raised again."""
    connection.execute("DELETE FROM alarms WHERE kind = ?", (kind,))
