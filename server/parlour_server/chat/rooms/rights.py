"""The rights to append to a room's log: one pure function, called inside the store's transaction.

``decide`` raises RefusedError or returns nothing. It never reveals a room to someone who may not see it: a
private or direct room answers a stranger like a room that does not exist (NOT_FOUND). The store calls it with
facts from the same transaction, so that permissions cannot change in between (S4).
"""

from typing import Final, assert_never

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import (
    Added,
    AnyBody,
    Archived,
    Banned,
    Blank,
    Contested,
    Created,
    Deleted,
    Edited,
    EncryptedMessage,
    EncryptionOn,
    GroupCreated,
    Handshake,
    Invited,
    Joined,
    Kicked,
    Left,
    Message,
    Muted,
    Pinned,
    Reacted,
    Renamed,
    RetentionSet,
    RoleSet,
    RoomDeleted,
    TopicSet,
    Unbanned,
    Uninvited,
    Unmuted,
    Unreadable,
    reaches_back,
)
from parlour_protocol.frames.event_rules import Action, Rooms
from parlour_protocol.kit.names import skeleton
from parlour_protocol.limits import PINS_PER_ROOM, REACTIONS_PER_MESSAGE
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.consent.encrypted_message_rules import decide_encrypted_message
from parlour_server.chat.consent.group_rules import decide_group
from parlour_server.chat.consent.membership_rules import decide_join, decide_membership
from parlour_server.chat.consent.moderation_rules import decide_mute, decide_unmute
from parlour_server.chat.permissions import allow
from parlour_server.chat.store.types import AppendEvent, Decide, Membership, RoomFacts, Target
from parlour_server.chat.system_account import lobby
from parlour_server.core.errors import RefusedError


def refuse_name_of_lobby(kind: RoomKind | None, name: RoomName) -> None:
    """Refuse a person's public room that is called like the lobby: new accounts join the one of that name.

    There may be none, when the operator renamed or deleted it.
    """
    if kind is RoomKind.PUBLIC and skeleton(name) == skeleton(lobby()):
        raise RefusedError(
            ErrorCode.NAME_TAKEN, "new accounts join the room of this name; it is the operator's"
        )


def decide(event: AppendEvent, facts: RoomFacts) -> None:
    """Check whether the event may be appended. Raises RefusedError."""
    body = event.body
    if body.rules.action is None:
        raise RefusedError(ErrorCode.FORBIDDEN, "no request makes such an event")
    refuse_archived(event, facts)
    refuse_deleted_peer(event, facts)
    if isinstance(body, Joined):
        decide_join(event, facts, body)
        return
    author = allow(event, facts, _action(body, body.rules.action))
    refuse_in_other_rooms(body, facts)
    _decide_of_member(event, facts, author)


def _action(body: AnyBody, action: Action) -> Action:
    """Return what the body does: replacing a group needs another right than creating the first."""
    return Action.REFOUND if isinstance(body, GroupCreated) and body.replaces is not None else action


def _decide_of_member(event: AppendEvent, facts: RoomFacts, author: Membership) -> None:  # noqa: C901, PLR0912 - one case for each body
    """Check what the rules of the body's kind leave open. Raises RefusedError."""
    match event.body:
        case Message(reply_to=reply_to):
            if reply_to is not None:
                _message(facts.target)
        case EncryptedMessage() as body:
            decide_encrypted_message(event, facts, body)
        case Edited():
            if _message(facts.target).author != event.author:
                raise RefusedError(ErrorCode.FORBIDDEN, "only the author can edit a message")
        case Deleted():
            _decide_delete(event, facts)
        case Reacted(on=on):
            _decide_reaction(_message(facts.target), on=on)
        case Pinned(on=on):
            _decide_pin(facts, _message(facts.target), on=on)
        case Renamed(name=name):
            refuse_name_of_lobby(facts.kind, name)
        case Archived(on=on):
            refuse_same_archived(facts, on=on)
        case Invited() | Uninvited() | Left() | RoleSet() | Kicked() | Banned() | Unbanned() as body:
            decide_membership(event, facts, body, author)
        case Muted() as body:
            decide_mute(event, facts, body, author)
        case Unmuted() as body:
            decide_unmute(event, facts, body, author)
        case EncryptionOn() | GroupCreated() | Handshake() | Contested() as body:
            decide_group(event, facts, body, author)
        case TopicSet() | RetentionSet() | RoomDeleted():
            pass
        case Joined() | Created() | Added() | Blank() | Unreadable():
            raise AssertionError("decided before")
        case _:
            assert_never(event.body)


def _is_still_allowed(body: AnyBody) -> bool:
    return body.rules.while_archived or _deletes_encrypted(body)


_DELETION_BYTES: Final = 1024
"""The longest encrypted deletion that is taken where nothing else is written: padded it has 372 bytes."""


def _deletes_encrypted(body: AnyBody) -> bool:
    """Return whether it deletes an encrypted message, and no more.

    Members' devices show nothing else in such a one, but other programs could write in what is longer.
    """
    return (
        isinstance(body, EncryptedMessage) and body.blanks is not None and len(body.data) <= _DELETION_BYTES
    )


def refuse_in_other_rooms(body: AnyBody, facts: RoomFacts) -> None:
    """Refuse readable content in an encrypted room, and what only such a room has in others.

    The last defence against a client that falls back to plaintext. Messages from before encryption are not
    secret, and can still be taken back. Raises RefusedError.
    """
    rooms = body.rules.rooms
    if facts.encrypted and rooms is Rooms.OPEN and not reaches_back(body):
        raise RefusedError(
            ErrorCode.ENCRYPTED, "this room is end-to-end encrypted: send encrypted messages only"
        )
    if not facts.encrypted and rooms is Rooms.ENCRYPTED and not isinstance(body, EncryptionOn):
        raise RefusedError(ErrorCode.FORBIDDEN, "this room is not encrypted")


def refuse_archived(event: AppendEvent, facts: RoomFacts) -> None:
    """Refuse what anyone writes in an archived room; a member is told why. Raises RefusedError."""
    if facts.archived and facts.author is not None and not _is_still_allowed(event.body):
        raise RefusedError(
            ErrorCode.ARCHIVED, "this room is archived: you can read it, but nobody can write in it"
        )


def refuse_deleted_peer(event: AppendEvent, facts: RoomFacts) -> None:
    """Refuse to write to a person whose account was deleted: no one reads it. Raises RefusedError.

    What was written before can still be deleted.
    """
    if facts.peer_deleted and facts.author is not None and not _is_still_allowed(event.body):
        raise RefusedError(
            ErrorCode.FORBIDDEN, "their account was deleted: no one reads this direct room any more"
        )


def refuse_same_archived(facts: RoomFacts, *, on: bool) -> None:
    """Refuse to archive an archived room, or the other way around. Raises RefusedError."""
    if facts.archived is on:
        hint = "this room is already archived" if on else "this room is not archived"
        raise RefusedError(ErrorCode.ALREADY, hint)


def decide_within(room_bytes: int) -> Decide:
    """Return ``decide``, with a limit on what people write into one room, in bytes."""

    def decide_with_limit(event: AppendEvent, facts: RoomFacts) -> None:
        decide(event, facts)
        # Someone must always be able to leave, to be removed, and to be kept from reading on.
        grows = event.body.rules.takes_space and not _deletes_encrypted(event.body)
        if facts.room_bytes >= room_bytes and grows:
            raise RefusedError(
                ErrorCode.LIMIT_REACHED,
                "this room has used all its space: its owner can have older messages removed",
            )

    return decide_with_limit


def _decide_delete(event: AppendEvent, facts: RoomFacts) -> None:
    target = facts.target
    if target is not None and target.kind == "blank":
        raise RefusedError(ErrorCode.ALREADY, "this message is already deleted")
    if _message(target).author != event.author:
        allow(event, facts, Action.DELETE_ANY)


def _message(target: Target | None) -> Target:
    """Return the target if it is a message that was not deleted."""
    if target is None:
        raise RefusedError(ErrorCode.MESSAGE_GONE, "there is no such message")
    if target.kind == "blank":
        raise RefusedError(ErrorCode.MESSAGE_GONE, "this message was deleted")
    if target.kind != "message":
        raise RefusedError(ErrorCode.NOT_FOUND, "this event is not a message")
    return target


def _decide_reaction(target: Target, *, on: bool) -> None:
    if target.has_reaction is on:
        hint = "you already added this reaction" if on else "you have not added this reaction"
        raise RefusedError(ErrorCode.ALREADY, hint)
    if on and target.reactions >= REACTIONS_PER_MESSAGE.value:
        raise RefusedError(ErrorCode.LIMIT_REACHED, "this message has the maximum number of reactions")


def _decide_pin(facts: RoomFacts, target: Target, *, on: bool) -> None:
    if target.pinned is on:
        raise RefusedError(ErrorCode.ALREADY, "it is already pinned" if on else "it is not pinned")
    if on and facts.pins >= PINS_PER_ROOM.value:
        raise RefusedError(ErrorCode.LIMIT_REACHED, "too many messages are pinned: unpin one first")
