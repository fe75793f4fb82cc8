"""The records that go into the store and come out of it: frozen, checked, without behaviour."""

from dataclasses import dataclass, field

from parlour_protocol.frames.base import Role, RoomKind
from parlour_protocol.frames.bodies import AnyBody
from parlour_protocol.frames.fields import TopicText
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import Millis, RequestId, RoomId, Seq, SessionId
from parlour_protocol.names import DeviceName, RoomName, UserName


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may log in. ``password_hash`` is argon2id's encoded form."""

    user: UserName
    password_hash: str = field(repr=False)
    created: Millis
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class NewAccountRecord:
    """An account to be made. ``skeleton`` (UTS #39) must be unique among all accounts (M4)."""

    user: UserName
    skeleton: str
    password_hash: str = field(repr=False)
    created: Millis


@dataclass(frozen=True, slots=True)
class InviteRecord:
    """An invite: ``digest`` of its code, uses that are left, and when it ends (None: never)."""

    digest: bytes = field(repr=False)
    uses: int
    created: Millis
    expires: Millis | None = None


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A device that is logged in. ``token`` is the digest of its bearer token."""

    id: SessionId
    user: UserName
    device: DeviceName
    token: bytes = field(repr=False)
    created: Millis
    last_seen: Millis
    expires: Millis


@dataclass(frozen=True, slots=True)
class TicketGrant:
    """What a ticket opens: a connection of this session. ``expires`` is the session's end."""

    session: SessionId
    user: UserName
    device: DeviceName
    expires: Millis


@dataclass(frozen=True, slots=True)
class Membership:
    """What somebody is in a room. ``muted_until``: None not muted; 0 for good; else a time in ms."""

    user: UserName
    role: Role
    muted_until: Millis | None = None


@dataclass(frozen=True, slots=True)
class AppendEvent:
    """One thing to be appended to a room's log."""

    room: RoomId
    author: UserName
    device: DeviceName
    request: RequestId
    at: Millis
    body: AnyBody


@dataclass(frozen=True, slots=True)
class Target:
    """The event that a body refers to (``target`` or ``reply_to``)."""

    seq: Seq
    author: UserName
    kind: str
    """The tag of its body; `blank` when it was deleted."""
    reactions: int = 0
    """Distinct reactions on it now besides this one; only looked up for a reaction."""
    has_reaction: bool = False
    """The author's own reaction of this text is on it now."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision rests on, read in the transaction that appends.

    ``author``/``subject`` are memberships (None: not a member); the subject is the body's ``who``.
    ``…banned_until``: None not banned; 0 for good; else a time in ms. ``kind`` is None for no such room.
    """

    kind: RoomKind | None
    author: Membership | None
    author_banned_until: Millis | None = None
    author_rooms: int = 0
    """How many rooms the author is in; only looked up for joining."""
    subject: Membership | None = None
    subject_exists: bool = False
    subject_banned_until: Millis | None = None
    subject_rooms: int = 0
    target: Target | None = None
    owners: int = 0
    """How many owners the room has; only looked up for a role, a leave, a kick or a ban."""


@dataclass(frozen=True, slots=True)
class Appended:
    """An event that is on disk. ``replay``: it was so already, from the same request before.

    ``also`` are the events that the store appended after it on its own, in the same transaction: the role
    of the member who became owner because the last owner went. They are to be told like the event itself.
    """

    event: LogEvent
    replay: bool = False
    also: tuple[LogEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class NewRoom:
    """A room to be made, with its first events.

    Named rooms: ``name`` and its ``skeleton``, unique among rooms. Direct rooms: ``peer``; the unordered
    pair (author, peer) is unique.
    """

    room: RoomId
    kind: RoomKind
    author: UserName
    device: DeviceName
    request: RequestId
    at: Millis
    name: RoomName | None = None
    skeleton: str | None = None
    peer: UserName | None = None
    topic: TopicText = TopicText()


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """Sockets of this session must close now."""

    session: SessionId
    user: UserName


@dataclass(frozen=True, slots=True)
class RoomAdvanced:
    """Another process appended to this room, at least up to ``seq``."""

    room: RoomId
    seq: Seq


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One entry of the journal."""

    number: int
    what: SessionEnded | RoomAdvanced
