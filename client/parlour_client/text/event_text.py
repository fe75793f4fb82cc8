"""Sentences about everything in a room's log that is not a message.

The sentence is ours and contains at most names, which are checked types. A topic or a reason is a stranger's
text and is returned separately, to be shown as such.
"""

from typing import Final, assert_never

from parlour_client.core.model import SYSTEM_ACCOUNT, UNREADABLE, display_name
from parlour_client.kit.language import N_, _
from parlour_client.text.date_text import short_time
from parlour_client.text.retention_text import kept_for
from parlour_protocol.frames import AnyBody, bodies
from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role


def event_sentence(  # noqa: PLR0911 - as below
    by: UserName, body: AnyBody, at: Millis, me: UserName | None = None
) -> tuple[str, WireText | None]:
    """Return our sentence, and the stranger's words that belong to it; ``me`` is the reader, called "you".

    ``at`` is when it happened: the end of a ban is as short as it is clear beside that.
    """
    author = display_name(by)
    if me is not None and me != by and (done := _done_to_you(author, body, at, me)):
        return done, body.reason or None if isinstance(body, bodies.Kicked | bodies.Banned) else None
    match body:
        case bodies.Created() if by == SYSTEM_ACCOUNT:
            return _("Room created"), None
        case bodies.TopicSet(topic=topic):
            return (
                (_("{author} set the topic").format(author=author), topic)
                if topic
                else (_("{author} removed the topic").format(author=author), None)
            )
        case bodies.Kicked(who=whom, reason=reason):
            return _("{author} removed {whom}").format(author=author, whom=display_name(whom)), reason or None
        case bodies.Banned(who=whom, until=until, reason=reason):
            return _("{author} banned {whom}{until}").format(
                author=author, whom=display_name(whom), until=_until(until, at)
            ), reason or None
        case bodies.Edited(target=target, text=text):
            return _("{author} edited #{target}").format(author=author, target=target), text
        case bodies.Reacted(target=target, reaction=reaction, on=on):
            added, removed = (
                _("{author} reacted to #{target}"),
                _("{author} removed a reaction from #{target}"),
            )
            return (added if on else removed).format(author=author, target=target), reaction
        case bodies.Blank(was=was):
            return _(_WAS.get(was, _SOMETHING)).format(author=author), None
        case bodies.Unreadable():
            return _(UNREADABLE), None
        case _:
            return _action(author, body, at), None


def done_elsewhere(
    by: UserName, body: AnyBody, at: Millis, me: UserName, room: str
) -> tuple[str, WireText | None]:
    """Return what someone did to the reader in a room that is not open, and their words; empty: nothing."""
    author = display_name(by)
    if me == by or not (done := _done_to_you(author, body, at, me)):
        return "", None
    match body:
        case bodies.Kicked(reason=reason):
            return _("{author} removed you from {room}").format(author=author, room=room), reason or None
        case bodies.Banned(reason=reason, until=until):
            sentence = _("{author} banned you from {room}{until}")
            return sentence.format(author=author, room=room, until=_until(until, at)), reason or None
        case _:
            return _("{room}: {sentence}").format(room=room, sentence=done), None


def _done_to_you(author: str, body: AnyBody, at: Millis, me: UserName) -> str:  # noqa: PLR0911 - one line a kind of event
    """Return what someone did to the reader; empty: it is about someone else."""
    match body:
        case bodies.Kicked(who=whom) if whom == me:
            return _("{author} removed you from this room").format(author=author)
        case bodies.Banned(who=whom, until=until) if whom == me:
            return _("{author} banned you{until}").format(author=author, until=_until(until, at))
        case bodies.Unbanned(who=whom) if whom == me:
            return _("{author} lifted your ban").format(author=author)
        case bodies.Muted(who=whom, until=until) if whom == me:
            return _("{author} muted you{until}").format(author=author, until=_until(until, at))
        case bodies.Unmuted(who=whom) if whom == me:
            return _("{author} unmuted you").format(author=author)
        case bodies.RoleSet(who=whom, role=role) if whom == me:
            return _(_MADE_YOU[role]).format(author=author)
        case _:
            return ""


def _action(author: str, body: AnyBody, at: Millis) -> str:  # noqa: C901, PLR0911, PLR0912 - one line a kind of event
    match body:
        case bodies.Invited(who=whom):
            return _("{author} invited {whom}").format(author=author, whom=display_name(whom))
        case bodies.Uninvited(who=whom):
            return _("{author} withdrew the invitation of {whom}").format(
                author=author, whom=display_name(whom)
            )
        case bodies.Added(who=whom):
            return _("{author} added {whom}").format(author=author, whom=display_name(whom))
        case bodies.Unbanned(who=whom):
            return _("{author} unbanned {whom}").format(author=author, whom=display_name(whom))
        case bodies.Muted(who=whom, until=until):
            return _("{author} muted {whom}{until}").format(
                author=author, whom=display_name(whom), until=_until(until, at)
            )
        case bodies.Unmuted(who=whom):
            return _("{author} unmuted {whom}").format(author=author, whom=display_name(whom))
        case bodies.Renamed(name=name):
            return _("{author} renamed this room to {name}").format(author=author, name=name)
        case bodies.Archived(on=on):
            return (
                _("{author} archived this room") if on else _("{author} made this room active again")
            ).format(author=author)
        case bodies.RoleSet(who=whom, role=role):
            return _(_MADE[role]).format(author=author, whom=display_name(whom))
        case bodies.Pinned(target=target, on=on):
            sentence = _("{author} pinned #{target}") if on else _("{author} unpinned #{target}")
            return sentence.format(author=author, target=target)
        case bodies.RetentionSet(days=days, applies=applies):
            return _("{author} changed how long the server keeps messages: {kept}, from {date} on").format(
                author=author, kept=kept_for(days), date=short_time(applies or Millis(0), at)
            )
        case bodies.Deleted(target=target):
            return _("{author} deleted #{target}").format(author=author, target=target)
        case bodies.Created():
            return _("{author} created this room").format(author=author)
        case bodies.Joined():
            return _("{author} joined").format(author=author)
        case bodies.RoomDeleted():
            return _("{author} deleted this room").format(author=author)
        case bodies.Left():
            return _("{author} left").format(author=author)
        case bodies.EncryptionOn():
            return _("{author} turned on end-to-end encryption").format(author=author)
        case bodies.GroupCreated():
            return _("{author} created the encrypted group").format(author=author)
        case bodies.Handshake():
            return _("{author} renewed the keys").format(author=author)
        case bodies.Contested():
            return _("{author} could not apply a change of keys: the group may have split").format(
                author=author
            )
        case bodies.EncryptedMessage():
            return _("{author} sent an encrypted message").format(author=author)
        case bodies.Message():
            return _("{author} sent a message").format(author=author)
        case bodies.TopicSet() | bodies.Kicked() | bodies.Banned() | bodies.Edited() | bodies.Reacted():
            raise AssertionError("said with someone's words")
        case bodies.Blank() | bodies.Unreadable():
            raise AssertionError("said before")
        case _:
            assert_never(body)


_MADE: Final = {
    Role.OWNER: N_("{author} made {whom} an owner"),
    Role.MODERATOR: N_("{author} made {whom} a moderator"),
    Role.MEMBER: N_("{author} made {whom} a member"),
}
_MADE_YOU: Final = {
    Role.OWNER: N_("{author} made you an owner"),
    Role.MODERATOR: N_("{author} made you a moderator"),
    Role.MEMBER: N_("{author} made you a member"),
}
_WAS: Final = {
    "message": N_("A message by {author} was deleted"),
    "sealed": N_("A message by {author} was deleted"),
    "edited": N_("An edit by {author} was deleted"),
    "reacted": N_("A reaction by {author} was deleted"),
    "expired": N_("A message expired and was deleted"),
}
_SOMETHING: Final = N_("Something by {author} was deleted")


def _until(until: Millis | None, at: Millis) -> str:
    return "" if until is None else _(" until {day_and_time}").format(day_and_time=short_time(until, at))
