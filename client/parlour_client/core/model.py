"""What the client shows: rooms, entries of a timeline, and the state of the connection, as frozen values.

``core`` makes new values when something changes; a view only reads them. Text from others stands here as
``WireText`` (as it was stored and signed) and is made visible only by ``safe_text``, once, in the view.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from parlour_protocol.frames.base import Role, RoomKind, Status
from parlour_protocol.frames.bodies import AnyBody
from parlour_protocol.frames.fields import Reaction, TopicText, WireText
from parlour_protocol.ids import Millis, RequestId, RoomId, Seq
from parlour_protocol.names import DeviceName, RoomName, UserName


class LinkState(Enum):
    """Where the one connection to the server stands."""

    OFFLINE = auto()
    """Not connected; a new try comes by itself."""
    CONNECTING = auto()
    ONLINE = auto()
    STOPPED = auto()
    """Not connected, and no try will help before the person does something (``problem`` says what)."""


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """The connection in words. ``security`` is a short text of ours, never of the server's."""

    state: LinkState
    server: str
    security: str
    """For example `TLS 1.3, key pinned` or `not connected`. Never the word "secure"."""
    problem: str = ""
    retry_in: float | None = None
    """Seconds until the next try."""
    session_ended: bool = False
    """Stopped because the session has ended: ``client.connection.log_in_again`` goes on."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who this client is."""

    user: UserName
    device: DeviceName
    server: str


@dataclass(frozen=True, slots=True)
class Room:
    """A room that the account is in."""

    id: RoomId
    kind: RoomKind
    role: Role
    head: Seq
    read: Seq
    unread: int
    """Messages of others above the read marker."""
    mentions: int
    members: int
    name: RoomName | None = None
    peer: UserName | None = None
    topic: TopicText = TopicText()
    encrypted: bool = False
    favourite: bool = False
    """Stands first in the list. Kept on this device."""
    muted: bool = False
    """Nothing in it asks for attention. Kept on this device."""
    activity: Millis = Millis(0)  # noqa: RUF009 - a NewType
    """When something last happened, by the server's time; 0: not known."""
    mark: str = ""
    """The beginning of its id, where another of one's rooms has a name that looks like its own."""
    request: bool = False
    """A direct room that the other one opened, and to which its person has not said yes."""
    trouble: str = ""
    """What the server holds back of it, in words of ours; gone when it shows more."""

    @property
    def title(self) -> str:
        """What to call it: `lobby`, `@peer`, `garden~Zm9v`. Names are checked types, safe to show."""
        if self.peer is not None:
            return f"@{self.peer}"
        return f"{self.name or self.id}{'~' if self.mark else ''}{self.mark}"


@dataclass(frozen=True, slots=True)
class Invitation:
    """A room that somebody wants this account in: a named one, or a direct one that they opened."""

    id: RoomId
    kind: RoomKind
    inviter: UserName
    at: Millis
    name: RoomName | None = None
    peer: UserName | None = None
    encrypted: bool = False
    mark: str = ""
    """As of a room."""

    @property
    def title(self) -> str:
        """What to call it, as one calls a room."""
        if self.peer is not None:
            return f"@{self.peer}"
        return f"{self.name or self.id}{'~' if self.mark else ''}{self.mark}"


class Delivery(Enum):
    """How far an entry of our own is."""

    STORED = auto()
    """On the server's disk."""
    SENT = auto()
    """Sent, not yet acknowledged."""
    QUEUED = auto()
    """Waiting for the connection."""
    FAILED = auto()
    """Refused; ``problem`` says why. Can be retried or cancelled."""


@dataclass(frozen=True, slots=True)
class ReactionCount:
    """One reaction under a message and who put it."""

    reaction: Reaction
    users: tuple[UserName, ...]


class NoteKind(Enum):
    """What a row says that this client wrote itself."""

    HISTORY_STARTS = "history-starts"
    """What was said before cannot be read by this device."""
    DEVICE_ADDED = "device-added"
    DEVICE_REMOVED = "device-removed"
    KEY_CHANGED = "key-changed"
    """``user`` has another account key than before."""
    FOUNDED = "founded"
    CONTESTED = "contested"
    PLAINTEXT_REFUSED = "plaintext-refused"
    """Something readable came in an encrypted room; it is not shown."""
    FORGED = "forged"
    """What the server says of a message (its author, its place) is not what the message proves."""
    ROLLED_BACK = "rolled-back"
    """The server's history is older than what is here; what it has not any more stands above."""
    MISSING = "missing"
    """The server does not show events that its own numbers say there are; in open rooms as well."""
    LEFT_OUT = "left-out"
    """Messages that were sent before are not here."""
    MOVED = "moved"
    """The order here is not the one in which things were sent, or were shown to somebody else."""
    DROPPED = "dropped"
    """The server blanked a message, and nobody who may delete it asked for that."""
    OLDER_COPY = "older-copy"
    """A device runs from an older copy of its home, or from two."""


ABOUT_THE_LOG: Final = frozenset({NoteKind.LEFT_OUT, NoteKind.MOVED, NoteKind.OLDER_COPY})
"""Notes that may stand at a message that is shown all the same."""


@dataclass(frozen=True, slots=True)
class Note:
    """A row of this client's own: about encryption, or about a history that was rolled back."""

    kind: NoteKind
    user: UserName | None = None
    detail: str = ""
    """Words of ours, for the person."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a room's timeline: an event of the log, or a message of ours that is on its way.

    ``seq`` is None while it is not stored. ``text`` is the newest text of a message and None for anything
    else (``body`` tells what happened). A deleted message has ``deleted`` and no text.
    """

    room: RoomId
    at: Millis
    author: UserName
    device: DeviceName
    body: AnyBody
    seq: Seq | None = None
    request: RequestId | None = None
    text: WireText | None = None
    reply_to: Seq | None = None
    edited: bool = False
    deleted: bool = False
    reactions: tuple[ReactionCount, ...] = ()
    delivery: Delivery = Delivery.STORED
    problem: str = ""
    sealed: bool = False
    """It came encrypted, and its author is the one that MLS verified."""
    trouble: str = ""
    """Why an encrypted message cannot be read, and what can be done; empty when it was read."""
    note: Note | None = None
    starred: bool = False
    """The person put a star to it. Kept on this device."""
    pinned: bool = False
    """It stands where everybody in the room finds it, as far as this device knows."""
    replies: int = 0
    """Messages here that answer it."""


UNREADABLE: Final = "Can't be read: the server's storage is damaged"
"""What every view says of an event that the server could not read."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Events ``after`` < number < ``before`` of a room that are not here."""

    room: RoomId
    after: Seq
    before: Seq
    gone: bool = False
    """They are not to be had: the server said that it has them no longer, or they were forgotten."""
    forgotten: bool = False
    """This device forgot them, as its person wished."""

    @property
    def count(self) -> int:
        """How many numbers are missing: messages at most, since edits and reactions have numbers, too."""
        return self.before - self.after - 1


@dataclass(frozen=True, slots=True)
class Version:
    """One text that a message had. ``seq`` is the event that gave it."""

    seq: Seq
    at: Millis
    text: WireText


@dataclass(frozen=True, slots=True)
class Thread:
    """All messages whose chain of replies leads to one, oldest first.

    ``entries`` begins with the root, unless the root could not be had: then ``missing`` is its number.
    """

    entries: tuple[Entry, ...]
    missing: Seq | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something of ours that is on its way: a message, or an edit, deletion or reaction in words of ours."""

    entry: Entry
    what: str = "message"


@dataclass(frozen=True, slots=True)
class Profile:
    """What this device knows of a person."""

    user: UserName
    rooms: tuple[tuple[Room, Role], ...]
    """Rooms that both are in, with the person's role there."""
    status: Status
    messages: int
    """Messages of theirs that this device has."""
    last: Entry | None = None
    """The newest of them."""
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member as the list shows them."""

    user: UserName
    role: Role
    status: Status
    muted: bool = False
