"""The state of a room's group, as plain values for views and for ``reconcile``."""

from collections.abc import Sequence
from dataclasses import dataclass

import apsw

from parlour_client.core.e2ee.group import rollback
from parlour_client.core.e2ee.group.plan import NO_CLAIMS, ServerClaims, claims_of
from parlour_client.core.e2ee.group.run import kind_of_room
from parlour_client.core.e2ee.group.statements import invitation_words
from parlour_client.core.e2ee.group.store import Groups, GroupStatus, MemberReport, status_of
from parlour_client.core.model import display_name
from parlour_client.kit.language import _
from parlour_protocol.frames import RoomSummary
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import Roster
from parlour_protocol.rooms import RoomKind, RoomSuite


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
    again = rollback.is_due(connection, room)
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
        "{user}'s account was deleted. No one reads this conversation any more, so nothing is sent."
    ).format(user=display_name(peer))


def digits(authenticator: bytes) -> str:
    """Return 30 digits in groups of five: equal for everyone in the same group and epoch."""
    numbers = [int.from_bytes(authenticator[at : at + 5]) % 100_000 for at in range(0, 30, 5)]
    return " ".join(f"{number:05}" for number in numbers)
