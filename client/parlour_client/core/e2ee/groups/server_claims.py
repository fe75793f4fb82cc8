"""The server's claims about a room's members that no member signed: stored, reported once, listed.

A ghost is listed as a member but was not admitted, did not accept, or was removed; a dropped member is no
longer listed but was not removed. Neither changes the group. Each first raises an alarm; it is forgotten when
members decide otherwise or the server withdraws it. Someone who accepted an invitation that is void by now is
told without one. Functions over a connection; ``commit_plan`` finds them.
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
from parlour_protocol.membership import Remove, Roster, Withdraw


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
    rows = [("ghost", user, "") for user in found.ghosts]
    rows += [("unaccepted", user, "") for user in found.unaccepted]
    rows += [("dropped", user, "") for user in found.dropped]
    rows += [("void", user, why) for user, why in found.void]
    for kind, user, why in rows:
        query = "INSERT INTO mls_claims (room, user, kind, why) VALUES (?, ?, ?, ?)"
        connection.execute(query, (room, user, kind, why))
    told, before_told = _told(found, roster), _told(before, roster)
    for user in before_told.keys() - told.keys():
        alarms.forget(connection, alarms.Kind.MEMBERS, _about(room, user))
    for user, sentence in told.items():
        alarms.sound(connection, alarms.Kind.MEMBERS, _about(room, user), now, sentence)
    return True


def of(connection: apsw.Connection, room: RoomId) -> ServerClaims:
    """Return the claims at the time the room was last checked."""
    found: dict[str, list[tuple[UserName, str]]] = {}
    query = "SELECT user, kind, why FROM mls_claims WHERE room = ? ORDER BY user"
    for user, kind, why in connection.execute(query, (room,)):
        found.setdefault(str(kind), []).append((parse_user_name(str(user)), str(why)))

    def users(kind: str) -> Sequence[UserName]:
        return [user for user, _why in found.get(kind, [])]

    return ServerClaims(users("ghost"), users("unaccepted"), users("dropped"), found.get("void", []))


def words(claims: ServerClaims, roster: Roster | None) -> Sequence[str]:
    """Return a sentence for each claim."""
    return list(_told(claims, roster).values())


def _told(claims: ServerClaims, roster: Roster | None) -> dict[UserName, str]:
    return (
        {user: ghost_words(user, roster) for user in claims.ghosts}
        | {user: unaccepted_words(user) for user in claims.unaccepted}
        | {user: dropped_words(user) for user in claims.dropped}
    )


def ghost_words(user: UserName, roster: Roster | None) -> str:
    """Say that the server lists someone who was not admitted, or was removed."""
    why = _("no member admitted them") if roster is None else _why_outside(user, roster)
    return _("The server lists {user} as a member; {why}. Nothing is sent to them.").format(
        user=display_name(user), why=why
    )


def unaccepted_words(user: UserName) -> str:
    """Say that the server lists someone who was invited, and has accepted no invitation."""
    return _(
        "The server lists {user} as a member; {user} did not accept an invitation. Nothing is sent to them."
    ).format(user=display_name(user))


def _why_outside(user: UserName, roster: Roster) -> str:
    removal = roster.removal_of(user)
    if removal is None:
        return _("no member admitted them")
    match statement_of(removal.proof).act:
        case Remove(ban=True):
            return _("{by} banned them").format(by=removal.by)
        case Withdraw() if removal.by != user:
            return _("{by} withdrew the invitation").format(by=removal.by)
        case Remove() | Withdraw():
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
