"""The bodies of the events in a room's log.

Each body is tagged ``kind``. The event around it (``LogEvent``) has the room, time and author, which only the
server sets. Deleting replaces a body with ``Blank``.
"""

from typing import Annotated, ClassVar

from msgspec import Meta

from parlour_protocol.frames.event_rules import Action, Concerns, EventRules, Rooms
from parlour_protocol.frames.fields import Days, FileName, MessageText, Reaction, TopicText
from parlour_protocol.frames.opaque import Ciphertext, Digest, HandshakeBytes, StatementBytes
from parlour_protocol.id_fields import EpochField, FileIdField, GroupIdField
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.frames import Part
from parlour_protocol.kit.id_fields import Count, DeviceIdField, MillisField, SeqField
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.unions import check_union
from parlour_protocol.limits import FILE_BYTES, GROUP_DEVICES
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import Role, RoomKind, RoomSuite


class Body(Part, frozen=True, tag_field="kind"):
    """The body of an event. Each kind states its ``rules``."""

    rules: ClassVar[EventRules]


MediaType = Annotated[str, Meta(pattern=r"\A[a-z0-9.+-]{1,63}/[a-z0-9.+-]{1,63}\Z")]
FileSize = Annotated[int, Meta(ge=0, le=FILE_BYTES.value)]
Devices = Annotated[tuple[DeviceIdField, ...], Meta(max_length=GROUP_DEVICES.value)]


class FileRef(Part, frozen=True):
    """An uploaded file: its sender's description, and the digest of its bytes."""

    file: FileIdField
    name: FileName
    media_type: MediaType
    size: FileSize
    sha256: Digest


class Created(Body, frozen=True, tag="created"):
    """The room was created; always event 1. ``name`` is absent in a direct room."""

    rules = EventRules(
        action=None, rooms=Rooms.ALL, concerns=Concerns.MEMBER,
        is_message=False, takes_space=False, expires=False, while_muted=False, while_archived=False,
        at_target=False, deleted_with_target=False, changes_group=True, audited=False, within_room=False,
    )  # fmt: skip

    room_kind: RoomKind
    name: RoomName | None = None
    encrypted: bool = False
    suite: RoomSuite = RoomSuite.X25519


class EncryptionOn(Body, frozen=True, tag="encryption"):
    """The room is end-to-end encrypted from here on; this is permanent."""

    rules = EventRules(
        action=Action.ENCRYPT, rooms=Rooms.ENCRYPTED, concerns=Concerns.NOBODY,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=False,
        at_target=False, deleted_with_target=False, changes_group=True, audited=False, within_room=False,
    )  # fmt: skip


class GroupCreated(Body, frozen=True, tag="founded"):
    """The author's ``device`` created the room's MLS group, at epoch 0 with itself as the only member.

    ``replaces`` is the previous group, whose members could no longer agree.
    """

    rules = EventRules(
        action=Action.FOUND, rooms=Rooms.ENCRYPTED, concerns=Concerns.NOBODY,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=True,
        at_target=False, deleted_with_target=False, changes_group=False, audited=False, within_room=False,
    )  # fmt: skip

    group: GroupIdField
    device: DeviceIdField
    replaces: GroupIdField | None = None


class Handshake(Body, frozen=True, tag="handshake"):
    """A commit advanced ``group`` from ``epoch`` to the next one.

    ``added`` and ``removed`` are claims of the sender that members check. ``unusable`` are those of
    ``removed`` with a key to which no one can encrypt, whom every commit must remove.
    """

    rules = EventRules(
        action=Action.COMMIT, rooms=Rooms.ENCRYPTED, concerns=Concerns.NOBODY,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=True,
        at_target=False, deleted_with_target=False, changes_group=False, audited=False, within_room=False,
    )  # fmt: skip

    group: GroupIdField
    epoch: EpochField
    data: HandshakeBytes
    added: Devices = ()
    removed: Devices = ()
    unusable: Devices = ()


class EncryptedMessage(Body, frozen=True, tag="sealed"):
    """An encrypted message of any kind, which only the members of ``group`` can see.

    ``blanks`` is an encrypted message that this one deletes: the server has dropped its content. It is none
    that deletes another one.
    """

    rules = EventRules(
        action=Action.WRITE, rooms=Rooms.ENCRYPTED, concerns=Concerns.NOBODY,
        is_message=True, takes_space=True, expires=True, while_muted=False, while_archived=False,
        at_target=False, deleted_with_target=False, changes_group=False, audited=False, within_room=True,
    )  # fmt: skip

    group: GroupIdField
    epoch: EpochField
    data: Ciphertext
    blanks: SeqField | None = None


class Contested(Body, frozen=True, tag="contested"):
    """A device of the author could not apply the commit that led to ``epoch``: the group may have split."""

    rules = EventRules(
        action=Action.COMMIT, rooms=Rooms.ENCRYPTED, concerns=Concerns.NOBODY,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=True,
        at_target=False, deleted_with_target=False, changes_group=True, audited=False, within_room=False,
    )  # fmt: skip

    group: GroupIdField
    epoch: EpochField


class Message(Body, frozen=True, tag="message"):
    """Someone sent a message, optionally in reply to the message ``reply_to``."""

    rules = EventRules(
        action=Action.WRITE, rooms=Rooms.OPEN, concerns=Concerns.NOBODY,
        is_message=True, takes_space=True, expires=True, while_muted=False, while_archived=False,
        at_target=False, deleted_with_target=False, changes_group=False, audited=False, within_room=True,
    )  # fmt: skip

    text: MessageText
    reply_to: SeqField | None = None
    file: FileRef | None = None


class Edited(Body, frozen=True, tag="edited"):
    """The author of message ``target`` edited it. Earlier texts stay in the log."""

    rules = EventRules(
        action=Action.WRITE, rooms=Rooms.OPEN, concerns=Concerns.NOBODY,
        is_message=False, takes_space=True, expires=True, while_muted=False, while_archived=False,
        at_target=True, deleted_with_target=True, changes_group=False, audited=False, within_room=True,
    )  # fmt: skip

    target: SeqField
    text: MessageText


class Deleted(Body, frozen=True, tag="deleted"):
    """Message ``target`` was deleted; it, its edits and its reactions are ``Blank`` from now on."""

    rules = EventRules(
        action=Action.DELETE_OWN, rooms=Rooms.OPEN, concerns=Concerns.NOBODY,
        is_message=False, takes_space=False, expires=True, while_muted=True, while_archived=True,
        at_target=True, deleted_with_target=False, changes_group=False, audited=False, within_room=True,
    )  # fmt: skip

    target: SeqField


class Reacted(Body, frozen=True, tag="reacted"):
    """Someone added a reaction to message ``target`` (``on``) or removed it."""

    rules = EventRules(
        action=Action.WRITE, rooms=Rooms.OPEN, concerns=Concerns.NOBODY,
        is_message=False, takes_space=True, expires=True, while_muted=False, while_archived=False,
        at_target=True, deleted_with_target=True, changes_group=False, audited=False, within_room=True,
    )  # fmt: skip

    target: SeqField
    reaction: Reaction
    on: bool


class MembershipChange(Body, frozen=True, kw_only=True):
    """Someone joined the room or left it.

    ``members`` is their number afterwards. The server writes it; no request contains it. ``statement``: the
    signed statement for the members of an encrypted room (``membership``): the admission or request of
    someone who joined; the removal of someone who left, or what takes back their request or acceptance.
    Clients trust it, not the event.
    """

    members: Count | None = None
    statement: StatementBytes | None = None


class Joined(MembershipChange, frozen=True, tag="joined"):
    """The author joined the room: a public one, or one that they were invited to.

    ``acceptance``: the author's signed acceptance of the admission in ``statement``.
    """

    rules = EventRules(
        action=Action.JOIN, rooms=Rooms.ALL, concerns=Concerns.MEMBER,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=False,
        at_target=False, deleted_with_target=False, changes_group=True, audited=False, within_room=False,
    )  # fmt: skip

    acceptance: StatementBytes | None = None


class Invited(Body, frozen=True, tag="invited"):
    """The author invited ``who``, who is not a member until they accept (``joined``).

    ``statement``: the author's signed admission, which is repeated in ``joined``.
    """

    rules = EventRules(
        action=Action.INVITE, rooms=Rooms.ALL, concerns=Concerns.INVITED,
        is_message=False, takes_space=False, expires=False, while_muted=False, while_archived=False,
        at_target=False, deleted_with_target=False, changes_group=False, audited=False, within_room=False,
    )  # fmt: skip

    who: UserName
    statement: StatementBytes | None = None


class Uninvited(Body, frozen=True, tag="uninvited"):
    """The author withdrew an invitation of ``who``.

    ``statement``, where it was an admission to an encrypted room: the same, signed. It withdraws only that.
    """

    rules = EventRules(
        action=Action.INVITE, rooms=Rooms.ALL, concerns=Concerns.INVITED,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=True,
        at_target=False, deleted_with_target=False, changes_group=False, audited=False, within_room=False,
    )  # fmt: skip

    who: UserName
    statement: StatementBytes | None = None


class Added(MembershipChange, frozen=True, tag="added"):
    """The author made ``who`` a member without asking; only in logs from before invitations existed."""

    rules = EventRules(
        action=None, rooms=Rooms.ALL, concerns=Concerns.MEMBER,
        is_message=False, takes_space=False, expires=False, while_muted=False, while_archived=False,
        at_target=False, deleted_with_target=False, changes_group=True, audited=False, within_room=False,
    )  # fmt: skip

    who: UserName


class Left(MembershipChange, frozen=True, tag="left"):
    """The author left the room."""

    rules = EventRules(
        action=Action.LEAVE, rooms=Rooms.ALL, concerns=Concerns.FORMER_MEMBER,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=True,
        at_target=False, deleted_with_target=False, changes_group=True, audited=False, within_room=False,
    )  # fmt: skip


class Kicked(MembershipChange, frozen=True, tag="kicked"):
    """The author kicked ``who``, who may come back."""

    rules = EventRules(
        action=Action.KICK, rooms=Rooms.ALL, concerns=Concerns.FORMER_MEMBER,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=True,
        at_target=False, deleted_with_target=False, changes_group=True, audited=True, within_room=False,
    )  # fmt: skip

    who: UserName
    reason: ReasonText = ReasonText()


class Banned(MembershipChange, frozen=True, tag="banned"):
    """The author banned ``who``, permanently or until the time ``until``."""

    rules = EventRules(
        action=Action.BAN, rooms=Rooms.ALL, concerns=Concerns.FORMER_MEMBER,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=True,
        at_target=False, deleted_with_target=False, changes_group=True, audited=True, within_room=False,
    )  # fmt: skip

    who: UserName
    until: MillisField | None = None
    reason: ReasonText = ReasonText()


class Unbanned(Body, frozen=True, tag="unbanned"):
    """The author lifted the ban of ``who``. ``statement`` as in `banned`."""

    rules = EventRules(
        action=Action.UNBAN, rooms=Rooms.ALL, concerns=Concerns.NOBODY,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=True,
        at_target=False, deleted_with_target=False, changes_group=False, audited=True, within_room=False,
    )  # fmt: skip

    who: UserName
    statement: StatementBytes | None = None


class Muted(Body, frozen=True, tag="muted"):
    """``who`` may read but not write, until the time ``until`` or permanently."""

    rules = EventRules(
        action=Action.MUTE, rooms=Rooms.ALL, concerns=Concerns.NOBODY,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=True,
        at_target=False, deleted_with_target=False, changes_group=False, audited=True, within_room=True,
    )  # fmt: skip

    who: UserName
    until: MillisField | None = None


class Unmuted(Body, frozen=True, tag="unmuted"):
    """``who`` may write again."""

    rules = EventRules(
        action=Action.UNMUTE, rooms=Rooms.ALL, concerns=Concerns.NOBODY,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=True,
        at_target=False, deleted_with_target=False, changes_group=False, audited=True, within_room=True,
    )  # fmt: skip

    who: UserName


class TopicSet(Body, frozen=True, tag="topic"):
    """The author set the room's topic; an empty one removes it."""

    rules = EventRules(
        action=Action.SET_TOPIC, rooms=Rooms.ALL, concerns=Concerns.NOBODY,
        is_message=False, takes_space=True, expires=False, while_muted=False, while_archived=False,
        at_target=False, deleted_with_target=False, changes_group=False, audited=False, within_room=True,
    )  # fmt: skip

    topic: TopicText


class RoleSet(Body, frozen=True, tag="role"):
    """The author gave ``who`` a role. ``statement``: the same, signed, in an encrypted room."""

    rules = EventRules(
        action=Action.SET_ROLE, rooms=Rooms.ALL, concerns=Concerns.NOBODY,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=True,
        at_target=False, deleted_with_target=False, changes_group=False, audited=True, within_room=False,
    )  # fmt: skip

    who: UserName
    role: Role
    statement: StatementBytes | None = None


class RetentionSet(Body, frozen=True, tag="retention"):
    """The server removes messages of this room after ``days``; absent: after as long as it keeps any.

    It applies from the time ``applies`` on, which the server writes: a shorter time is announced before.
    """

    rules = EventRules(
        action=Action.SET_RETENTION, rooms=Rooms.ALL, concerns=Concerns.NOBODY,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=True,
        at_target=False, deleted_with_target=False, changes_group=False, audited=False, within_room=True,
    )  # fmt: skip

    days: Days | None = None
    applies: MillisField | None = None


class Renamed(Body, frozen=True, tag="renamed"):
    """The author gave the room another name."""

    rules = EventRules(
        action=Action.RENAME, rooms=Rooms.ALL, concerns=Concerns.NOBODY,
        is_message=False, takes_space=True, expires=False, while_muted=False, while_archived=False,
        at_target=False, deleted_with_target=False, changes_group=False, audited=False, within_room=False,
    )  # fmt: skip

    name: RoomName


class Archived(Body, frozen=True, tag="archived"):
    """The room was archived (``on``), so that it can only be read, or made active again."""

    rules = EventRules(
        action=Action.ARCHIVE, rooms=Rooms.ALL, concerns=Concerns.NOBODY,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=True,
        at_target=False, deleted_with_target=False, changes_group=False, audited=False, within_room=False,
    )  # fmt: skip

    on: bool


class RoomDeleted(Body, frozen=True, tag="deleted_room"):
    """The room was deleted; always its last event. The server removes what it has of it."""

    rules = EventRules(
        action=Action.DELETE_ROOM, rooms=Rooms.ALL, concerns=Concerns.NOBODY,
        is_message=False, takes_space=False, expires=False, while_muted=True, while_archived=True,
        at_target=False, deleted_with_target=False, changes_group=False, audited=False, within_room=False,
    )  # fmt: skip


class Pinned(Body, frozen=True, tag="pinned"):
    """Message ``target`` was pinned (``on``) or unpinned."""

    rules = EventRules(
        action=Action.PIN, rooms=Rooms.OPEN, concerns=Concerns.NOBODY,
        is_message=False, takes_space=True, expires=True, while_muted=False, while_archived=False,
        at_target=False, deleted_with_target=False, changes_group=False, audited=False, within_room=True,
    )  # fmt: skip

    target: SeqField
    on: bool


class Blank(Body, frozen=True, tag="blank"):
    """This body was deleted. ``was`` is its former kind; ``expired``: the room's retention removed it."""

    rules = EventRules(
        action=None, rooms=Rooms.ALL, concerns=Concerns.NOBODY,
        is_message=False, takes_space=False, expires=True, while_muted=False, while_archived=False,
        at_target=False, deleted_with_target=False, changes_group=False, audited=False, within_room=False,
    )  # fmt: skip

    was: Annotated[str, Meta(pattern=r"\A[a-z]{1,16}\Z")]


class Unreadable(Body, frozen=True, tag="unreadable"):
    """The server cannot read this event: its storage is damaged. It is never written to a log."""

    rules = EventRules(
        action=None, rooms=Rooms.ALL, concerns=Concerns.NOBODY,
        is_message=False, takes_space=False, expires=False, while_muted=False, while_archived=False,
        at_target=False, deleted_with_target=False, changes_group=False, audited=False, within_room=False,
    )  # fmt: skip


AnyBody = (
    Created
    | Message
    | Edited
    | Deleted
    | Reacted
    | Joined
    | Invited
    | Uninvited
    | Added
    | Left
    | Kicked
    | Banned
    | Unbanned
    | Muted
    | Unmuted
    | TopicSet
    | RoleSet
    | RetentionSet
    | Renamed
    | Archived
    | RoomDeleted
    | Pinned
    | EncryptionOn
    | GroupCreated
    | Handshake
    | EncryptedMessage
    | Contested
    | Blank
    | Unreadable
)
check_union(Body, AnyBody, "AnyBody", "rules")


def target_of(body: AnyBody) -> Seq | None:
    """Return the message that an event is about, if it names one as its ``target``."""
    return getattr(body, "target", None)


def subject_of(body: AnyBody) -> UserName | None:
    """Return the person that an event is about, if it names one as its ``who``."""
    return getattr(body, "who", None)


def statement_of(body: AnyBody) -> StatementBytes | None:
    """Return the signed statement that an event has, if it has one."""
    return getattr(body, "statement", None)


def concerned(body: AnyBody, author: UserName) -> UserName | None:
    """Return whose membership or invitation an event changes, if it does."""
    return None if body.rules.concerns is Concerns.NOBODY else subject_of(body) or author


def is_optional(body: AnyBody) -> bool:
    """Return whether a server may not offer it: it refuses such an event with ``not_found``."""
    if type(body) is Message:  # almost every event
        return body.file is not None
    return type(body) is RetentionSet


def reaches_back(body: AnyBody) -> bool:
    """Return whether it takes something back: in an encrypted room, from before encryption."""
    return isinstance(body, Deleted) or (isinstance(body, Pinned) and not body.on)
