"""Signed statements about a room's members that wait for a commit, and invitations made on this device.

Statements arrive in the log (``note``); any member's device executes them in its next commit, in the log's
order (``executed``). A person may also invite someone whose account has no key yet: that is remembered
(``ask_in``), and this device signs the admission once there is a key. Functions over a connection.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

import apsw

from parlour_client.core.e2ee.groups.commit_evidence import roster_after, statement_of
from parlour_client.core.e2ee.groups.group_errors import RuleBrokenError
from parlour_client.core.e2ee.groups.group_store import StoredGroup
from parlour_client.core.e2ee.groups.policy import certificate_of
from parlour_client.kit.language import N_, _
from parlour_protocol.frames import AnyBody, LogEvent
from parlour_protocol.frames.bodies import MembershipChange, RoleSet, Unbanned
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.membership import Admit, Remove, Request, Roster, SetRole, Statement, Unban
from parlour_protocol.rooms import Role

MAX_WAITING: Final = 500
"""Statements stored for one room: a server that invents events must not fill the disk."""
_MADE: Final = {
    Role.OWNER: N_("made {who} an owner"),
    Role.MODERATOR: N_("made {who} a moderator"),
    Role.MEMBER: N_("made {who} a member"),
}


def statement_in(body: AnyBody) -> bytes | None:
    """Return an event's statement that someone joins, leaves or gets another role.

    An invitation's statement waits in the log until its person has joined.
    """
    match body:
        case MembershipChange(statement=data) | Unbanned(statement=data) | RoleSet(statement=data) if (
            data is not None
        ):
            return bytes(data)
        case _:
            return None


def note(connection: apsw.Connection, event: LogEvent) -> None:
    """Store an event's statement until a commit executes it; an invalid one is dropped."""
    data = statement_in(event.body)
    if data is None:
        return
    try:
        statement = statement_of(data)
    except RuleBrokenError:
        return
    if statement.act.room == event.room:
        connection.execute(
            "INSERT OR IGNORE INTO mls_statements (room, seq, statement) VALUES (?, ?, ?)",
            (event.room, event.seq, data),
        )
        connection.execute(
            """DELETE FROM mls_statements WHERE room = ?1 AND seq NOT IN
                (SELECT seq FROM mls_statements WHERE room = ?1 ORDER BY seq DESC LIMIT ?2)""",
            (event.room, MAX_WAITING),
        )


def waiting(connection: apsw.Connection, room: RoomId) -> Sequence[Statement]:
    """Return the waiting statements, in the log's order."""
    query = "SELECT statement FROM mls_statements WHERE room = ? ORDER BY seq"
    return [statement_of(bytes(data)) for (data,) in list(connection.execute(query, (room,)))]


def expected(connection: apsw.Connection, stored: StoredGroup) -> Roster:
    """Return the roster as it will be when they are executed."""
    roster = stored.rules.roster
    if not (those := waiting(connection, stored.room)):
        return roster
    devices = {certificate_of(leaf).device for _, leaf in stored.group.tree.members()}
    for statement in those:
        with suppress(RuleBrokenError):
            roster = roster_after(roster, [statement.data], devices)
    return roster


def executed(connection: apsw.Connection, room: RoomId, those: Iterable[Statement]) -> None:
    """Remove statements that a commit has executed."""
    for one in those:
        connection.execute("DELETE FROM mls_statements WHERE room = ? AND statement = ?", (room, one.data))
        if isinstance(one.act, Admit | Request | Remove):
            ask_out(connection, room, one.act.who)


def ask_in(connection: apsw.Connection, room: RoomId, users: Iterable[UserName]) -> None:
    """Remember that these people were invited to the room on this device."""
    for user in users:
        connection.execute("INSERT OR IGNORE INTO mls_asked_in (room, user) VALUES (?, ?)", (room, user))


def ask_out(connection: apsw.Connection, room: RoomId, user: UserName) -> None:
    """Forget these invitations."""
    connection.execute("DELETE FROM mls_asked_in WHERE room = ? AND user = ?", (room, user))


def asked_in(connection: apsw.Connection, room: RoomId) -> set[UserName]:
    """Return the people who were invited on this device."""
    query = "SELECT user FROM mls_asked_in WHERE room = ?"
    return {parse_user_name(str(user)) for (user,) in connection.execute(query, (room,))}


def accepted(connection: apsw.Connection, room: RoomId, inviter: UserName) -> None:
    """Remember whose invitation to a room was accepted on this device."""
    connection.execute("INSERT OR REPLACE INTO mls_invited (room, inviter) VALUES (?, ?)", (room, inviter))


def accepted_from(connection: apsw.Connection, room: RoomId) -> UserName | None:
    """Return whose invitation was accepted here; None: none was."""
    for (inviter,) in connection.execute("SELECT inviter FROM mls_invited WHERE room = ?", (room,)):
        return parse_user_name(str(inviter))
    return None


def words(those: Sequence[Statement], by: UserName, *, more: bool) -> Sequence[str]:
    """Describe statements that ``by`` has executed, as clauses after that name.

    ``more``: further clauses about ``by`` come first.
    """
    own = [_deed(one) for one in those if one.by == by]
    others = [f"{one.by} {_deed(one)}" for one in those if one.by != by]
    if others and not own and not more:
        return [_("recorded that ") + _(" and that ").join(others)]
    return [*own, *others]


def _deed(statement: Statement) -> str:
    """Describe a statement, without its signer."""
    act = statement.act
    match act:
        case Admit():
            return _("let {who} in").format(who=act.who)
        case Request():
            return _("joined")
        case Remove(ban=True):
            return _("banned {who}").format(who=act.who)
        case Remove():
            return _("left") if act.who == statement.by else _("kicked {who}").format(who=act.who)
        case Unban():
            return _("lifted the ban of {who}").format(who=act.who)
        case SetRole(role=role):
            return _(_MADE[role]).format(who=act.who)
