"""What can happen in a room: the bodies of the events in its log.

Each lasting thing is one body, tagged ``kind``. A body says *what*; the event around it (``LogEvent``)
says where, when and by whom, and only the server writes those. Deleting replaces a body by ``Blank``.
"""

from typing import Annotated

from msgspec import Meta

from parlour_protocol.frames.base import Part, Role, RoomKind
from parlour_protocol.frames.fields import MessageText, Reaction, ReasonText, TopicText
from parlour_protocol.ids import MillisField, SeqField
from parlour_protocol.names import RoomName, UserName


class Body(Part, frozen=True, tag_field="kind"):
    """What happened."""


class Created(Body, frozen=True, tag="created"):
    """The room was made; always event 1. ``name`` is absent in a direct room."""

    room_kind: RoomKind
    name: RoomName | None = None


class Message(Body, frozen=True, tag="message"):
    """Somebody said something, perhaps in reply to the message ``reply_to``."""

    text: MessageText
    reply_to: SeqField | None = None


class Edited(Body, frozen=True, tag="edited"):
    """The author of message ``target`` gave it a new text. Earlier texts stay in the log."""

    target: SeqField
    text: MessageText


class Deleted(Body, frozen=True, tag="deleted"):
    """Message ``target`` was deleted; it, its edits and its reactions are ``Blank`` from now on."""

    target: SeqField


class Reacted(Body, frozen=True, tag="reacted"):
    """Somebody put a reaction to message ``target`` (``on``) or took it back."""

    target: SeqField
    reaction: Reaction
    on: bool


class Joined(Body, frozen=True, tag="joined"):
    """The author entered the room."""


class Added(Body, frozen=True, tag="added"):
    """The author brought ``who`` into the room."""

    who: UserName


class Left(Body, frozen=True, tag="left"):
    """The author left the room."""


class Kicked(Body, frozen=True, tag="kicked"):
    """The author put ``who`` out; ``who`` may come back."""

    who: UserName
    reason: ReasonText = ReasonText()


class Banned(Body, frozen=True, tag="banned"):
    """The author put ``who`` out for good, or until the time ``until``."""

    who: UserName
    until: MillisField | None = None
    reason: ReasonText = ReasonText()


class Unbanned(Body, frozen=True, tag="unbanned"):
    """The author lifted the ban of ``who``."""

    who: UserName


class Muted(Body, frozen=True, tag="muted"):
    """``who`` may read but not write, until the time ``until`` or for good."""

    who: UserName
    until: MillisField | None = None


class Unmuted(Body, frozen=True, tag="unmuted"):
    """``who`` may write again."""

    who: UserName


class TopicSet(Body, frozen=True, tag="topic"):
    """The author set the room's topic; empty takes it away."""

    topic: TopicText


class RoleSet(Body, frozen=True, tag="role"):
    """The author gave ``who`` a role."""

    who: UserName
    role: Role


class Blank(Body, frozen=True, tag="blank"):
    """What stood here was deleted for good. ``was`` is the kind of body that it was."""

    was: Annotated[str, Meta(pattern=r"\A[a-z]{1,16}\Z")]


AnyBody = (
    Created
    | Message
    | Edited
    | Deleted
    | Reacted
    | Joined
    | Added
    | Left
    | Kicked
    | Banned
    | Unbanned
    | Muted
    | Unmuted
    | TopicSet
    | RoleSet
    | Blank
)
