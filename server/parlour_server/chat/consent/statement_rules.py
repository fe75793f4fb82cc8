"""Checks signed statements about membership against the events that carry them.

Members' devices ignore a false statement. The server refuses it before it is in the log, so that its own list
of members agrees with theirs.
"""

from typing import Final

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import (
    AnyBody,
    Banned,
    Invited,
    Joined,
    Kicked,
    Left,
    RoleSet,
    Unbanned,
    Uninvited,
    statement_of,
    subject_of,
)
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.identity import StatementError
from parlour_protocol.membership import (
    Accept,
    Admit,
    AnyAct,
    Remove,
    Request,
    SetRole,
    Unban,
    Withdraw,
    read_again,
    read_statement,
)
from parlour_protocol.rooms import Role
from parlour_server.chat.permissions import RANK
from parlour_server.chat.store.types import AppendEvent, Membership, RoomFacts
from parlour_server.core.errors import RefusedError
from parlour_server.core.signatures import holds

_UNSIGNED: Final = "in an encrypted room one of your devices must sign this: use one that is in the room"


def check_statement(event: AppendEvent, server: str) -> None:
    """Require that a statement matches its event and was signed by the sending device.

    Raises RefusedError(MALFORMED).
    """
    body = event.body
    for signed in (statement_of(body), body.acceptance if isinstance(body, Joined) else None):
        if signed is not None:
            _check(event, signed, server)


def _check(event: AppendEvent, signed: StatementBytes, server: str) -> None:
    body = event.body
    try:
        statement = read_statement(bytes(signed), holds)
    except StatementError as error:
        raise RefusedError(ErrorCode.MALFORMED, str(error)) from error
    act = statement.act
    if (act.server, act.room) != (server, event.room):
        raise RefusedError(ErrorCode.MALFORMED, "the statement is about another room")
    if (statement.by, statement.device) != (event.author, event.sender):
        raise RefusedError(ErrorCode.MALFORMED, "the statement was signed by a device other than yours")
    if act.who != (subject_of(body) or event.author) or not _says(body, act):
        raise RefusedError(ErrorCode.MALFORMED, "the statement does not match the request")


def require_statement(facts: RoomFacts, body: Left | Kicked | Banned | RoleSet) -> None:
    """Require a statement where members' devices need one. Raises RefusedError(FORBIDDEN).

    Otherwise the person would be off this server's list but could still read, and no one could send.
    """
    if facts.in_group and body.statement is None:
        raise RefusedError(ErrorCode.FORBIDDEN, _UNSIGNED)


def require_consent(facts: RoomFacts, body: Joined) -> None:
    """Require the person's request or acceptance in an encrypted room. Raises RefusedError.

    Members' devices add nobody without it.
    """
    if facts.encrypted and body.statement is None and body.acceptance is None:
        raise RefusedError(ErrorCode.FORBIDDEN, _UNSIGNED)
    if body.acceptance is not None and facts.admission is None:
        raise RefusedError(ErrorCode.NOT_FOUND, "that invitation was withdrawn, or has ended")


def is_for_members(facts: RoomFacts, body: Invited | Uninvited | Unbanned) -> bool:
    """Return whether the members of an encrypted room decide by what the event carries.

    It is stored although there is nothing to change on this server's list, which may be from before a
    restore, or does not know of a person's new key.
    """
    return facts.encrypted and body.statement is not None


def decide_uninvite(facts: RoomFacts, author: Membership, body: Uninvited) -> None:
    """Allow withdrawing one's own invitation; moderators can withdraw anyone's. Raises RefusedError.

    An admission to an encrypted room is withdrawn with a signature, also one that the server does not know.
    """
    moderates = RANK[author.role] > RANK[Role.MEMBER]
    if is_for_members(facts, body) and body.statement is not None:
        withdrawn = read_again(body.statement).withdraws
        allowed = moderates or (withdrawn is not None and withdrawn.by == author.user)
    else:
        allowed = facts.invited_by_author or (moderates and facts.subject_invited)
    if not allowed:
        raise RefusedError(ErrorCode.NOT_FOUND, "no such invitation, or it is not yours to withdraw")
    admitted = facts.subject_admitted if moderates else facts.admitted_by_author
    if facts.encrypted and body.statement is None and admitted:
        raise RefusedError(ErrorCode.FORBIDDEN, _UNSIGNED)


def _says(body: AnyBody, act: AnyAct) -> bool:
    match body, act:
        case (Invited(), Admit()) | (Uninvited(), Withdraw()) | (Unbanned(), Unban()) | (Left(), Withdraw()):
            return True
        case Joined(acceptance=acceptance), Request() | Accept():
            return isinstance(act, Accept) is (acceptance is not None)
        case ((Left() | Kicked()), Remove(ban=ban)):
            return not ban
        case Banned(until=until), Remove(ban=ban, until=signed):
            return ban and (until is None) is (signed is None)
        case RoleSet(role=role), SetRole(role=signed):
            return role is signed
        case _:
            return False
