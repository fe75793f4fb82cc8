"""Requests of a client. Each has an id and gets exactly one ``ok`` or ``error``.

For requests that change a room's log the id makes them idempotent: the same account sending the same
request with the same id again gets the same answer, and it is stored once. No request contains an author, a
time or a number: only the server sets those (S5: mass assignment).
"""

from enum import Enum, auto
from typing import Annotated, ClassVar

from msgspec import Meta

from parlour_protocol.frames.bodies import FileRef
from parlour_protocol.frames.fields import Days, MessageText, Reaction, TopicText
from parlour_protocol.frames.opaque import Ciphertext, StatementBytes
from parlour_protocol.id_fields import EpochField, GroupIdField, RoomIdField
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.frames import Request
from parlour_protocol.kit.id_fields import SeqField, SeqOrZero
from parlour_protocol.kit.limits import PAGE_EVENTS
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.server_notices import FollowNotices
from parlour_protocol.kit.unions import check_union
from parlour_protocol.reports import ReportReason
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import Role, RoomKind, RoomSuite, Status

Seconds = Annotated[int, Meta(ge=1, le=366 * 86_400)]
PageSize = Annotated[int, Meta(ge=1, le=PAGE_EVENTS.value)]


class Cost(Enum):
    """The budget that a request counts against, besides that of its connection's frames."""

    MESSAGE = auto()
    """A message of its account."""
    LIMITED = auto()
    """A message, and one of a few of its own kind in an hour."""
    READ = auto()
    """A read, with the bytes of its answer: it changes nothing, and may be sent again."""
    FREE = auto()
    """Nothing more: it appends nothing to a log, and its answer is small."""


class ChatRequest(Request, frozen=True):
    """A request of the chat. Each kind states its ``cost``."""

    cost: ClassVar[Cost]


class RoomRequest(ChatRequest, frozen=True):
    """A request about one room."""

    room: RoomIdField


class Send(RoomRequest, frozen=True, tag="send"):
    """Send a message. Answer: ``stored``."""

    cost = Cost.MESSAGE

    text: MessageText
    reply_to: SeqField | None = None
    file: FileRef | None = None


class SendEncrypted(RoomRequest, frozen=True, tag="send_sealed"):
    """Send an encrypted message. Answer: ``stored``, or the error ``stale_epoch``.

    Encrypted again for another epoch, it keeps its id and is still the same request. ``blanks`` is a message
    of your own (a moderator: anyone's) whose content the server must delete.
    """

    cost = Cost.MESSAGE

    group: GroupIdField
    epoch: EpochField
    data: Ciphertext
    blanks: SeqField | None = None


class Edit(RoomRequest, frozen=True, tag="edit"):
    """Edit your own message ``target``. Answer: ``stored``."""

    cost = Cost.MESSAGE

    target: SeqField
    text: MessageText


class Delete(RoomRequest, frozen=True, tag="delete"):
    """Delete your own message ``target`` (a moderator: anyone's). Answer: ``stored``."""

    cost = Cost.MESSAGE

    target: SeqField


class React(RoomRequest, frozen=True, tag="react"):
    """Add a reaction to message ``target``, or remove it. Answer: ``stored``."""

    cost = Cost.MESSAGE

    target: SeqField
    reaction: Reaction
    on: bool = True


class History(RoomRequest, frozen=True, tag="history"):
    """Get the events just after ``after``, or just before ``before``, or the newest. Answer: ``page``."""

    cost = Cost.READ

    after: SeqOrZero | None = None
    before: SeqField | None = None
    limit: PageSize = 100


class MarkRead(RoomRequest, frozen=True, tag="mark_read"):
    """Mark everything up to ``seq`` as read on all your devices. ``seq`` may go back (mark unread).

    With ``share`` the other members of an unencrypted room see it as well (a read receipt); off unless a
    person turned it on. In an encrypted room a receipt is an encrypted message instead.
    """

    cost = Cost.FREE

    seq: SeqOrZero
    share: bool = False


class Typing(RoomRequest, frozen=True, tag="typing"):
    """You started or stopped typing. Never stored."""

    cost = Cost.FREE

    on: bool


class SetStatus(ChatRequest, frozen=True, tag="set_status"):
    """You are online or away. Never stored."""

    cost = Cost.FREE

    status: Status

    def __post_init__(self) -> None:
        """Refuse ``offline``: a client disconnects instead. Raises ValueError."""
        if self.status is Status.OFFLINE:
            raise ValueError("a client cannot set itself offline")


class CreateRoom(ChatRequest, frozen=True, tag="create_room"):
    """Create a room as its owner. Answer: ``entered``."""

    cost = Cost.LIMITED

    name: RoomName
    kind: RoomKind
    topic: TopicText = TopicText()
    encrypted: bool = False
    suite: RoomSuite = RoomSuite.X25519
    """The cipher suite of an encrypted room; ignored for an open one."""

    def __post_init__(self) -> None:
        """Refuse a named direct room; use ``open_direct``. Raises ValueError."""
        if self.kind is RoomKind.DIRECT:
            raise ValueError("a direct room is opened with open_direct")


class OpenDirect(ChatRequest, frozen=True, tag="open_direct"):
    """Open the direct room with ``user``, creating it if needed. Answer: ``entered``.

    For ``user`` it is a request (``RoomSummary.request``) until they accept it, or write in it. ``user`` may
    be yourself, for notes and messages between your own devices. ``encrypted`` and ``suite`` count only if
    the room is created now; the answer has the actual values.
    """

    cost = Cost.LIMITED

    user: UserName
    encrypted: bool = False
    suite: RoomSuite = RoomSuite.X25519


class Encrypt(RoomRequest, frozen=True, tag="encrypt"):
    """Make the room end-to-end encrypted, permanently (owners). Answer: ``stored``."""

    cost = Cost.MESSAGE


class Pin(RoomRequest, frozen=True, tag="pin"):
    """Pin message ``target``, or unpin it. Answer: ``stored``."""

    cost = Cost.MESSAGE

    target: SeqField
    on: bool = True


class ListPins(RoomRequest, frozen=True, tag="pins"):
    """List the pinned messages; of an encrypted room only those from before encryption. Answer: ``pins``."""

    cost = Cost.READ


class Join(RoomRequest, frozen=True, tag="join"):
    """Join a public room. Answer: ``entered``.

    ``statement``, if the room is encrypted: your signed request, which its members check.
    """

    cost = Cost.MESSAGE

    statement: StatementBytes | None = None


class Leave(RoomRequest, frozen=True, tag="leave"):
    """Leave a room. Answer: ``stored``.

    ``statement``, if it is encrypted: your signed departure, or the withdrawal of your request or acceptance.
    """

    cost = Cost.MESSAGE

    statement: StatementBytes | None = None


class Invite(RoomRequest, frozen=True, tag="invite"):
    """Invite ``user``, who becomes a member by accepting. Answer: ``stored``.

    You are not notified if they decline, or if they blocked you. ``statement``, if the room is encrypted:
    your signed admission, which members act on when the person accepts.
    """

    cost = Cost.LIMITED

    user: UserName
    statement: StatementBytes | None = None


class Uninvite(RoomRequest, frozen=True, tag="uninvite"):
    """Withdraw your invitation of ``user`` (a moderator: anyone's). Answer: ``stored``.

    ``statement``, if it was an admission to an encrypted room: your signed withdrawal of that admission.
    """

    cost = Cost.MESSAGE

    user: UserName
    statement: StatementBytes | None = None


class Accept(RoomRequest, frozen=True, tag="accept"):
    """Accept an invitation, or a direct room. Answer: ``entered``.

    ``statement``, if it is an invitation to an encrypted room: your signed acceptance of its admission.
    """

    cost = Cost.MESSAGE

    statement: StatementBytes | None = None


class Decline(RoomRequest, frozen=True, tag="decline"):
    """Decline all invitations to a room, or hide an unaccepted direct room. No one is notified."""

    cost = Cost.MESSAGE


class ListInvitations(ChatRequest, frozen=True, tag="invitations"):
    """List your pending invitations, for rooms after ``after``. Answer: ``invitations``."""

    cost = Cost.READ

    after: RoomIdField | None = None


class Block(ChatRequest, frozen=True, tag="block"):
    """Hide invitations and direct rooms by ``user``, or show them again. They are not notified."""

    cost = Cost.MESSAGE

    user: UserName
    on: bool = True


class ListBlocked(ChatRequest, frozen=True, tag="blocked"):
    """List the people you block, with names after ``after``. Answer: ``blocked``."""

    cost = Cost.READ

    after: UserName | None = None


class SetTopic(RoomRequest, frozen=True, tag="set_topic"):
    """Set or remove the topic. Answer: ``stored``."""

    cost = Cost.MESSAGE

    topic: TopicText


class SetRetention(RoomRequest, frozen=True, tag="set_retention"):
    """Have messages removed after ``days``, or keep them as long as the server keeps any. Answer: ``stored``.

    Only owners may. A shorter time applies only after a notice period, so that members learn of it before.
    """

    cost = Cost.MESSAGE

    days: Days | None = None


class SetRole(RoomRequest, frozen=True, tag="set_role"):
    """Give a member a role. Answer: ``stored``. ``statement``: the same, signed, in an encrypted room."""

    cost = Cost.MESSAGE

    user: UserName
    role: Role
    statement: StatementBytes | None = None


class Kick(RoomRequest, frozen=True, tag="kick"):
    """Remove a member. Answer: ``stored``. ``statement``: the same, signed, in an encrypted room."""

    cost = Cost.MESSAGE

    user: UserName
    reason: ReasonText = ReasonText()
    statement: StatementBytes | None = None


class Ban(RoomRequest, frozen=True, tag="ban"):
    """Ban someone, for ``seconds`` or permanently. Answer: ``stored``.

    ``statement``: the same, signed, in an encrypted room.
    """

    cost = Cost.MESSAGE

    user: UserName
    seconds: Seconds | None = None
    reason: ReasonText = ReasonText()
    statement: StatementBytes | None = None


class Unban(RoomRequest, frozen=True, tag="unban"):
    """Lift a ban. Answer: ``stored``. ``statement``: the same, signed, in an encrypted room."""

    cost = Cost.MESSAGE

    user: UserName
    statement: StatementBytes | None = None


class ListBans(RoomRequest, frozen=True, tag="bans"):
    """List who is banned from the room (moderators), with names after ``after``. Answer: ``bans``."""

    cost = Cost.READ

    after: UserName | None = None


class Mute(RoomRequest, frozen=True, tag="mute"):
    """Mute a member, who can still read, for ``seconds`` or permanently. Answer: ``stored``."""

    cost = Cost.MESSAGE

    user: UserName
    seconds: Seconds | None = None


class Unmute(RoomRequest, frozen=True, tag="unmute"):
    """Unmute a member. Answer: ``stored``."""

    cost = Cost.MESSAGE

    user: UserName


class Rename(RoomRequest, frozen=True, tag="rename"):
    """Give the room another name (owners). Answer: ``stored``."""

    cost = Cost.MESSAGE

    name: RoomName


class Archive(RoomRequest, frozen=True, tag="archive"):
    """Archive the room (owners), or make it active again. Answer: ``stored``."""

    cost = Cost.MESSAGE

    on: bool = True


class DeleteRoom(RoomRequest, frozen=True, tag="delete_room"):
    """Delete the room with its data, for good (owners). Answer: ``stored``."""

    cost = Cost.MESSAGE


class Report(RoomRequest, frozen=True, tag="report"):
    """Report message ``target`` to the server's operator, and to no one else.

    ``quote`` is the text as your client shows it; of an encrypted message the operator has nothing else, and
    can't check it. The server adds the author and the time of the event, and its text in an unencrypted room.
    """

    cost = Cost.LIMITED

    inspected: ClassVar[bool] = False

    target: SeqField
    reason: ReportReason
    quote: MessageText
    note: ReasonText = ReasonText()


class ListMembers(RoomRequest, frozen=True, tag="members"):
    """List the room's members with role and status, with names after ``after``. Answer: ``members``."""

    cost = Cost.READ

    after: UserName | None = None


class ListRooms(ChatRequest, frozen=True, tag="rooms"):
    """List the public rooms, with names after ``after``. Answer: ``directory``."""

    cost = Cost.READ

    after: RoomName | None = None


CommandRequest = (
    Send
    | Edit
    | Delete
    | React
    | SendEncrypted
    | Encrypt
    | Pin
    | Leave
    | Invite
    | Uninvite
    | SetTopic
    | SetRole
    | Kick
    | Ban
    | Unban
    | Mute
    | Unmute
    | Rename
    | Archive
    | DeleteRoom
)
"""Requests that append one event to a room's log."""

QueryRequest = (
    ListPins
    | ListBans
    | History
    | MarkRead
    | Typing
    | CreateRoom
    | OpenDirect
    | Join
    | Accept
    | Decline
    | ListInvitations
    | Block
    | ListBlocked
    | ListMembers
    | ListRooms
)
"""All others: they ask, do more than append an event, or are not stored."""

OptionalRequest = Report | SetStatus | SetRetention
"""Requests that a server may not offer: it refuses them with ``not_found``."""

AnyRequest = FollowNotices | CommandRequest | QueryRequest | OptionalRequest
check_union(
    ChatRequest,
    CommandRequest | QueryRequest | OptionalRequest,
    "CommandRequest, QueryRequest or OptionalRequest",
    "cost",
)
