"""What happened, in words: the sentences of a timeline for everything that is not a message.

A sentence is ours and holds names (checked types) at most; a topic or a reason is a stranger's text and is
returned beside it, to be shown on rows of its own behind the gutter. ``rows`` calls it.
"""

from datetime import datetime
from typing import Final

from parlour_client.core.model import UNREADABLE, Delivery, Entry
from parlour_protocol.frames import bodies
from parlour_protocol.frames.base import Role
from parlour_protocol.frames.fields import WireText
from parlour_protocol.ids import Millis

Sentence = tuple[str, WireText | None]

ROLE_WORDS = {Role.OWNER: "owner", Role.MODERATOR: "moderator", Role.MEMBER: "member"}
_ROLES = {Role.OWNER: "an owner", Role.MODERATOR: "a moderator", Role.MEMBER: "a member"}


def sentence(entry: Entry) -> Sentence:
    """Return our sentence, and the stranger's words that belong to it."""
    who = str(entry.author)
    match entry.body:
        case bodies.TopicSet(topic=topic):
            return (f"{who} set the topic", topic) if topic else (f"{who} removed the topic", None)
        case bodies.Kicked(who=whom, reason=reason):
            return f"{who} kicked {whom}", reason or None
        case bodies.Banned(who=whom, until=until, reason=reason):
            return f"{who} banned {whom}{_until(until)}", reason or None
        case bodies.Unreadable():
            return UNREADABLE, None
        case body:
            return f"{who} {_plain(body)}", None


def _plain(body: bodies.AnyBody) -> str:
    match body:
        case bodies.Invited(who=whom):
            words = f"invited {whom}"
        case bodies.Uninvited(who=whom):
            words = f"withdrew the invitation of {whom}"
        case bodies.Added(who=whom):
            words = f"added {whom}"
        case bodies.Unbanned(who=whom):
            words = f"unbanned {whom}"
        case bodies.Muted(who=whom, until=until):
            words = f"muted {whom}{_until(until)}"
        case bodies.Unmuted(who=whom):
            words = f"unmuted {whom}"
        case bodies.RoleSet(who=whom, role=role):
            words = f"made {whom} {_ROLES[role]}"
        case bodies.Pinned(on=on):
            words = "pinned a message (p goes there)" if on else "unpinned a message"
        case bodies.Blank(was=was):
            words = f"deleted something ({was})"
        case _:  # edits, deletions and reactions are shown at their message
            words = _SIMPLE.get(type(body), "changed a message")
    return words


_SIMPLE: Final[dict[type[bodies.AnyBody], str]] = {
    bodies.Created: "created this room",
    bodies.Joined: "joined",
    bodies.Left: "left",
    bodies.EncryptionOn: "turned on end-to-end encryption",
    bodies.GroupCreated: "created the encrypted group",
    bodies.Contested: "could not apply a change of keys: the group may have split",
    bodies.Handshake: "renewed the keys",
}


def _until(until: Millis | None) -> str:
    return f" until {day(until)} {clock(until)}" if until is not None else ""


def clock(at: Millis) -> str:
    """Return the local time, `14:02`."""
    return _local(at).strftime("%H:%M")


def stamp(at: Millis, timestamps: str) -> str:
    """Return the time as it stands after a name, as exact as the setting says; `off`: nothing."""
    if timestamps == "off":
        return ""
    return "  " + (_local(at).strftime("%H:%M:%S") if timestamps == "seconds" else clock(at))


def day(at: Millis) -> str:
    """Return the local day, `Tuesday 24 November 2026`."""
    local = _local(at)
    return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"


def day_number(at: Millis) -> int:
    """Return a number that is the same for all times of one local day."""
    return _local(at).toordinal()


# Own words: strftime("%A") follows the locale, and a locale is not ours.
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
_LAST_TIME = 253_402_000_000_000  # year 9999: a server may write any number


def _local(at: Millis) -> datetime:
    return datetime.fromtimestamp(min(at, _LAST_TIME) / 1000).astimezone()


def delivery_words(entry: Entry) -> str:
    """Return the state of one of our own messages; empty when it is on the server's disk."""
    if entry.delivery is Delivery.QUEUED and entry.problem:  # which is said below it
        return "not sent yet (x: cancel)"
    return {
        Delivery.STORED: "",
        Delivery.SENT: "sent, not confirmed yet",
        Delivery.QUEUED: "queued (x: cancel)",
        Delivery.FAILED: "not sent (s: send again · x: cancel)",
    }[entry.delivery]
