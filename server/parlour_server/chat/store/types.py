"""The chat's records: rooms, appends (the event, the facts for its decision, the result), the journal.

Those created for every message are msgspec structs, which are five times as fast to create.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import Struct

from parlour_protocol.frames.bodies import AnyBody
from parlour_protocol.frames.fields import TopicText
from parlour_protocol.frames.opaque import StatementBytes, TreeBytes, WelcomeBytes
from parlour_protocol.frames.replies import LogEvent, RoomSummary
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId, Seq, SessionId
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import Role, RoomKind, RoomSuite
from parlour_server.app.log import log


class Membership(Struct, frozen=True):
    """Someone's membership of a room. ``muted_until``: None not muted; 0 permanently; else a time in ms.

    ``asked``: a direct room that someone else opened, and that they have not accepted yet.
    """

    user: UserName
    role: Role
    muted_until: Millis | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Attached:
    """The data for the devices that a commit adds, which is not part of the room's log."""

    welcome: WelcomeBytes
    tree: TreeBytes


class AppendEvent(Struct, frozen=True):
    """An event to append to a room's log.

    ``session`` is its author's: it must be live in the transaction. None: the server's own event, which needs
    none. ``sender``: the session's device.
    """

    room: RoomId
    author: UserName
    device: DeviceName
    request: RequestId
    at: Millis
    body: AnyBody
    session: SessionId | None
    sender: DeviceId | None = None
    attached: Attached | None = None


class Target(Struct, frozen=True):
    """The event that a body refers to (``target`` or ``reply_to``)."""

    seq: Seq
    author: UserName
    kind: str
    """The tag of its body; `blank` when it was deleted."""
    reactions: int = 0
    """Its other distinct reactions; read only for a reaction."""
    has_reaction: bool = False
    """The author already added this reaction."""
    pinned: bool = False
    """It is pinned; read only for a pin."""
    deletes: bool = False
    """It is encrypted, and itself deletes a message; read only for such a deletion."""


class GroupFacts(Struct, frozen=True):
    """The current MLS group of a room.

    ``stale_until``: until when a message for the previous epoch is accepted; 0: never.
    """

    id: GroupId
    epoch: Epoch
    contested: bool
    stale_until: Millis
    sender_present: bool
    """The event's ``sender`` is the author's, is in the group, and may stay in it."""
    removal_pending: bool
    """Some device in it must be removed before anyone sends (RFC 9420 section 12.4)."""
    devices: int = 0
    """The number of its devices; read only for a handshake."""
    addable: frozenset[DeviceId] = frozenset()
    """The devices of a handshake's ``added``, or a contest's sender, that belong in the group and are not."""
    removable: frozenset[DeviceId] = frozenset()
    """The devices of a handshake's ``removed`` that are in the group and must leave it, or are unusable."""
    contested_by_author: bool = False
    """Read only for a contest."""
    abandoned: bool = False
    """All its devices must leave, so that no commit can come; read only for a new group."""
    only_authors: bool = False
    """All devices that may stay are the author's own; read only for a new group."""


class RoomFacts(Struct, frozen=True):
    """The facts for a decision, read in the transaction that appends.

    ``author``/``subject`` are memberships (None: not a member); the subject is the body's ``who``.
    ``…banned_until``: None not banned; 0 permanently; else a time in ms. ``kind`` is None if there is no such
    room.
    """

    kind: RoomKind | None
    author: Membership | None
    author_banned_until: Millis | None = None
    author_rooms: int = 0
    """The number of rooms that the author chose to be in; read only if they would be in one more."""
    author_invited: bool = False
    """The author has an open invitation to the room; read only for joining, as is the next one."""
    admission: StatementBytes | None = None
    """The admission that they accept, of one of these."""
    subject: Membership | None = None
    subject_exists: bool = False
    """There is such an account, and it was not deleted. A deleted one can still be a member."""
    subject_banned_until: Millis | None = None
    subject_invited: bool = False
    """The subject has an open invitation, by anyone and whatever their answer."""
    invited_by_author: bool = False
    """One of these is the author's."""
    subject_admitted: bool = False
    """One of these has a signed admission to an encrypted room."""
    admitted_by_author: bool = False
    """The author's has one."""
    invite_again: Millis = Millis(0)
    """Until this time the author, who withdrew an invitation, may not invite the subject again."""
    invitations_of_author: int = 0
    """The author's open invitations to all rooms; read only for an invitation, as is the next one."""
    invitations_into_room: int = 0
    target: Target | None = None
    owners: int = 0
    """The number of owners; read only for a role, a leave, a kick or a ban."""
    encrypted: bool = False
    archived: bool = False
    peer_deleted: bool = False
    """It is a direct room, and the other person's account was deleted."""
    group: GroupFacts | None = None
    """None: there is no group; read only for encrypted messages and changes of a group."""
    sender_active: bool = False
    """The event's ``sender`` is a certified device of the author; read only for a new group."""
    room_bytes: int = 0
    """All bodies in the room's log."""
    in_group: bool = False
    """A device of the person who leaves or gets a role is in the room's group; read only for those."""
    group_used: bool = False
    """The id of the new group is already used."""
    pins: int = 0
    """The number of pinned messages; read only for a pin."""


AppendedEvent = log.Appended[LogEvent]
"""An event that is on disk; for ``joined`` its ``answer`` is the room's summary, as its author finds it."""
Decide = Callable[[AppendEvent, RoomFacts], None]
"""Called inside the transaction, perhaps in another thread; must be pure. Raises RefusedError to refuse."""


@dataclass(frozen=True, slots=True)
class RoomFactsForOperator:
    """A room as the operator sees it; in a direct room both people are its owners."""

    room: RoomId
    kind: RoomKind
    name: RoomName | None
    topic: TopicText
    members: int
    events: int
    bytes: int
    encrypted: bool
    archived: bool
    owners: tuple[UserName, ...]
    numbers: Mapping[str, tuple[int, str]]
    """Numbers that capabilities know of it, each also in words, by name."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """The contents of the hello: the account's rooms, and the number of pending invitations."""

    rooms: Sequence[RoomSummary]
    invitations: int = 0


class MadeRoom(NamedTuple):
    """A room that was created, or that was there before."""

    room: RoomId
    events: Sequence[LogEvent]
    """Its first events; none if it was there: a repeated request, or a direct room."""
    entered: RoomSummary | None
    """The room as its author finds it; None if they are in it no longer."""


@dataclass(frozen=True, slots=True)
class NewRoom:
    """A new room, with its first events.

    Named rooms: ``name``, which looks like no other of a public room. Direct rooms: ``peer``, who may
    be the author; the unordered pair (author, peer) is unique. ``session`` is as in ``AppendEvent``.
    """

    room: RoomId
    kind: RoomKind
    author: UserName
    session: SessionId | None
    device: DeviceName
    request: RequestId
    at: Millis
    name: RoomName | None = None
    peer: UserName | None = None
    topic: TopicText = TopicText()
    encrypted: bool = False
    suite: RoomSuite = RoomSuite.X25519


@dataclass(frozen=True, slots=True)
class RoomAdvanced:
    """Event ``seq`` was appended to this room: by another process, or with ``who`` by any server."""

    room: RoomId
    seq: Seq
    who: UserName | None = None
    """The person whose membership or invitation it changed; None: anyone's, or nobody's."""


@dataclass(frozen=True, slots=True)
class ConsentRecorded:
    """This account accepted or declined a room, or blocked someone who is in it."""

    user: UserName
    room: RoomId


@dataclass(frozen=True, slots=True)
class DevicesChanged:
    """This account's key or devices changed, or it was disabled or enabled.

    Its encrypted rooms need removals or additions, and the key log may have grown.
    """

    user: UserName
