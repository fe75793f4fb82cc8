"""The rules for joining a room, staying in it, and leaving: signed where the room is encrypted.

`rooms/rights.py` has already checked that the author of anything but a join is a member, and that their role
allows it.
"""

from typing import assert_never

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import (
    Banned,
    Invited,
    Joined,
    Kicked,
    Left,
    RoleSet,
    Unbanned,
    Uninvited,
)
from parlour_protocol.frames.event_rules import Action
from parlour_protocol.limits import ROOMS_PER_USER
from parlour_server.chat.consent.moderation_rules import (
    decide_ban,
    decide_invite,
    decide_kick,
    decide_role,
    decide_unban,
)
from parlour_server.chat.consent.statement_rules import decide_uninvite, require_consent, require_statement
from parlour_server.chat.permissions import LOWEST_ROLE, in_force, refuse_timed
from parlour_server.chat.store.types import AppendEvent, Membership, RoomFacts
from parlour_server.core.errors import RefusedError


def decide_join(event: AppendEvent, facts: RoomFacts, body: Joined) -> None:
    """Allow joining a public room, or any other with an invitation, unless banned. Raises RefusedError."""
    signed = facts.encrypted and (body.statement is not None or body.acceptance is not None)
    if facts.author is not None and not signed:
        raise RefusedError(ErrorCode.ALREADY, "you are already in this room")
    if (
        facts.archived
        or facts.kind is None
        or not (facts.author_invited or Action.JOIN in LOWEST_ROLE[facts.kind])
    ):
        raise RefusedError(ErrorCode.NOT_FOUND, "no such room, or you need an invitation to join it")
    if in_force(facts.author_banned_until, event.at):
        refuse_timed(ErrorCode.BANNED, "you are banned from this room", facts.author_banned_until, event.at)
    if facts.author is None and facts.author_rooms >= ROOMS_PER_USER.value:
        raise RefusedError(ErrorCode.LIMIT_REACHED, "you are in too many rooms: leave one first")
    require_consent(facts, body)


def decide_membership(
    event: AppendEvent,
    facts: RoomFacts,
    body: Invited | Uninvited | Left | RoleSet | Kicked | Banned | Unbanned,
    author: Membership,
) -> None:
    """Check what a member does about who is in the room, and as what. Raises RefusedError."""
    match body:
        case Invited():
            decide_invite(event, facts, body)
        case Uninvited():
            decide_uninvite(facts, author, body)
        case Left():
            require_statement(facts, body)
        case RoleSet():
            decide_role(event, facts, body, author)
            require_statement(facts, body)
        case Kicked():
            decide_kick(event, facts, body, author)
            require_statement(facts, body)
        case Banned():
            decide_ban(event, facts, body, author)
            require_statement(facts, body)
        case Unbanned():
            decide_unban(event, facts, body)
        case _:
            assert_never(body)
