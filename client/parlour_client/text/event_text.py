"""Sentences about everything in a room's log that is not a message.

The sentence is ours and contains at most names, which are checked types. A topic or a reason is a stranger's
text and is returned separately, to be shown as such.
"""

from datetime import datetime
from typing import Final

from parlour_client.core.model import SYSTEM_ACCOUNT, UNREADABLE, display_name
from parlour_protocol.frames import AnyBody, bodies
from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role

_LAST_TIME: Final = 253_402_000_000_000
"""The year 9999: a server may write any number."""


def event_sentence(by: UserName, body: AnyBody) -> tuple[str, WireText | None]:  # noqa: PLR0911 - as below
    """Return our sentence, and the stranger's words that belong to it."""
    author = display_name(by)
    match body:
        case bodies.Created() if by == SYSTEM_ACCOUNT:
            return "Room created", None
        case bodies.TopicSet(topic=topic):
            return (f"{author} set the topic", topic) if topic else (f"{author} removed the topic", None)
        case bodies.Kicked(who=whom, reason=reason):
            return f"{author} kicked {display_name(whom)}", reason or None
        case bodies.Banned(who=whom, until=until, reason=reason):
            return f"{author} banned {display_name(whom)}{_until(until)}", reason or None
        case bodies.Edited(target=target, text=text):
            return f"{author} edited #{target}", text
        case bodies.Reacted(target=target, reaction=reaction, on=on):
            return f"{author} {'reacted to' if on else 'removed a reaction from'} #{target}", reaction
        case bodies.Blank(was=was):
            return f"{_WAS.get(was, 'Something')} by {author} was deleted", None
        case bodies.Unreadable():
            return UNREADABLE, None
        case _:
            return f"{author} {_action(body)}", None


def _action(body: AnyBody) -> str:  # noqa: PLR0911 - one line a kind of event
    match body:
        case bodies.Invited(who=whom):
            return f"invited {display_name(whom)}"
        case bodies.Uninvited(who=whom):
            return f"withdrew the invitation of {display_name(whom)}"
        case bodies.Added(who=whom):
            return f"added {display_name(whom)}"
        case bodies.Unbanned(who=whom):
            return f"unbanned {display_name(whom)}"
        case bodies.Muted(who=whom, until=until):
            return f"muted {display_name(whom)}{_until(until)}"
        case bodies.Unmuted(who=whom):
            return f"unmuted {display_name(whom)}"
        case bodies.RoleSet(who=whom, role=role):
            return f"made {display_name(whom)} {_ROLES[role]}"
        case bodies.Pinned(target=target, on=on):
            return f"{'pinned' if on else 'unpinned'} #{target}"
        case bodies.Deleted(target=target):
            return f"deleted #{target}"
        case _:
            return _ACTIONS[type(body)]


_ACTIONS: Final[dict[type[AnyBody], str]] = {
    bodies.Created: "created this room",
    bodies.Joined: "joined",
    bodies.Left: "left",
    bodies.EncryptionOn: "turned on end-to-end encryption",
    bodies.GroupCreated: "created the encrypted group",
    bodies.Handshake: "renewed the keys",
    bodies.Contested: "could not apply a change of keys: the group may have split",
    bodies.EncryptedMessage: "sent an encrypted message",
    bodies.Message: "sent a message",
}


_ROLES: Final = {Role.OWNER: "an owner", Role.MODERATOR: "a moderator", Role.MEMBER: "a member"}
_WAS: Final = {
    "message": "A message",
    "sealed": "A message",
    "edited": "An edit",
    "reacted": "A reaction",
}


def _until(until: Millis | None) -> str:
    return "" if until is None else f" until {day_and_time(until)}"


def day_and_time(at: Millis) -> str:
    """Return the local day and time, `2026-11-24 14:02`."""
    return f"{datetime.fromtimestamp(min(at, _LAST_TIME) / 1000).astimezone():%Y-%m-%d %H:%M}"
