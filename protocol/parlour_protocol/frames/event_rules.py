"""The rules for each kind of event, on both sides: every body states them at its class, in all points.

No point has a default. What the server and the client do by the kind of an event follows from these, so a new
one takes no space, outlives no retention and is written in no archived room because someone forgot a list.
"""

from dataclasses import dataclass
from enum import Enum, auto


class Action(Enum):
    """An action in a room that needs a right (`parlour_server/chat/permissions.py`)."""

    WRITE = auto()
    """Send, encrypted or not, edit one's own message, react."""
    DELETE_OWN = auto()
    DELETE_ANY = auto()
    JOIN = auto()
    """Join without an invitation; its role is that of people who are not members yet."""
    LEAVE = auto()
    INVITE = auto()
    SET_TOPIC = auto()
    SET_ROLE = auto()
    SET_RETENTION = auto()
    RENAME = auto()
    ARCHIVE = auto()
    DELETE_ROOM = auto()
    KICK = auto()
    BAN = auto()
    UNBAN = auto()
    MUTE = auto()
    UNMUTE = auto()
    PIN = auto()
    ENCRYPT = auto()
    FOUND = auto()
    """Create the first MLS group of an encrypted room."""
    REFOUND = auto()
    """Replace a group that cannot go on."""
    COMMIT = auto()
    """Commit to the group, or contest a commit."""


class Rooms(Enum):
    """The rooms in whose log an event of this kind may be."""

    ALL = auto()
    OPEN = auto()
    """It is something that people write, which the server can read: never in an encrypted room."""
    ENCRYPTED = auto()
    """Its first one shows that the room is encrypted."""


class Concerns(Enum):
    """The change that an event makes for the person it is about: `who`, or its author if it names no one."""

    NOBODY = auto()
    MEMBER = auto()
    """They are a member from here on."""
    FORMER_MEMBER = auto()
    """They are none from here on."""
    INVITED = auto()
    """They may be invited, or not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRules:
    """The rules for one kind of event."""

    action: Action | None
    """The action that its author needs the right to; None: no request makes it."""
    rooms: Rooms
    concerns: Concerns
    is_message: bool
    """People say something with it: it accepts a direct room that the other person opened."""
    takes_space: bool
    """It is refused where the room has used all its space."""
    expires: bool
    """It is removed when the room's messages are: people wrote it, or it is about such an event."""
    while_muted: bool
    """A muted member may: it shows the others nothing of theirs."""
    while_archived: bool
    """It still happens in an archived room, and in a direct one whose other account was deleted."""
    at_target: bool
    """It is shown at its ``target``, and has no row of its own."""
    deleted_with_target: bool
    """It becomes ``Blank`` when its ``target`` is deleted."""
    changes_group: bool
    """An encrypted room's group needs a commit after it, or must be created."""
    audited: bool
    """It is in the server's audit log, as moderation of its ``who``."""
    within_room: bool
    """It is decided by what belongs to its room, and changes nothing else: other rooms need not wait."""
