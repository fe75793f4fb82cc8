"""The rules for inviting, roles, kicking, banning and muting.

No one acts on a member with an equal or higher role, or on themselves except to step down. `rights.py` has
already checked that the author is a member whose role allows the action.
"""

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Banned, Invited, Kicked, Muted, RoleSet, Unbanned, Unmuted
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.limits import INVITATIONS_INTO_ROOM, INVITATIONS_OF_INVITER
from parlour_protocol.rooms import Role
from parlour_server.chat.consent.statement_rules import is_for_members
from parlour_server.chat.permissions import RANK, in_force
from parlour_server.chat.store.types import AppendEvent, Membership, RoomFacts
from parlour_server.core.errors import RefusedError


def decide_invite(event: AppendEvent, facts: RoomFacts, body: Invited) -> None:
    """Allow inviting someone who exists, is not in the room, is not banned and was not invited recently.

    It never depends on how that person answers invitations, or how many they have (L14: no oracle). An
    admission to an encrypted room is taken of a member, who may have a new key, and after an invitation
    without one, as the person had no key yet.
    """
    if not facts.subject_exists:
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such user")
    if facts.subject is not None and not is_for_members(facts, body):
        raise RefusedError(ErrorCode.ALREADY, "they are already in this room")
    if in_force(facts.subject_banned_until, event.at):
        raise RefusedError(ErrorCode.FORBIDDEN, "they are banned here: a moderator must unban them first")
    if facts.invited_by_author and (facts.admitted_by_author or not is_for_members(facts, body)):
        raise RefusedError(ErrorCode.ALREADY, "you already invited them, and they have not answered yet")
    if facts.invite_again > event.at:
        hint = "you withdrew their invitation recently: invite them again later"
        raise RefusedError(ErrorCode.RATE_LIMITED, hint, retry_after=facts.invite_again - event.at)
    if facts.invitations_of_author >= INVITATIONS_OF_INVITER.value:
        raise RefusedError(
            ErrorCode.LIMIT_REACHED, "too many of your invitations are unanswered: withdraw one, or wait"
        )
    if facts.invitations_into_room >= INVITATIONS_INTO_ROOM.value:
        raise RefusedError(ErrorCode.LIMIT_REACHED, "too many invitations to this room are unanswered")


def decide_role(event: AppendEvent, facts: RoomFacts, body: RoleSet, author: Membership) -> None:
    """Allow giving a role to someone below, or stepping down while another owner stays."""
    subject = _subject(facts)
    if not facts.subject_exists:
        raise RefusedError(ErrorCode.FORBIDDEN, "their account was deleted")
    if subject.role is body.role:
        raise RefusedError(ErrorCode.ALREADY, "they already have this role")
    if body.who != event.author:
        _outranks(author, subject)
    elif subject.role is Role.OWNER and facts.owners <= 1:
        raise RefusedError(ErrorCode.FORBIDDEN, "make someone else an owner first")


def decide_kick(event: AppendEvent, facts: RoomFacts, body: Kicked, author: Membership) -> None:
    """Allow removing a member."""
    _not_oneself(event, body.who, "to go, leave the room instead")
    _outranks(author, _subject(facts))


def decide_ban(event: AppendEvent, facts: RoomFacts, body: Banned, author: Membership) -> None:
    """Allow banning someone, who need not be in the room."""
    _not_oneself(event, body.who, "to go, leave the room instead")
    if facts.subject is not None:
        _outranks(author, facts.subject)
    elif not facts.subject_exists:
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such user")
    elif _same_end(facts.subject_banned_until, body.until):
        raise RefusedError(ErrorCode.ALREADY, "they are already banned")


def decide_unban(event: AppendEvent, facts: RoomFacts, body: Unbanned) -> None:
    """Allow lifting a ban."""
    if not (in_force(facts.subject_banned_until, event.at) or is_for_members(facts, body)):
        raise RefusedError(ErrorCode.ALREADY, "they are not banned")


def decide_mute(event: AppendEvent, facts: RoomFacts, body: Muted, author: Membership) -> None:
    """Allow muting a member, or changing the duration."""
    _not_oneself(event, body.who, "you cannot mute yourself")
    subject = _subject(facts)
    if not facts.subject_exists:
        raise RefusedError(ErrorCode.FORBIDDEN, "their account was deleted")
    _outranks(author, subject)
    if _same_end(subject.muted_until, body.until):
        raise RefusedError(ErrorCode.ALREADY, "they are already muted")


def decide_unmute(event: AppendEvent, facts: RoomFacts, body: Unmuted, author: Membership) -> None:
    """Allow lifting a mute, except one's own."""
    _not_oneself(event, body.who, "you cannot unmute yourself")
    subject = _subject(facts)
    _outranks(author, subject)
    if not in_force(subject.muted_until, event.at):
        raise RefusedError(ErrorCode.ALREADY, "they are not muted")


def _subject(facts: RoomFacts) -> Membership:
    if facts.subject is None:
        raise RefusedError(ErrorCode.NOT_FOUND, "they are not in this room")
    return facts.subject


def _outranks(author: Membership, subject: Membership) -> None:
    if RANK[author.role] <= RANK[subject.role]:
        raise RefusedError(ErrorCode.FORBIDDEN, "their role is as high as yours or higher")


def _not_oneself(event: AppendEvent, who: UserName, hint: str) -> None:
    if who == event.author:
        raise RefusedError(ErrorCode.FORBIDDEN, hint)


def _same_end(held: Millis | None, wanted: Millis | None) -> bool:
    """Return whether both ends are the same; permanent is 0 in the store, None in a body."""
    return held is not None and held == (wanted or 0)
