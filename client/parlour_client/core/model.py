"""Rooms, entries of a timeline and the state of the connection, as frozen values for views.

``core`` makes new values when something changes; a view only reads them. Text from others is ``WireText`` (as
it was stored and signed) and is made visible only by ``safe_text``, once, in the view.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from parlour_client.kit.language import N_
from parlour_protocol.frames.bodies import AnyBody, FileRef, Message
from parlour_protocol.frames.fields import Reaction, TopicText
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.frames.replies import Retention
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.ids import Millis, RequestId, Seq
from parlour_protocol.kit.names import DeviceName, UserName, parse_user_name
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import Role, RoomKind, Status

SYSTEM_ACCOUNT: Final = parse_user_name("house")
"""The author, in a room's log, of what the server itself does."""

_SIGNS: Final = {RoomKind.PUBLIC: "#", RoomKind.PRIVATE: "*", RoomKind.DIRECT: ""}


def display_name(user: UserName) -> str:
    """Return what to call someone on a screen: the system account is `server`, a name no person can have."""
    return "server" if user == SYSTEM_ACCOUNT else user


@dataclass(frozen=True, slots=True)
class Room:
    """A room that the account is in."""

    id: RoomId
    kind: RoomKind
    role: Role
    head: Seq
    read: Seq
    unread: int
    """Messages by others above the read marker."""
    mentions: int
    members: int
    name: RoomName | None = None
    peer: UserName | None = None
    topic: TopicText = TopicText()
    encrypted: bool = False
    favourite: bool = False
    """Shown first in the list. Stored on this device."""
    muted: bool = False
    """Nothing in it notifies the person. Stored on this device."""
    number: int | None = None
    """The digit that opens it. Stored on this device."""
    activity: Millis = Millis(0)  # noqa: RUF009 - a NewType
    """When something last happened, by the server's time; 0: not known."""
    mark: str = ""
    """The beginning of its id, if another room of the account has a name that looks the same."""
    request: bool = False
    """A direct room that someone else opened, and that this person has not accepted."""
    trouble: str = ""
    """The part that the server withholds, in our words; empty again when it shows more."""
    retention: Retention | None = None
    """How long the server keeps its messages; None: for ever, and none was ever removed."""
    archived: bool = False
    """Its members can read it, but no one can write in it."""

    @property
    def title(self) -> str:
        """The name to show: `lobby`, `@peer`, `garden~Zm9v`. Names are checked types, safe to show."""
        if self.peer is not None:
            return f"@{self.peer}"
        return f"{self.name or self.id}{'~' if self.mark else ''}{self.mark}"

    @property
    def signed_title(self) -> str:
        """The same behind its kind's sign: `#lobby`, `*garden`, `@peer`."""
        return f"{_SIGNS[self.kind]}{self.title}"


@dataclass(frozen=True, slots=True)
class Invitation:
    """A room that someone invites this account to: a named one, or a direct one that they opened."""

    id: RoomId
    kind: RoomKind
    inviter: UserName
    at: Millis
    name: RoomName | None = None
    peer: UserName | None = None
    encrypted: bool = False
    mark: str = ""
    """Like a room's."""
    statement: StatementBytes | None = None
    """The inviter's signed admission, which this account accepts: in an encrypted room."""

    @property
    def title(self) -> str:
        """The name to show, like a room's."""
        if self.peer is not None:
            return f"@{self.peer}"
        return f"{self.name or self.id}{'~' if self.mark else ''}{self.mark}"


class Delivery(Enum):
    """The delivery state of this account's own entry."""

    STORED = auto()
    """Stored by the server."""
    SENT = auto()
    """Sent, not yet acknowledged."""
    QUEUED = auto()
    """Waiting for a connection."""
    FAILED = auto()
    """Refused; ``problem`` says why. Can be retried or cancelled."""


@dataclass(frozen=True, slots=True)
class ReactionCount:
    """One reaction to a message and who added it."""

    reaction: Reaction
    users: tuple[UserName, ...]


class NoteKind(Enum):
    """The kinds of rows that this client writes itself."""

    HISTORY_STARTS = "history-starts"
    """Earlier messages cannot be read by this device."""
    DEVICE_ADDED = "device-added"
    DEVICE_REMOVED = "device-removed"
    KEY_CHANGED = "key-changed"
    """``user`` has another account key than before."""
    FOUNDED = "founded"
    CONTESTED = "contested"
    PLAINTEXT_REFUSED = "plaintext-refused"
    """Plaintext arrived in an encrypted room; it is not shown."""
    FORGED = "forged"
    """The server's claims about a message (its author, its place) contradict the message's proof."""
    ROLLED_BACK = "rolled-back"
    """The server's history is older than the one here; messages that it lost are above."""
    MISSING = "missing"
    """The server withholds events that its own numbers claim; in unencrypted rooms as well."""
    EXPIRED = "expired"
    """The room's retention removed messages."""
    LEFT_OUT = "left-out"
    """Messages that were sent earlier are not here."""
    MOVED = "moved"
    """The order here is not the order in which messages were sent, or that someone else was shown."""
    DROPPED = "dropped"
    """The server blanked a message, and no one who may delete it asked for that."""
    OLDER_COPY = "older-copy"
    """A device runs from an older copy of its home, or from two copies."""


ABOUT_THE_LOG: Final = frozenset({NoteKind.LEFT_OUT, NoteKind.MOVED, NoteKind.OLDER_COPY})
"""Notes that can accompany a message that is shown all the same."""


@dataclass(frozen=True, slots=True)
class Note:
    """A row of this client's own: about encryption, or about a rolled-back history."""

    kind: NoteKind
    user: UserName | None = None
    detail: str = ""
    """Our own text, for the person."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a room's timeline: an event of the log, or an outgoing message of this account.

    ``seq`` is None until it is stored. ``text`` is the newest text of a message and None for anything else
    (``body`` says what happened). A deleted message has ``deleted`` and no text.
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
    """It was encrypted, and MLS verified its author."""
    trouble: str = ""
    """Why an encrypted message cannot be read, and what can be done; empty when it was read."""
    note: Note | None = None
    starred: bool = False
    """The person starred it. Stored on this device."""
    pinned: bool = False
    """It is pinned for everyone in the room, as far as this device knows."""
    replies: int = 0
    """Messages here that reply to it."""

    @property
    def file(self) -> FileRef | None:
        """The file that came with it."""
        return self.body.file if isinstance(self.body, Message) else None

    @property
    def failed(self) -> bool:
        """It was refused, and can be sent again or cancelled."""
        return self.delivery is Delivery.FAILED


BEFORE_JOIN: Final = N_("Sent before this device joined: it cannot be read here.")
UNREADABLE: Final = N_("Can't be read: the server's storage is damaged")
"""The text that every view shows for an event that the server could not read."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Events ``after`` < number < ``before`` of a room that are not here."""

    room: RoomId
    after: Seq
    before: Seq
    gone: bool = False
    """They can't be fetched: the server no longer has them, or they were deleted here."""
    forgotten: bool = False
    """They were deleted on this device at the person's request."""

    @property
    def count(self) -> int:
        """How many numbers are missing: at most that many messages, since edits have numbers, too."""
        return self.before - self.after - 1


@dataclass(frozen=True, slots=True)
class Version:
    """One text that a message had. ``seq`` is the event that set it."""

    seq: Seq
    at: Millis
    text: WireText


@dataclass(frozen=True, slots=True)
class Thread:
    """All messages whose chain of replies leads to one, oldest first.

    ``entries`` begins with the root, unless the root could not be fetched: then ``missing`` is its number.
    """

    root: Seq
    """The number of the first message; a reply to it is in the thread."""
    entries: tuple[Entry, ...]
    missing: Seq | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something that is being sent: a message, or an edit, deletion or reaction described in our words."""

    entry: Entry
    what: str = "message"


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as this device knows them."""

    user: UserName
    rooms: tuple[tuple[Room, Role], ...]
    """Rooms that both are in, with the person's role in each."""
    status: Status
    messages: int
    """Their messages on this device."""
    last: Entry | None = None
    """The newest of them."""
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member as the member list shows them."""

    user: UserName
    role: Role
    status: Status
    muted: bool = False


class BanStanding(Enum):
    """Who keeps someone out of a room: its server, and in an encrypted room its members' devices, too."""

    IN_FORCE = auto()
    CLAIMED = auto()
    """Only the server says so: no device of a member has carried it out."""
    NOT_LISTED = auto()
    """The members' devices keep them out; the server says nothing of it."""


@dataclass(frozen=True, slots=True)
class BanView:
    """Someone who is banned from a room, as its moderators see it."""

    user: UserName
    by: UserName
    at: Millis
    until: Millis | None
    """None: for good."""
    reason: WireText
    """The words of the person who banned them; empty if there are none."""
    standing: BanStanding = BanStanding.IN_FORCE
