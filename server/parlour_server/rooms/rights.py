"""Who may append what to a room's log: one pure function, called inside the store's transaction.

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
    FileRef,
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
)
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import skeleton
from parlour_protocol.limits import PINS_PER_ROOM, REACTIONS_PER_MESSAGE, ROOMS_PER_USER
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import RoomKind
from parlour_server.kit.errors import RefusedError
from parlour_server.rooms.encrypted_message_rules import decide_encrypted_message
from parlour_server.rooms.group_rules import decide_group
from parlour_server.rooms.moderation_rules import (
    decide_ban,
    decide_invite,
    decide_kick,
    decide_mute,
    decide_role,
    decide_unban,
    decide_uninvite,
    decide_unmute,
)
from parlour_server.rooms.permissions import (
    LOWEST_ROLE,
    Action,
    allow,
    allow_readable,
    in_force,
    refuse_timed,
)
from parlour_server.rooms.statement_rules import require_statement
from parlour_server.store.interface import Decide
from parlour_server.store.types import AppendEvent, Facts, FileRecord, Target
from parlour_server.system_account import lobby


def refuse_name_of_lobby(kind: RoomKind | None, name: RoomName) -> None:
    """Refuse a person's public room that is called like the lobby: new accounts join the one of that name.

    There may be none, when the operator renamed or deleted it.
    """
    if kind is RoomKind.PUBLIC and skeleton(name) == skeleton(lobby()):
        raise RefusedError(
            ErrorCode.NAME_TAKEN, "new accounts join the room of this name; it is the operator's"
        )


def decide(event: AppendEvent, facts: Facts) -> None:  # noqa: C901, PLR0912, PLR0915 - one case for each body
    """Check whether the event may be appended. Raises RefusedError."""
    refuse_archived(event, facts)
    refuse_deleted_peer(event, facts)
    match event.body:
        case Message(reply_to=reply_to, file=file):
            allow_readable(event, facts, Action.WRITE)
            if reply_to is not None:
                _message(facts.target)
            if file is not None:
                _decide_file(event, facts, file)
        case EncryptedMessage() as body:
            decide_encrypted_message(event, facts, body)
        case Edited():
            allow_readable(event, facts, Action.WRITE)
            if _message(facts.target).author != event.author:
                raise RefusedError(ErrorCode.FORBIDDEN, "only the author can edit a message")
        case Deleted():
            _decide_delete(event, facts)
        case Reacted(on=on):
            allow_readable(event, facts, Action.WRITE)
            _decide_reaction(_message(facts.target), on=on)
        case Pinned(on=on):
            # Unpin: messages from before encryption are not secret, and can still be unpinned.
            (allow_readable if on else allow)(event, facts, Action.PIN)
            _decide_pin(facts, _message(facts.target), on=on)
        case Joined():
            _decide_join(event, facts)
        case Left() as body:
            allow(event, facts, Action.LEAVE)
            require_statement(facts, body)
        case TopicSet():
            allow(event, facts, Action.SET_TOPIC)
        case RetentionSet():
            allow(event, facts, Action.SET_RETENTION)
            refuse_same_retention(event, facts)
        case Renamed(name=name):
            allow(event, facts, Action.RENAME)
            refuse_name_of_lobby(facts.kind, name)
        case Archived(on=on):
            allow(event, facts, Action.ARCHIVE)
            refuse_same_archived(facts, on=on)
        case RoomDeleted():
            allow(event, facts, Action.DELETE_ROOM)
        case Invited():
            allow(event, facts, Action.INVITE)
            decide_invite(event, facts)
        case Uninvited():
            decide_uninvite(facts, allow(event, facts, Action.INVITE))
        case RoleSet() as body:
            decide_role(event, facts, body, allow(event, facts, Action.SET_ROLE))
            require_statement(facts, body)
        case Kicked() as body:
            decide_kick(event, facts, body, allow(event, facts, Action.KICK))
            require_statement(facts, body)
        case Banned() as body:
            decide_ban(event, facts, body, allow(event, facts, Action.BAN))
            require_statement(facts, body)
        case Unbanned():
            allow(event, facts, Action.UNBAN)
            decide_unban(event, facts)
        case Muted() as body:
            decide_mute(event, facts, body, allow(event, facts, Action.MUTE))
        case Unmuted() as body:
            decide_unmute(event, facts, body, allow(event, facts, Action.UNMUTE))
        case EncryptionOn() | GroupCreated() | Handshake() | Contested() as body:
            decide_group(event, facts, body)
        case Created() | Added() | Blank() | Unreadable():
            raise RefusedError(ErrorCode.FORBIDDEN, "no request makes such an event")
        case _:
            assert_never(event.body)


_STILL_ALLOWED: Final = (
    Archived | RoomDeleted | Deleted | Left | Kicked | Banned | Unbanned | Muted | Unmuted
    | RoleSet | RetentionSet | Handshake | GroupCreated | Contested
)  # fmt: skip
"""What still happens in an archived room, and in a direct one whose other account was deleted.

People leave, and its keys follow; what was written can be deleted, and nothing more is written.
"""


def _is_still_allowed(body: AnyBody) -> bool:
    return isinstance(body, _STILL_ALLOWED) or _deletes_encrypted(body)


_DELETION_BYTES: Final = 1024
"""The longest encrypted deletion that is taken where nothing else is written: padded it has 372 bytes."""


def _deletes_encrypted(body: AnyBody) -> bool:
    """Return whether it deletes an encrypted message, and no more.

    Members' devices show nothing else in such a one, but other programs could write in what is longer.
    """
    return (
        isinstance(body, EncryptedMessage) and body.blanks is not None and len(body.data) <= _DELETION_BYTES
    )


def refuse_archived(event: AppendEvent, facts: Facts) -> None:
    """Refuse what anyone writes in an archived room; a member is told why. Raises RefusedError."""
    if facts.archived and facts.author is not None and not _is_still_allowed(event.body):
        raise RefusedError(
            ErrorCode.ARCHIVED, "this room is archived: you can read it, but nobody can write in it"
        )


def refuse_deleted_peer(event: AppendEvent, facts: Facts) -> None:
    """Refuse to write to a person whose account was deleted: no one reads it. Raises RefusedError.

    What was written before can still be deleted.
    """
    if facts.peer_deleted and facts.author is not None and not _is_still_allowed(event.body):
        raise RefusedError(
            ErrorCode.FORBIDDEN, "their account was deleted: no one reads this conversation any more"
        )


def refuse_same_archived(facts: Facts, *, on: bool) -> None:
    """Refuse to archive an archived room, or the other way around. Raises RefusedError."""
    if facts.archived is on:
        hint = "this room is already archived" if on else "this room is not archived"
        raise RefusedError(ErrorCode.ALREADY, hint)


def refuse_same_retention(event: AppendEvent, facts: Facts) -> None:
    """Refuse to set what is set or announced already. Raises RefusedError."""
    policy = facts.retention.settled(event.at)
    if isinstance(event.body, RetentionSet) and policy.changed_by(event.body, event.at) == policy:
        raise RefusedError(ErrorCode.ALREADY, "messages here are already kept for that long")


def decide_within(room_bytes: int) -> Decide:
    """Return ``decide``, with a limit on what people write into one room, in bytes."""

    def decide_with_limit(event: AppendEvent, facts: Facts) -> None:
        decide(event, facts)
        grows = isinstance(event.body, _GROWS) and not _deletes_encrypted(event.body)
        if facts.room_bytes >= room_bytes and grows:
            raise RefusedError(
                ErrorCode.LIMIT_REACHED,
                "this room has used all its space: its owner can have older messages removed",
            )

    return decide_with_limit


_GROWS: Final = Message | EncryptedMessage | Edited | Reacted | Pinned | TopicSet | Renamed
"""What a room without space refuses. Someone must always be able to leave, to be removed, and to be kept from
reading on: membership, roles, moderation and the commits of a group are only limited by their rates.
"""


def _decide_join(event: AppendEvent, facts: Facts) -> None:
    if facts.author is not None:
        raise RefusedError(ErrorCode.ALREADY, "you are already in this room")
    if (
        facts.archived
        or facts.kind is None
        or not (facts.author_invited or Action.JOIN in LOWEST_ROLE[facts.kind])
    ):
        raise RefusedError(ErrorCode.NOT_FOUND, "no such room, or you need an invitation to join it")
    if in_force(facts.author_banned_until, event.at):
        refuse_timed(ErrorCode.BANNED, "you are banned from this room", facts.author_banned_until, event.at)
    if facts.author_rooms >= ROOMS_PER_USER.value:
        raise RefusedError(ErrorCode.LIMIT_REACHED, "you are in too many rooms: leave one first")


def _decide_delete(event: AppendEvent, facts: Facts) -> None:
    # Muted or not: deleting one's own message shows nothing new to anyone.
    allow(event, facts, Action.DELETE_OWN)
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


def _decide_pin(facts: Facts, target: Target, *, on: bool) -> None:
    if target.pinned is on:
        raise RefusedError(ErrorCode.ALREADY, "it is already pinned" if on else "it is not pinned")
    if on and facts.pins >= PINS_PER_ROOM.value:
        raise RefusedError(ErrorCode.LIMIT_REACHED, "too many messages are pinned: unpin one first")


def _decide_file(event: AppendEvent, facts: Facts, named: FileRef) -> None:
    """Allow only a file that the author uploaded to this room, with the right digest."""
    file = facts.file
    if file is None or file.room != event.room or file.owner != event.author or _is_over(file, event.at):
        raise RefusedError(ErrorCode.NOT_FOUND, "you have no such file in this room")
    if (file.size, file.sha256) != (named.size, named.sha256):
        raise RefusedError(ErrorCode.MALFORMED, "the size or digest of the file is wrong")


def _is_over(file: FileRecord, at: Millis) -> bool:
    return file.expires is not None and file.expires <= at
