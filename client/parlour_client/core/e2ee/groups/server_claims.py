"""The server's claims about a room's members that no member signed: stored, reported once, listed.

A ghost is listed as a member but was not admitted, or was removed; a dropped member is no longer listed but
was not removed. Neither changes the group. Each first raises an alarm; it is forgotten when members decide
otherwise or the server withdraws it. Functions over a connection; ``commit_plan`` finds them.
"""

from collections.abc import Sequence

import apsw

from parlour_client.core.archive import alarms
from parlour_client.core.e2ee.groups.commit_evidence import statement_of
from parlour_client.core.e2ee.groups.commit_plan import ServerClaims
from parlour_client.core.model import display_name
from parlour_client.kit.language import _
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.membership import Remove, Roster


def keep(
    connection: apsw.Connection, room: RoomId, found: ServerClaims, roster: Roster | None, now: Millis
) -> bool:
    """Store the current claims; a new one raises an alarm. False: nothing has changed.

    ``roster``: the room's members, and those who were removed.
    """
    before = of(connection, room)
    if before == found:
        return False
    connection.execute("DELETE FROM mls_claims WHERE room = ?", (room,))
    for kind, users in (("ghost", found.ghosts), ("dropped", found.dropped)):
        for user in users:
            connection.execute(
                "INSERT INTO mls_claims (room, user, kind) VALUES (?, ?, ?)", (room, user, kind)
            )
    for user in {*before.ghosts, *before.dropped} - {*found.ghosts, *found.dropped}:
        alarms.forget(connection, alarms.Kind.MEMBERS, _about(room, user))
    for user in found.ghosts:
        alarms.sound(connection, alarms.Kind.MEMBERS, _about(room, user), now, ghost_words(user, roster))
    for user in found.dropped:
        alarms.sound(connection, alarms.Kind.MEMBERS, _about(room, user), now, dropped_words(user))
    return True


def of(connection: apsw.Connection, room: RoomId) -> ServerClaims:
    """Return the claims at the time the room was last checked."""
    query = "SELECT user, kind FROM mls_claims WHERE room = ? ORDER BY user"
    rows = [(parse_user_name(str(user)), str(kind)) for user, kind in connection.execute(query, (room,))]
    ghosts = [user for user, kind in rows if kind == "ghost"]
    return ServerClaims(ghosts, [user for user, kind in rows if kind == "dropped"])


def words(claims: ServerClaims, roster: Roster | None) -> Sequence[str]:
    """Return a sentence for each claim."""
    ghosts = [ghost_words(user, roster) for user in claims.ghosts]
    return [*ghosts, *map(dropped_words, claims.dropped)]


def ghost_words(user: UserName, roster: Roster | None) -> str:
    """Say that the server lists someone who was not admitted, or was removed."""
    why = _("no member admitted them") if roster is None else _why_outside(user, roster)
    return _("The server lists {user} as a member; {why}. Nothing is sent to them.").format(
        user=display_name(user), why=why
    )


def _why_outside(user: UserName, roster: Roster) -> str:
    removal = roster.removal_of(user)
    if removal is None:
        return _("no member admitted them")
    match statement_of(removal.proof).act:
        case Remove(ban=True):
            return _("{by} banned them").format(by=removal.by)
        case Remove():
            return _("they left") if removal.by == user else _("{by} removed them").format(by=removal.by)
        case _:  # lifting a ban admits no one
            return _("no member admitted them again")


def dropped_words(user: UserName) -> str:
    """Say that the server wants someone out who was not removed; it does not say why."""
    return _(
        "The server wants {user}, or a device of theirs, out of this room, but no member removed them, and "
        "they revoked no device. They can still read this room."
    ).format(user=display_name(user))


def room_of(alarm: alarms.Raised) -> RoomId | None:
    """Return the room of an alarm."""
    return RoomId(alarm.about.partition("/")[0]) if alarm.kind is alarms.Kind.MEMBERS else None


def _about(room: RoomId, user: UserName) -> str:
    return f"{room}/{user}"
