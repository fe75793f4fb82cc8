"""What each lasting request puts into the log: one body for one request.

A body holds what the request says and nothing that a client could not know; author, device, time and number
are set by whoever appends it (S5: spoofed sender). `commands.py` calls it.
"""

from typing import assert_never

from parlour_protocol.frames.bodies import (
    AnyBody,
    Banned,
    Deleted,
    Edited,
    EncryptedMessage,
    EncryptionOn,
    Invited,
    Kicked,
    Left,
    Message,
    Muted,
    Pinned,
    Reacted,
    RoleSet,
    TopicSet,
    Unbanned,
    Uninvited,
    Unmuted,
)
from parlour_protocol.frames.requests import (
    Ban,
    Delete,
    Edit,
    Encrypt,
    Invite,
    Kick,
    Leave,
    Mute,
    Pin,
    React,
    Send,
    SendEncrypted,
    SetRole,
    SetTopic,
    Unban,
    Uninvite,
    Unmute,
)
from parlour_protocol.ids import Millis

LastingRequest = (
    Send
    | SendEncrypted
    | Edit
    | Delete
    | React
    | Pin
    | Encrypt
    | Leave
    | Invite
    | Uninvite
    | SetTopic
    | SetRole
    | Kick
    | Ban
    | Unban
    | Mute
    | Unmute
)


def body_of(frame: LastingRequest, now: Millis) -> AnyBody:  # noqa: C901, PLR0911, PLR0912 - one case each
    """Return what the request puts into the log."""
    match frame:
        case Send():
            return Message(text=frame.text, reply_to=frame.reply_to, file=frame.file)
        case SendEncrypted():
            return EncryptedMessage(
                group=frame.group, epoch=frame.epoch, data=frame.data, blanks=frame.blanks
            )
        case Edit():
            return Edited(target=frame.target, text=frame.text)
        case Delete():
            return Deleted(target=frame.target)
        case React():
            return Reacted(target=frame.target, reaction=frame.reaction, on=frame.on)
        case Pin():
            return Pinned(target=frame.target, on=frame.on)
        case Encrypt():
            return EncryptionOn()
        case Leave():
            return Left(statement=frame.statement)
        case Invite():
            return Invited(who=frame.user, statement=frame.statement)
        case Uninvite():
            return Uninvited(who=frame.user)
        case SetTopic():
            return TopicSet(topic=frame.topic)
        case SetRole():
            return RoleSet(who=frame.user, role=frame.role, statement=frame.statement)
        case Kick():
            return Kicked(who=frame.user, reason=frame.reason, statement=frame.statement)
        case Ban():
            until = _end(now, frame.seconds)
            return Banned(who=frame.user, until=until, reason=frame.reason, statement=frame.statement)
        case Unban():
            return Unbanned(who=frame.user, statement=frame.statement)
        case Mute():
            return Muted(who=frame.user, until=_end(now, frame.seconds))
        case Unmute():
            return Unmuted(who=frame.user)
        case _:
            assert_never(frame)


def _end(now: Millis, seconds: int | None) -> Millis | None:
    return None if seconds is None else Millis(now + seconds * 1000)
