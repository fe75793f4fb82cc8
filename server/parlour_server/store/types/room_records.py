"""Rooms and what is appended to their logs: the event, the facts it is decided by, what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct

from parlour_protocol.frames.bodies import AnyBody
from parlour_protocol.frames.fields import TopicText
from parlour_protocol.frames.opaque import Digest, TreeBytes, WelcomeBytes
from parlour_protocol.frames.replies import LogEvent, RoomSummary
from parlour_protocol.ids import DeviceId, Epoch, FileId, GroupId, Millis, RequestId, RoomId, Seq
from parlour_protocol.names import DeviceName, RoomName, UserName
from parlour_protocol.rooms import Role, RoomKind, RoomSuite


class Membership(Struct, frozen=True):
    """What someone is in a room. ``muted_until``: None not muted; 0 for good; else a time in ms.

    ``asked``: a direct room that someone else opened, and they have not accepted it.
    """

    user: UserName
    role: Role
    muted_until: Millis | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Attached:
    """What goes with a commit that adds devices: only for them, so it is in no room's log."""

    welcome: WelcomeBytes
    tree: TreeBytes


class AppendEvent(Struct, frozen=True):
    """One thing to be appended to a room's log. ``sender``: the device that its session speaks for."""

    room: RoomId
    author: UserName
    device: DeviceName
    request: RequestId
    at: Millis
    body: AnyBody
    sender: DeviceId | None = None
    attached: Attached | None = None


class Target(Struct, frozen=True):
    """The event that a body refers to (``target`` or ``reply_to``)."""

    seq: Seq
    author: UserName
    kind: str
    """The tag of its body; `blank` when it was deleted."""
    reactions: int = 0
    """Distinct reactions on it now besides this one; only looked up for a reaction."""
    has_reaction: bool = False
    """The author's own reaction of this text is on it now."""
    pinned: bool = False
    """It is pinned; only looked up for a pin."""


class GroupFacts(Struct, frozen=True):
    """The MLS group in force in a room.

    ``stale_until``: how long a message sealed for the epoch just past is still taken; 0: not at all.
    """

    id: GroupId
    epoch: Epoch
    contested: bool
    stale_until: Millis
    sender_present: bool
    """The event's ``sender`` is the author's, is in the group, and need not leave it."""
    removal_pending: bool
    """Some device in it must be removed before anyone sends (RFC 9420 section 12.4)."""
    devices: int = 0
    """How many devices are in it; only looked up for a handshake."""
    addable: frozenset[DeviceId] = frozenset()
    """Those of a handshake's ``added``, or a contest's sender, that ought to be in the group and are not."""
    removable: frozenset[DeviceId] = frozenset()
    """Those of a handshake's ``removed`` that are in the group and must leave it, or are called unusable."""
    contested_by_author: bool = False
    """Only looked up for a contest."""
    abandoned: bool = False
    """No one is in it but who must leave, so that no commit can come; only looked up for a founding."""
    only_authors: bool = False
    """All devices in it that need not leave are the author's own; only looked up for a founding."""


class Facts(Struct, frozen=True):
    """What a decision rests on, read in the transaction that appends.

    ``author``/``subject`` are memberships (None: not a member); the subject is the body's ``who``.
    ``…banned_until``: None not banned; 0 for good; else a time in ms. ``kind`` is None for no such room.
    """

    kind: RoomKind | None
    author: Membership | None
    author_banned_until: Millis | None = None
    author_rooms: int = 0
    """How many rooms the author chose to be in; only looked up when they would be in one more."""
    author_invited: bool = False
    """An invitation of the author into the room is open; only looked up for joining."""
    subject: Membership | None = None
    subject_exists: bool = False
    subject_banned_until: Millis | None = None
    subject_invited: bool = False
    """An invitation of the subject is open, no matter who invited them or how they answered."""
    invited_by_author: bool = False
    """One of these is the author's."""
    invite_again: Millis = Millis(0)
    """Before this time the author, who took an invitation of the subject back, may not invite them again."""
    invitations_of_author: int = 0
    """Open ones, into any room; only looked up for an invitation, as the next one."""
    invitations_into_room: int = 0
    target: Target | None = None
    owners: int = 0
    """How many owners the room has; only looked up for a role, a leave, a kick or a ban."""
    encrypted: bool = False
    group: GroupFacts | None = None
    """None: none was founded; only looked up for encrypted messages and what changes a group."""
    sender_active: bool = False
    """The event's ``sender`` is a certified device of the author; only looked up for a founding."""
    in_group: bool = False
    """A device of who goes, or gets a role, is in the room's group; only looked up for those."""
    group_used: bool = False
    """The id of the group to be founded belongs to a group already."""
    pins: int = 0
    """How many messages are pinned; only looked up for a pin."""
    file: "FileRecord | None" = None
    """The file that a message names, whose ever it is; None: none, or it is gone."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a connection is told first: the account's rooms, and how many invitations wait."""

    rooms: Sequence[RoomSummary]
    invitations: int = 0


class Appended(Struct, frozen=True):
    """An event that is on disk. ``replay``: it was so already, from the same request before.

    ``also`` are the events that the store appended after it on its own, in the same transaction: the role of
    the member who became owner because the last owner went. They must be told like the event itself.
    """

    event: LogEvent
    replay: bool = False
    also: tuple[LogEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class NewRoom:
    """A room to be made, with its first events.

    Named rooms: ``name`` and its ``skeleton``, unique among public rooms. Direct rooms: ``peer``, who may
    be the author; the unordered pair (author, peer) is unique.
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
    encrypted: bool = False
    suite: RoomSuite = RoomSuite.X25519


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file that someone uploaded to a room. Its bytes are elsewhere; ``expires`` None: never."""

    id: FileId
    room: RoomId
    owner: UserName
    size: int
    sha256: Digest
    created: Millis
    expires: Millis | None = None
