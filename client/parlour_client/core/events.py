"""The changes that the client notifies its views of, as frozen values.

Each names what to read again or holds what to show; views get them from ``client.events``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from parlour_client.core.model import Entry
from parlour_client.kit.connection_status import ConnectionStatus
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Status


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """The connection's state changed."""

    status: ConnectionStatus


@dataclass(frozen=True, slots=True)
class RoomsChanged:
    """The room list, a topic or a role changed, or more than one room did."""


@dataclass(frozen=True, slots=True)
class CountsChanged:
    """A room's newest message, its read marker or its unread counts changed, and nothing else of it."""

    room: RoomId


@dataclass(frozen=True, slots=True)
class InvitationsChanged:
    """An invitation arrived, was answered or was withdrawn: read ``client.invitations`` again."""


@dataclass(frozen=True, slots=True)
class EntryAdded:
    """A new entry at the end of this room's timeline."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class EntryChanged:
    """An entry changed: edited, deleted, reacted to, delivered. ``seq`` or ``request`` says which."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class EntryRemoved:
    """An outgoing entry was cancelled."""

    room: RoomId
    request: RequestId


@dataclass(frozen=True, slots=True)
class HistoryChanged:
    """Older entries arrived, or a gap was filled: read the timeline again around what is shown."""

    room: RoomId


@dataclass(frozen=True, slots=True)
class HistoryReplaced:
    """Rows for unreadable messages were replaced by messages from another device: read the room again."""

    room: RoomId


@dataclass(frozen=True, slots=True)
class HistoryWithheld:
    """The server withholds events of a room that it claims, or claimed before; ``words`` say so."""

    room: RoomId
    words: str


@dataclass(frozen=True, slots=True)
class TextInspected:
    """An inspector found something in what was written in this room, and it was sent; ``words`` say what."""

    room: RoomId
    words: str


@dataclass(frozen=True, slots=True)
class RoomForgotten:
    """Messages of a room were deleted from this device: drop what is shown of it, and read it again."""

    room: RoomId


@dataclass(frozen=True, slots=True)
class ReceiptsChanged:
    """Someone shared how far they have read in this room."""

    room: RoomId


@dataclass(frozen=True, slots=True)
class IgnoredChanged:
    """The list of ignored people changed."""


@dataclass(frozen=True, slots=True)
class TypingChanged:
    """The people who are typing in the room now, other than this account."""

    room: RoomId
    users: tuple[UserName, ...]


@dataclass(frozen=True, slots=True)
class EncryptionChanged:
    """Rooms, people or devices changed their status: ask ``client.encryption``. None: several rooms."""

    room: RoomId | None = None


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """Someone came online, went offline or is away."""

    user: UserName
    status: Status


@dataclass(frozen=True, slots=True)
class NoticesChanged:
    """The operator sent or withdrew a notice, or it was read here: read ``client.notices`` again."""


@dataclass(frozen=True, slots=True)
class RoomDeletion:
    """This room, with this title, was deleted by someone."""

    room: RoomId
    title: str
    by: UserName


RoomChange = (
    EntryRemoved
    | HistoryChanged
    | HistoryReplaced
    | HistoryWithheld
    | TextInspected
    | RoomForgotten
    | ReceiptsChanged
    | TypingChanged
)
"""Changes that only matter to a view that shows this ``room``."""

Change = (
    RoomsChanged
    | CountsChanged
    | InvitationsChanged
    | EntryAdded
    | EntryChanged
    | IgnoredChanged
    | StatusChanged
    | PresenceChanged
    | EncryptionChanged
    | NoticesChanged
    | RoomDeletion
    | RoomChange
)

Emit = Callable[[Change], None]
