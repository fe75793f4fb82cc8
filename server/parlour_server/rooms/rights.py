"""Who may append what to a room's log: one pure function, called inside the store's transaction.

``decide`` raises RefusedError or returns nothing. It never tells that a room exists to somebody who may
not see it: a private or direct room answers a stranger exactly as a room that is not there (NOT_FOUND).
The store calls it with facts read in the same transaction, so no right can go stale in between (S4).
"""

from typing import Final, Never, assert_never

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.frames.bodies import (
    Added,
    Banned,
    Blank,
    Created,
    Deleted,
    Edited,
    Joined,
    Kicked,
    Left,
    Message,
    Muted,
    Reacted,
    RoleSet,
    TopicSet,
    Unbanned,
    Unmuted,
)
from parlour_protocol.ids import Millis
from parlour_protocol.limits import REACTIONS_PER_MESSAGE, ROOMS_PER_USER
from parlour_server.errors import RefusedError
from parlour_server.rooms.subjects import (
    decide_ban,
    decide_invite,
    decide_kick,
    decide_mute,
    decide_role,
    decide_unban,
    decide_unmute,
)
from parlour_server.rooms.table import LOWEST_ROLE, RANK, ROLES_IN_WORDS, Action
from parlour_server.rooms.times import in_force
from parlour_server.store.types import AppendEvent, Facts, Membership, Target

_SILENCED: Final = frozenset({Action.WRITE, Action.INVITE, Action.SET_TOPIC})
"""What a muted member may not do: everything that puts words before the others."""


def decide(event: AppendEvent, facts: Facts) -> None:  # noqa: C901, PLR0912 - one case for each body
    """Refuse the event, or let it be appended. Raises RefusedError."""
    match event.body:
        case Message(reply_to=reply_to):
            _allow(event, facts, Action.WRITE)
            if reply_to is not None:
                _message(facts.target)
        case Edited():
            _allow(event, facts, Action.WRITE)
            if _message(facts.target).author != event.author:
                raise RefusedError(ErrorCode.FORBIDDEN, "only the author can edit a message")
        case Deleted():
            _decide_delete(event, facts)
        case Reacted(on=on):
            _allow(event, facts, Action.WRITE)
            _decide_reaction(_message(facts.target), on=on)
        case Joined():
            _decide_join(event, facts)
        case Left():
            _allow(event, facts, Action.LEAVE)
        case TopicSet():
            _allow(event, facts, Action.SET_TOPIC)
        case Added():
            _allow(event, facts, Action.INVITE)
            decide_invite(event, facts)
        case RoleSet() as body:
            decide_role(event, facts, body, _allow(event, facts, Action.SET_ROLE))
        case Kicked() as body:
            decide_kick(event, facts, body, _allow(event, facts, Action.KICK))
        case Banned() as body:
            decide_ban(event, facts, body, _allow(event, facts, Action.BAN))
        case Unbanned():
            _allow(event, facts, Action.UNBAN)
            decide_unban(event, facts)
        case Muted() as body:
            decide_mute(event, facts, body, _allow(event, facts, Action.MUTE))
        case Unmuted() as body:
            decide_unmute(event, facts, body, _allow(event, facts, Action.UNMUTE))
        case Created() | Blank():
            raise RefusedError(ErrorCode.FORBIDDEN, "no request makes such an event")
        case _:
            assert_never(event.body)


def _allow(event: AppendEvent, facts: Facts, action: Action) -> Membership:
    """Return the author's membership, or refuse: not there, role too low, or muted."""
    author = facts.author
    if author is None or facts.kind is None:
        _refuse_stranger(event, facts)
    lowest = LOWEST_ROLE[facts.kind].get(action)
    if lowest is None:
        raise RefusedError(ErrorCode.FORBIDDEN, "this cannot be done in a direct room")
    if RANK[author.role] < RANK[lowest]:
        raise RefusedError(ErrorCode.FORBIDDEN, f"only {ROLES_IN_WORDS[lowest]} can do this here")
    if action in _SILENCED and in_force(author.muted_until, event.at):
        _refuse_timed(ErrorCode.MUTED, "you are muted in this room", author.muted_until, event.at)
    return author


def _refuse_stranger(event: AppendEvent, facts: Facts) -> Never:
    """Refuse somebody who is not in the room. Only a public room may admit that it exists."""
    if facts.kind is not RoomKind.PUBLIC:
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room, or you are not in it")
    if in_force(facts.author_banned_until, event.at):
        _refuse_timed(ErrorCode.BANNED, "you are banned from this room", facts.author_banned_until, event.at)
    raise RefusedError(ErrorCode.FORBIDDEN, "join the room first")


def _refuse_timed(code: ErrorCode, hint: str, until: Millis | None, at: Millis) -> Never:
    raise RefusedError(code, hint, retry_after=until - at if until else None)


def _decide_join(event: AppendEvent, facts: Facts) -> None:
    if facts.author is not None:
        raise RefusedError(ErrorCode.ALREADY, "you are in this room already")
    if facts.kind is None or Action.JOIN not in LOWEST_ROLE[facts.kind]:
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room, or it is entered by invitation only")
    if in_force(facts.author_banned_until, event.at):
        _refuse_timed(ErrorCode.BANNED, "you are banned from this room", facts.author_banned_until, event.at)
    if facts.author_rooms >= ROOMS_PER_USER.value:
        raise RefusedError(ErrorCode.LIMIT_REACHED, "you are in too many rooms: leave one first")


def _decide_delete(event: AppendEvent, facts: Facts) -> None:
    # Muted or not: taking back one's own words puts no new ones before anybody.
    _allow(event, facts, Action.DELETE_OWN)
    target = facts.target
    if target is not None and target.kind == "blank":
        raise RefusedError(ErrorCode.ALREADY, "this message is deleted already")
    if _message(target).author != event.author:
        _allow(event, facts, Action.DELETE_ANY)


def _message(target: Target | None) -> Target:
    """Return the target if it is a message that is still there."""
    if target is None:
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such message")
    if target.kind == "blank":
        raise RefusedError(ErrorCode.NOT_FOUND, "this message was deleted")
    if target.kind != "message":
        raise RefusedError(ErrorCode.NOT_FOUND, "this event is not a message")
    return target


def _decide_reaction(target: Target, *, on: bool) -> None:
    if target.has_reaction is on:
        hint = "you have put this reaction already" if on else "you have not put this reaction"
        raise RefusedError(ErrorCode.ALREADY, hint)
    if on and target.reactions >= REACTIONS_PER_MESSAGE.value:
        raise RefusedError(ErrorCode.LIMIT_REACHED, "this message has as many reactions as it can hold")
