"""Checks signed statements about membership against the events that carry them.

Members' devices ignore a false statement. The server refuses it before it is in the log, so that its own list
of members agrees with theirs.
"""

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
    statement_of,
    subject_of,
)
from parlour_protocol.identity import StatementError
from parlour_protocol.membership import Admit, AnyAct, Remove, Request, SetRole, Unban, read_statement
from parlour_server.kit.errors import RefusedError
from parlour_server.kit.signatures import holds
from parlour_server.store.types import AppendEvent, Facts


def check_statement(event: AppendEvent, server: str) -> None:
    """Require that a statement matches its event and was signed by the sending device.

    Raises RefusedError(MALFORMED).
    """
    body = event.body
    signed = statement_of(body)
    if signed is None:
        return
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


def require_statement(facts: Facts, body: Left | Kicked | Banned | RoleSet) -> None:
    """Require a statement where members' devices need one. Raises RefusedError(FORBIDDEN).

    Otherwise the person would be off this server's list but could still read, and no one could send.
    """
    if facts.in_group and body.statement is None:
        raise RefusedError(
            ErrorCode.FORBIDDEN,
            "in an encrypted room one of your devices must sign this: use one that is in the room",
        )


def _says(body: AnyBody, act: AnyAct) -> bool:
    match body, act:
        case (Invited(), Admit()) | (Joined(), Request()) | (Unbanned(), Unban()):
            return True
        case ((Left() | Kicked()), Remove(ban=ban)):
            return not ban
        case Banned(until=until), Remove(ban=ban, until=signed):
            return ban and (until is None) is (signed is None)
        case RoleSet(role=role), SetRole(role=signed):
            return role is signed
        case _:
            return False
