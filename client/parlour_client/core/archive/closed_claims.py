"""The server's claims of deleted accounts: since when in which room, and what contradicts them.

Functions over a connection.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import apsw

from parlour_client.core.archive.rows import user_name
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName


@dataclass(frozen=True, slots=True)
class ClosedClaim:
    """The server says that a member's account was deleted."""

    room: RoomId
    user: UserName
    since: Millis
    """When this device first heard it."""
    head: Seq
    """The room's newest event on this device at that time."""
    written: bool = False
    """One of their devices has written since."""
    removed: Millis | None = None
    """When this device removed them because of it."""


def load(connection: apsw.Connection) -> Sequence[ClosedClaim]:
    """Return all of them."""
    query = "SELECT room, user, since, head, written, removed FROM closed_claims"
    return [
        ClosedClaim(
            RoomId(str(room)),
            user_name(str(user)),
            Millis(int(str(since))),
            Seq(int(str(head))),
            bool(written),
            None if removed is None else Millis(int(str(removed))),
        )
        for room, user, since, head, written, removed in connection.execute(query)
    ]


def add(
    connection: apsw.Connection, room: RoomId, users: Collection[UserName], now: Millis
) -> Sequence[ClosedClaim]:
    """Store what the server says for the first time; returns it."""
    query = "SELECT top FROM rooms WHERE id = ?"
    head = next((Seq(int(str(top))) for (top,) in connection.execute(query, (room,))), Seq(0))
    claims = [ClosedClaim(room, user, now, head) for user in users]
    connection.executemany(
        "INSERT OR REPLACE INTO closed_claims (room, user, since, head) VALUES (?, ?, ?, ?)",
        [(claim.room, claim.user, claim.since, claim.head) for claim in claims],
    )
    return claims


def drop(connection: apsw.Connection, room: RoomId, users: Collection[UserName]) -> None:
    """Forget what the server does not say any more."""
    connection.executemany(
        "DELETE FROM closed_claims WHERE room = ? AND user = ?", [(room, user) for user in users]
    )


def save(connection: apsw.Connection, claim: ClosedClaim) -> None:
    """Store what has become of one."""
    connection.execute(
        "UPDATE closed_claims SET written = ?, removed = ? WHERE room = ? AND user = ?",
        (claim.written, claim.removed, claim.room, claim.user),
    )
