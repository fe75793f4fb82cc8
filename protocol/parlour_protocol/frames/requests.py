"""What a client asks for. Each request carries an id and gets exactly one ``ok`` or ``error``.

For requests that change a room's log the id makes them idempotent: the same account sending the same
request with the same id again gets the same answer, and it is stored once. Nothing here names an
author, a time or a number: those only the server sets (S5: mass assignment).
"""

from typing import Annotated

from msgspec import Meta

from parlour_protocol.frames.base import Frame
from parlour_protocol.frames.bodies import FileRef
from parlour_protocol.frames.fields import MessageText, Reaction, ReasonText, TopicText
from parlour_protocol.frames.opaque import Ciphertext, StatementBytes
from parlour_protocol.id_fields import (
    EpochField,
    GroupIdField,
    RequestIdField,
    RoomIdField,
    SeqField,
    SeqOrZero,
)
from parlour_protocol.limits import PAGE_EVENTS
from parlour_protocol.names import RoomName, UserName
from parlour_protocol.rooms import Role, RoomKind, RoomSuite, Status

Seconds = Annotated[int, Meta(ge=1, le=366 * 86_400)]
PageSize = Annotated[int, Meta(ge=1, le=PAGE_EVENTS.value)]


class Request(Frame, frozen=True):
    """A request; ``id`` is the client's own."""

    id: RequestIdField


class RoomRequest(Request, frozen=True):
    """A request about one room."""

    room: RoomIdField


class Send(RoomRequest, frozen=True, tag="send"):
    """Say something. Answer: ``stored``."""

    text: MessageText
    reply_to: SeqField | None = None
    file: FileRef | None = None


class SendEncrypted(RoomRequest, frozen=True, tag="send_sealed"):
    """Put an encrypted message into the log. Answer: ``stored``, or the error ``stale_epoch``.

    Encrypted again for another epoch it keeps its id and is still the same request. ``blanks`` is a message
    of your own (a moderator: anyone's) whose content the server is to drop.
    """

    group: GroupIdField
    epoch: EpochField
    data: Ciphertext
    blanks: SeqField | None = None


class Edit(RoomRequest, frozen=True, tag="edit"):
    """Give your own message ``target`` a new text. Answer: ``stored``."""

    target: SeqField
    text: MessageText


class Delete(RoomRequest, frozen=True, tag="delete"):
    """Delete your own message ``target`` (a moderator: anyone's). Answer: ``stored``."""

    target: SeqField


class React(RoomRequest, frozen=True, tag="react"):
    """Put a reaction to message ``target``, or take it back. Answer: ``stored``."""

    target: SeqField
    reaction: Reaction
    on: bool = True


class History(RoomRequest, frozen=True, tag="history"):
    """Ask for events next above ``after``, or else next below ``before``, or the newest. Answer: ``page``."""

    after: SeqOrZero | None = None
    before: SeqField | None = None
    limit: PageSize = 100


class MarkRead(RoomRequest, frozen=True, tag="mark_read"):
    """Everything up to ``seq`` is read; goes to your other devices. May go back (mark unread).

    With ``share`` the other members of an open room see it as well (a read receipt); off unless a person
    turned it on. In an encrypted room the server tells no one: there a receipt is an encrypted message.
    """

    seq: SeqOrZero
    share: bool = False


class Typing(RoomRequest, frozen=True, tag="typing"):
    """You began to type, or stopped. Never stored."""

    on: bool


class SetStatus(Request, frozen=True, tag="set_status"):
    """You are here, or away. Never stored."""

    status: Status

    def __post_init__(self) -> None:
        """Refuse ``offline``: a client disconnects instead. Raises ValueError."""
        if self.status is Status.OFFLINE:
            raise ValueError("a client cannot set itself offline")


class CreateRoom(Request, frozen=True, tag="create_room"):
    """Make a room and be its owner. Answer: ``entered``."""

    name: RoomName
    kind: RoomKind
    topic: TopicText = TopicText()
    encrypted: bool = False
    suite: RoomSuite = RoomSuite.X25519
    """What the keys of an encrypted room are to be made with; in an open one it counts for nothing."""

    def __post_init__(self) -> None:
        """Refuse a named direct room: those are made by ``open_direct``. Raises ValueError."""
        if self.kind is RoomKind.DIRECT:
            raise ValueError("a direct room is opened with open_direct")


class OpenDirect(Request, frozen=True, tag="open_direct"):
    """Open the direct room with ``user``; made when it does not exist yet. Answer: ``entered``.

    For ``user`` it is a request (``RoomSummary.request``) until they accept it, or write in it. ``user`` may
    be yourself: notes, and what your own devices tell each other. ``encrypted`` and ``suite`` count only when
    it is made now: the answer says what the room is.
    """

    user: UserName
    encrypted: bool = False
    suite: RoomSuite = RoomSuite.X25519


class Encrypt(RoomRequest, frozen=True, tag="encrypt"):
    """Make the room end-to-end encrypted from here on, for good (owners). Answer: ``stored``."""


class Pin(RoomRequest, frozen=True, tag="pin"):
    """Pin message ``target``, or unpin it. Answer: ``stored``."""

    target: SeqField
    on: bool = True


class ListPins(RoomRequest, frozen=True, tag="pins"):
    """Which messages are pinned; of an encrypted room only what was before that. Answer: ``pins``."""


class Join(RoomRequest, frozen=True, tag="join"):
    """Enter a public room. Answer: ``entered``.

    ``statement``, where the room is encrypted: your signed request, by which its members let you in.
    """

    statement: StatementBytes | None = None


class Leave(RoomRequest, frozen=True, tag="leave"):
    """Leave a room. Answer: ``stored``. ``statement``, where it is encrypted: your signed departure."""

    statement: StatementBytes | None = None


class Invite(RoomRequest, frozen=True, tag="invite"):
    """Invite ``user``, who becomes a member by accepting. Answer: ``stored``.

    Nothing tells whether they declined, or blocked you. ``statement``, where the room is encrypted: the
    admission that you sign, which members act on when the person accepts.
    """

    user: UserName
    statement: StatementBytes | None = None


class Uninvite(RoomRequest, frozen=True, tag="uninvite"):
    """Withdraw your invitation of ``user`` (a moderator: anyone's). Answer: ``stored``."""

    user: UserName


class Accept(RoomRequest, frozen=True, tag="accept"):
    """Enter a room that you are invited into, or say yes to a direct room. Answer: ``entered``.

    ``statement`` as for `join`.
    """

    statement: StatementBytes | None = None


class Decline(RoomRequest, frozen=True, tag="decline"):
    """Turn down all invitations into a room, or hide a direct room that waits for you. No one is notified."""


class ListInvitations(Request, frozen=True, tag="invitations"):
    """Which invitations wait for you; those into rooms after ``after``. Answer: ``invitations``."""

    after: RoomIdField | None = None


class Block(Request, frozen=True, tag="block"):
    """Hide invitations and direct rooms of ``user``, or show them again. They are not notified."""

    user: UserName
    on: bool = True


class ListBlocked(Request, frozen=True, tag="blocked"):
    """Whom you block; names after ``after``. Answer: ``blocked``."""

    after: UserName | None = None


class SetTopic(RoomRequest, frozen=True, tag="set_topic"):
    """Set or take away the topic. Answer: ``stored``."""

    topic: TopicText


class SetRole(RoomRequest, frozen=True, tag="set_role"):
    """Give a member a role. Answer: ``stored``. ``statement``: the same, signed, in an encrypted room."""

    user: UserName
    role: Role
    statement: StatementBytes | None = None


class Kick(RoomRequest, frozen=True, tag="kick"):
    """Put a member out. Answer: ``stored``. ``statement``: the same, signed, in an encrypted room."""

    user: UserName
    reason: ReasonText = ReasonText()
    statement: StatementBytes | None = None


class Ban(RoomRequest, frozen=True, tag="ban"):
    """Remove someone and keep them out, for ``seconds`` or for good. Answer: ``stored``.

    ``statement``: the same, signed, in an encrypted room.
    """

    user: UserName
    seconds: Seconds | None = None
    reason: ReasonText = ReasonText()
    statement: StatementBytes | None = None


class Unban(RoomRequest, frozen=True, tag="unban"):
    """Lift a ban. Answer: ``stored``. ``statement``: the same, signed, in an encrypted room."""

    user: UserName
    statement: StatementBytes | None = None


class Mute(RoomRequest, frozen=True, tag="mute"):
    """Let a member read but not write, for ``seconds`` or for good. Answer: ``stored``."""

    user: UserName
    seconds: Seconds | None = None


class Unmute(RoomRequest, frozen=True, tag="unmute"):
    """Let a muted member write again. Answer: ``stored``."""

    user: UserName


class ListMembers(RoomRequest, frozen=True, tag="members"):
    """Who is in the room, with role and status; names after ``after``. Answer: ``members``."""

    after: UserName | None = None


class ListRooms(Request, frozen=True, tag="rooms"):
    """The directory of public rooms; names after ``after``. Answer: ``directory``."""

    after: RoomName | None = None


AnyRequest = (
    Send
    | Edit
    | Delete
    | React
    | SendEncrypted
    | Encrypt
    | Pin
    | ListPins
    | History
    | MarkRead
    | Typing
    | SetStatus
    | CreateRoom
    | OpenDirect
    | Join
    | Leave
    | Invite
    | Uninvite
    | Accept
    | Decline
    | ListInvitations
    | Block
    | ListBlocked
    | SetTopic
    | SetRole
    | Kick
    | Ban
    | Unban
    | Mute
    | Unmute
    | ListMembers
    | ListRooms
)
