"""The state of a room's group, as plain values for views and for ``reconcile``, and what the server claims.

What no member has signed is a claim: it has no effect, people are notified of it once by an alarm, and it is
forgotten when members decide otherwise or the server withdraws it. A ghost is listed as a member but was not
admitted, did not accept, or was removed; a dropped member is no longer listed but was not removed. Someone
who accepted an invitation that is void by now is told without an alarm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import apsw

from parlour_client.core.archive import alarms
from parlour_client.core.e2ee.group.rules import statement_of
from parlour_client.core.e2ee.group.run import kind_of_room
from parlour_client.core.e2ee.group.statements import invitation_words
from parlour_client.core.e2ee.group.store import Groups, GroupStatus, MemberReport, status_of
from parlour_client.core.model import display_name
from parlour_client.kit.language import _
from parlour_protocol.frames import RoomSummary
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.membership import Remove, Roster, Withdraw
from parlour_protocol.rooms import RoomKind, RoomSuite


@dataclass(frozen=True, slots=True)
class ServerClaims:
    """The server's claims about a room's members that no member has signed."""

    ghosts: Sequence[UserName] = ()
    """Listed as members, but not admitted by anyone, or removed: nothing is sent to them."""
    unaccepted: Sequence[UserName] = ()
    """Listed as members and invited, but they did not accept."""
    dropped: Sequence[UserName] = ()
    """Not listed any more, but not removed by anyone: they can still read the room."""
    void: Sequence[tuple[UserName, str]] = ()
    """Listed, and they accepted an invitation that is void, and why, in a sentence: no one lied."""

    @property
    def outside(self) -> Sequence[UserName]:
        """Everyone who is listed as a member and is not in."""
        return sorted({*self.ghosts, *self.unaccepted, *(user for user, _why in self.void)})


NO_CLAIMS: Final = ServerClaims()


@dataclass(frozen=True, slots=True)
class GroupReport:
    """A room's group as this device knows it."""

    status: GroupStatus
    group: GroupId | None = None
    epoch: Epoch | None = None
    authenticator: str = ""
    members: Sequence[MemberReport] = ()
    joined: Millis | None = None
    own_since: Millis | None = None
    """When this device last renewed its keys; None: not since it joined."""
    sent: int = 0
    """Messages of this device since then."""
    staged: bool = False
    """A commit of this device is not in the log yet."""
    kind: RoomKind | None = None
    """The description of the room that its members agreed on."""
    roster: Roster | None = None
    """Its members; None outside of its group."""
    claims: ServerClaims = NO_CLAIMS
    invitation: str = ""
    """What became of the invitation that was accepted here, in a sentence, while this device is outside."""
    again: bool = False
    """The server was rolled back: the group must be recreated."""
    suite: RoomSuite | None = None


def report(connection: apsw.Connection, groups: Groups, room: RoomId) -> GroupReport:
    """Return the state of a room's group."""
    row, stored = groups.both(connection, room)
    again = row is not None and row.recreate
    status = status_of(row, stored)
    if stored is None:
        group = None if row is None else row.group
        return GroupReport(status, group, invitation=invitation_words(connection, room), again=again)
    return GroupReport(
        status,
        stored.id,
        stored.epoch,
        digits(stored.group.epoch_authenticator),
        groups.members(stored),
        stored.joined,
        stored.own_since,
        stored.sent,
        staged=stored.group.pending_commit is not None,
        kind=kind_of_room(stored),
        again=again,
        suite=RoomSuite(stored.group.suite.number),
        roster=stored.rules.roster,
        claims=claims_of(connection, room),
    )


def room_conflict(summary: RoomSummary | None, report: GroupReport, me: UserName) -> str:
    """Say where the server's description of a room conflicts with its members' own; empty: nowhere.

    A direct room shown under another person's name, or a group room shown as a direct one, would let people
    write to someone they do not mean.
    """
    if summary is None or report.kind is None:
        return ""
    direct = report.kind is RoomKind.DIRECT
    if direct is not (summary.kind is RoomKind.DIRECT):
        claimed = _("a direct room") if summary.kind is RoomKind.DIRECT else _("a group room")
        made = _("a direct room") if direct else _("a group room")
        return _("The server calls this {claimed}, and its members made it {made}: nothing is sent.").format(
            claimed=claimed, made=made
        )
    others = {member.user for member in report.members} - {me}
    if direct and others and others != {summary.peer}:
        whose = ", ".join(sorted(others))
        named = _("the direct room with {peer}").format(peer=summary.peer)
        return _("The server calls this {named}, but its keys belong to {whose}: nothing is sent.").format(
            named=named, whose=whose
        )
    return ""


def closed_direct_words(peer: UserName) -> str:
    """Say that no one reads a direct room any more."""
    return _(
        "{user}'s account was deleted. No one reads this direct room any more, so nothing is sent."
    ).format(user=display_name(peer))


def digits(authenticator: bytes) -> str:
    """Return 30 digits in groups of five: equal for everyone in the same group and epoch."""
    numbers = [int.from_bytes(authenticator[at : at + 5]) % 100_000 for at in range(0, 30, 5)]
    return " ".join(f"{number:05}" for number in numbers)


def keep_claims(
    connection: apsw.Connection, room: RoomId, found: ServerClaims, roster: Roster | None, now: Millis
) -> bool:
    """Store the current claims; a new one raises an alarm. False: nothing has changed.

    ``roster``: the room's members, and those who were removed.
    """
    before = claims_of(connection, room)
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


def claims_of(connection: apsw.Connection, room: RoomId) -> ServerClaims:
    """Return the claims at the time the room was last checked."""
    found: dict[str, list[tuple[UserName, str]]] = {}
    query = "SELECT user, kind, why FROM mls_claims WHERE room = ? ORDER BY user"
    for user, kind, why in connection.execute(query, (room,)):
        found.setdefault(str(kind), []).append((parse_user_name(str(user)), str(why)))

    def users(kind: str) -> Sequence[UserName]:
        return [user for user, _why in found.get(kind, [])]

    return ServerClaims(users("ghost"), users("unaccepted"), users("dropped"), found.get("void", []))


def claim_words(claims: ServerClaims, roster: Roster | None) -> Sequence[str]:
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


def _about(room: RoomId, user: UserName) -> str:
    return f"{room}/{user}"
