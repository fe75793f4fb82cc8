"""What the client tells its views: that something changed, as frozen values.

Each says what to read again or holds what to show; views get them from ``client.events``.
"""

from dataclasses import dataclass

from parlour_client.core.model import ConnectionStatus, Entry
from parlour_protocol.frames.base import Status
from parlour_protocol.ids import RequestId, RoomId
from parlour_protocol.names import UserName


@dataclass(frozen=True, slots=True)
class RoomsChanged:
    """The list of rooms, a count of unread messages, a topic or a role changed."""


@dataclass(frozen=True, slots=True)
class InvitationsChanged:
    """An invitation came, was answered, or was taken back: read ``client.invitations`` again."""


@dataclass(frozen=True, slots=True)
class EntryAdded:
    """A new entry stands at the end of this room's timeline."""

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
    """Older entries came in, or a gap was filled: read the timeline again around what is shown."""

    room: RoomId


@dataclass(frozen=True, slots=True)
class HistoryReplaced:
    """Rows that said what could not be read gave way to what another device sent: read the room again."""

    room: RoomId


@dataclass(frozen=True, slots=True)
class HistoryWithheld:
    """The server claims, or claimed before, events of a room and shows none of them; ``words`` say so."""

    room: RoomId
    words: str


@dataclass(frozen=True, slots=True)
class RoomForgotten:
    """This device forgot messages of a room: drop what is shown of it, and read it again."""

    room: RoomId


@dataclass(frozen=True, slots=True)
class ReceiptsChanged:
    """Somebody let it be known how far they have read in this room."""

    room: RoomId


@dataclass(frozen=True, slots=True)
class IgnoredChanged:
    """Who is ignored on this device changed."""


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """The connection's state changed."""

    status: ConnectionStatus


@dataclass(frozen=True, slots=True)
class TypingChanged:
    """Who types in the room now, without ourselves."""

    room: RoomId
    users: tuple[UserName, ...]


@dataclass(frozen=True, slots=True)
class EncryptionChanged:
    """Rooms, people or devices changed their status: ask ``client.encryption``. None: several rooms."""

    room: RoomId | None = None


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """Somebody came, went or is away."""

    user: UserName
    status: Status


Change = (
    RoomsChanged
    | InvitationsChanged
    | EntryAdded
    | EntryChanged
    | EntryRemoved
    | HistoryChanged
    | HistoryReplaced
    | HistoryWithheld
    | RoomForgotten
    | ReceiptsChanged
    | IgnoredChanged
    | StatusChanged
    | TypingChanged
    | PresenceChanged
    | EncryptionChanged
)
