"""Frames of a server: answers to requests, events of the log, and notifications that are never stored."""

from typing import Annotated

from msgspec import Meta

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import AnyBody
from parlour_protocol.frames.fields import Days, TopicText
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.id_fields import RoomIdField
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.frames import Greeting, Part, Push, Refusal, Success
from parlour_protocol.kit.id_fields import (
    Count,
    IncarnationField,
    MillisField,
    RequestIdField,
    SeqField,
    SeqOrZero,
    ServerNameField,
    SessionIdField,
)
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.server_notices import ServerNotice
from parlour_protocol.kit.unions import check_union
from parlour_protocol.limits import PINS_PER_ROOM
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import Role, RoomKind, RoomSuite, Status


class LogEvent(Push, frozen=True, tag="event"):
    """One event of a room's log. ``seq`` orders the room; ``at`` is the server's time.

    The author of an event becomes ``deleted-`` with eight letters when their account is deleted.
    """

    room: RoomIdField
    seq: SeqField
    at: MillisField
    author: UserName
    device: DeviceName
    body: AnyBody


class Retention(Part, frozen=True):
    """How long the server keeps messages of a room; absent numbers mean for ever.

    ``days`` is in force, ``next_days`` is from ``next_from`` on (both absent: no change is announced). If
    messages were removed, ``removed_before`` is the time up to which some of them are from.
    """

    days: Days | None = None
    next_days: Days | None = None
    next_from: MillisField | None = None
    removed_before: MillisField | None = None


class RoomSummary(Part, frozen=True):
    """A room as one of its members sees it.

    ``head`` is the number of its newest event, ``read`` your read marker. ``peer`` is the other person of a
    direct room (which has no name). ``request``: they opened it, and you have not accepted it yet; it does
    not count against your limits, and they cannot see whether you are online.
    """

    room: RoomIdField
    kind: RoomKind
    role: Role
    head: SeqField
    read: SeqOrZero
    members: Count
    name: RoomName | None = None
    peer: UserName | None = None
    topic: TopicText = TopicText()
    encrypted: bool = False
    request: bool = False
    suite: RoomSuite = RoomSuite.X25519
    """The cipher suite that the room was created with; its members' group confirms it."""
    retention: Retention | None = None
    """Absent: messages are kept for ever, and none was ever removed."""
    archived: bool = False
    """It can only be read."""


class Invitation(Part, frozen=True):
    """A room that someone invited you to, with everything you learn about it before you accept.

    ``inviter`` is the last person who invited you; ``expires`` is when it ends. ``statement``, if the room is
    encrypted: their signed admission, which you accept with your signature.
    """

    room: RoomIdField
    kind: RoomKind
    name: RoomName
    inviter: UserName
    at: MillisField
    expires: MillisField
    encrypted: bool = False
    statement: StatementBytes | None = None


class Member(Part, frozen=True):
    """A member of a room."""

    user: UserName
    role: Role
    status: Status
    muted: bool = False


class Ban(Part, frozen=True):
    """Someone who is banned from a room: by whom, when, why, and until when (absent: for good)."""

    user: UserName
    by: UserName
    at: MillisField
    until: MillisField | None = None
    reason: ReasonText = ReasonText()


class RoomListing(Part, frozen=True):
    """A public room in the directory."""

    room: RoomIdField
    name: RoomName
    members: Count
    topic: TopicText = TopicText()
    encrypted: bool = False


class Result(Part, frozen=True, tag_field="kind"):
    """The result in an ``ok``."""


class Stored(Result, frozen=True, tag="stored"):
    """Stored as event ``seq`` of the room."""

    room: RoomIdField
    seq: SeqField
    at: MillisField
    incarnation: IncarnationField


class Entered(Result, frozen=True, tag="entered"):
    """You are in this room."""

    room: RoomSummary


class Page(Result, frozen=True, tag="page"):
    """Events in ascending order; ``more`` says that more exist in that direction.

    Numbers under ``kept_from`` without an event were removed by the room's retention.
    """

    room: RoomIdField
    events: tuple[LogEvent, ...]
    more: bool
    incarnation: IncarnationField
    kept_from: SeqOrZero = Seq(0)


class Members(Result, frozen=True, tag="members"):
    """Members in order of name; ``more`` says that more follow."""

    room: RoomIdField
    members: tuple[Member, ...]
    more: bool


class Bans(Result, frozen=True, tag="bans"):
    """Bans of a room that have not ended, in order of name; ``more`` says that more follow.

    In an encrypted room its members decide who is out: a client goes by their signed statements.
    """

    room: RoomIdField
    bans: tuple[Ban, ...]
    more: bool


class Pins(Result, frozen=True, tag="pins"):
    """Pinned messages, in order of number."""

    room: RoomIdField
    targets: Annotated[tuple[SeqField, ...], Meta(max_length=PINS_PER_ROOM.value)]


class Directory(Result, frozen=True, tag="directory"):
    """Public rooms in order of name."""

    rooms: tuple[RoomListing, ...]
    more: bool


class Invitations(Result, frozen=True, tag="invitations"):
    """Your pending invitations, in order of the room's id; ``more`` says that more follow."""

    invitations: tuple[Invitation, ...]
    more: bool


class Blocked(Result, frozen=True, tag="blocked"):
    """The people you block, in order of name."""

    users: tuple[UserName, ...]
    more: bool


AnyResult = Stored | Entered | Page | Members | Bans | Pins | Directory | Invitations | Blocked
check_union(Result, AnyResult, "AnyResult")


class Ok(Success, frozen=True, tag="ok"):
    """The request ``re`` succeeded. Some requests have no result.

    ``redacted`` says what an inspector of the server removed from the request before it was stored.
    """

    re: RequestIdField  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer
    result: AnyResult | None = None  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer
    redacted: ReasonText = ReasonText()  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer


class Error(Refusal, frozen=True, tag="error"):
    """The request ``re`` was refused and nothing was changed.

    ``re`` is absent if the frame was too malformed to read its id. ``hint`` is a sentence
    for the person; ``retry_after`` is in milliseconds.
    """

    code: ErrorCode  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer
    re: RequestIdField | None = None  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer
    hint: ReasonText = ReasonText()  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer
    retry_after: Count | None = None  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer


class Hello(Greeting, frozen=True, tag="hello"):
    """The first frame of a connection: who you are, and every room that you are in.

    ``incarnation`` is that of the server's logs: if it has changed, numbers may be used again.
    ``invitations`` is the number of pending ones; request them.
    """

    server: ServerNameField
    user: UserName
    device: DeviceName
    session: SessionIdField
    now: MillisField
    incarnation: IncarnationField
    rooms: tuple[RoomSummary, ...]
    invitations: Count = 0


class RoomEntered(Push, frozen=True, tag="room_entered"):
    """You are in this room (joined or accepted on another device), or its summary has changed."""

    room: RoomSummary


class RoomClosed(Push, frozen=True, tag="room_closed"):
    """You are no longer a member of this room (left, kicked, banned), it is hidden (declined) or deleted."""

    room: RoomIdField


class InvitationReceived(Push, frozen=True, tag="invitation"):
    """Someone invited you to a room, or a different invitation to it is the newest now."""

    invitation: Invitation


class InvitationWithdrawn(Push, frozen=True, tag="invitation_gone"):
    """You have no invitation to this room any more (declined or withdrawn).

    ``statement``: the signed withdrawal, if it is what ended it.
    """

    room: RoomIdField
    statement: StatementBytes | None = None


class ReadMarked(Push, frozen=True, tag="read"):
    """Your read marker moved, from another device."""

    room: RoomIdField
    seq: SeqOrZero


class TypingUpdate(Push, frozen=True, tag="typing"):
    """``user`` started or stopped typing."""

    room: RoomIdField
    user: UserName
    on: bool


class StatusUpdate(Push, frozen=True, tag="status"):
    """``user``, who shares a room with you, is online, away or offline now.

    A server may leave out members of large rooms, and many changes a minute: request ``members``.
    """

    user: UserName
    status: Status


class ReadBy(Push, frozen=True, tag="read_by"):
    """``user`` has read everything up to ``seq``; never sent for an encrypted room."""

    room: RoomIdField
    user: UserName
    seq: SeqOrZero


class GroupChanged(Push, frozen=True, tag="group_changed"):
    """Devices must be added to the room's MLS group or removed, or it is contested: request its state."""

    room: RoomIdField


class KeyPackagesLow(Push, frozen=True, tag="keys_low"):
    """Your device has ``left`` single-use key packages on the server: upload more.

    ``last_resort_used``: the last-resort one was claimed: upload a new one, and renew your keys everywhere.
    """

    left: Count
    last_resort_used: bool = False


class KeyLogAppended(Push, frozen=True, tag="key_log_grew"):
    """The key log has ``size`` entries now: someone who shares a room with you has a new key or device.

    ``waiting``: a device of your account waits for approval; the log has nothing of it.
    """

    size: Count
    waiting: bool = False


Reply = Ok | Error
AnyPush = (
    LogEvent
    | RoomEntered
    | RoomClosed
    | InvitationReceived
    | InvitationWithdrawn
    | ReadMarked
    | ReadBy
    | TypingUpdate
    | StatusUpdate
    | GroupChanged
    | KeyPackagesLow
    | KeyLogAppended
    | ServerNotice
)
AnyServerFrame = Hello | Reply | AnyPush
