"""What the server claims of a room's members and no member has signed: kept, told once, and named on request.

A ghost is listed as a member and was admitted by nobody; somebody dropped is not listed any more and was
removed by nobody. Neither changes the group. Each is an alarm at first; when members decide otherwise, or the
server takes it back, it is forgotten. Functions over a connection; ``plan`` finds them.
"""

from collections.abc import Sequence

import apsw

from parlour_client.core.archive import alarms
from parlour_client.core.e2ee.plan import Claims
from parlour_protocol.ids import Millis, RoomId
from parlour_protocol.names import UserName, parse_user_name


def keep(connection: apsw.Connection, room: RoomId, found: Claims, now: Millis) -> bool:
    """Keep what is claimed now; what is new is an alarm. False: nothing has changed."""
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
        alarms.sound(connection, alarms.Kind.MEMBERS, _about(room, user), now, ghost_words(user))
    for user in found.dropped:
        alarms.sound(connection, alarms.Kind.MEMBERS, _about(room, user), now, dropped_words(user))
    return True


def of(connection: apsw.Connection, room: RoomId) -> Claims:
    """Return what was claimed when the room was last looked at."""
    query = "SELECT user, kind FROM mls_claims WHERE room = ? ORDER BY user"
    rows = [(parse_user_name(str(user)), str(kind)) for user, kind in connection.execute(query, (room,))]
    ghosts = [user for user, kind in rows if kind == "ghost"]
    return Claims(ghosts, [user for user, kind in rows if kind == "dropped"])


def words(claims: Claims) -> Sequence[str]:
    """Return a sentence for each claim."""
    return [*map(ghost_words, claims.ghosts), *map(dropped_words, claims.dropped)]


def ghost_words(user: UserName) -> str:
    """Say that somebody is listed whom nobody admitted."""
    return f"The server lists {user} as a member; no member admitted them. Nothing is sent to them."


def dropped_words(user: UserName) -> str:
    """Say that somebody is not listed whom nobody removed."""
    here = f"The server no longer lists {user} as a member; no member removed them."
    return f"{here} They can still read this room."


def _about(room: RoomId, user: UserName) -> str:
    return f"{room}/{user}"
