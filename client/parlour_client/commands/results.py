"""What commands give back, for each front end to show in its own way: values, no words for a person.

Each front end has one table from these types to what it prints or opens.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from parlour_client.core.e2ee.status import (
    Alarm,
    OwnDevice,
    OwnKeys,
    PersonReport,
    RoomPerson,
    RoomReport,
    SasVerification,
)
from parlour_client.core.model import (
    Entry,
    Invitation,
    MemberView,
    Outgoing,
    Profile,
    Room,
    Thread,
    Version,
)
from parlour_protocol.api import SessionInfo
from parlour_protocol.frames.bodies import FileRef
from parlour_protocol.frames.replies import RoomListing
from parlour_protocol.ids import RequestId, RoomId, Seq
from parlour_protocol.names import UserName

if TYPE_CHECKING:
    from parlour_client.core.e2ee.messages.attachments import Progress


@dataclass(frozen=True, slots=True)
class Result:
    """What a command gives back."""


@dataclass(frozen=True, slots=True)
class Done(Result):
    """It is done, in a sentence that is the same everywhere."""

    sentence: str


# --- questions: nothing is done before the person says yes


@dataclass(frozen=True, slots=True)
class Question(Result):
    """What is asked, and what a yes does."""

    text: str
    do: Callable[[], Awaitable[Result | None]]
    message: Entry | None = None
    """The message that it is about."""
    details: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptQuestion(Question):
    """Whether a room is encrypted for good, which admits these people."""

    room: Room
    people: Sequence[UserName]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewQuestion(Question):
    """Whether these are the people of an older encrypted room."""

    room: Room
    people: Sequence[RoomPerson]


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeQuestion(Question):
    """Whether a device is revoked for good."""

    device: OwnDevice


# --- rooms


class Opened(Enum):
    """How a room came to be open."""

    CREATED = auto()
    JOINED = auto()
    DIRECT = auto()
    WENT = auto()
    UNREAD = auto()
    """To read what is unread there."""


@dataclass(frozen=True, slots=True)
class RoomOpened(Result):
    """A room to go to; ``sent`` is what was said there at once, ``entries`` its newest messages."""

    room: Room
    how: Opened
    entries: Sequence[Entry] = ()
    sent: Entry | None = None
    peek: bool = False


@dataclass(frozen=True, slots=True)
class RoomLeft(Result):
    """A room that the person is in no longer."""

    room: Room


@dataclass(frozen=True, slots=True)
class RoomsListed(Result):
    """The person's rooms, and public ones that they are not in."""

    rooms: Sequence[Room]
    public: Sequence[RoomListing] = ()


@dataclass(frozen=True, slots=True)
class PublicRoomsListed(Result):
    """All public rooms."""

    rooms: Sequence[RoomListing]
    joined: AbstractSet[RoomId]


@dataclass(frozen=True, slots=True)
class MembersListed(Result):
    """Who is in a room."""

    members: Sequence[MemberView]


@dataclass(frozen=True, slots=True)
class TopicShown(Result):
    """A room's topic."""

    room: Room


@dataclass(frozen=True, slots=True)
class PlaceShown(Result):
    """Which room is open, and the connection."""

    room: Room | None


@dataclass(frozen=True, slots=True)
class InvitationsListed(Result):
    """What waits for the person's yes."""

    invitations: Sequence[Invitation]


@dataclass(frozen=True, slots=True)
class BlockedListed(Result):
    """Whom the person blocks."""

    people: Sequence[UserName]


@dataclass(frozen=True, slots=True)
class ReceiptsShown(Result):
    """Up to where others have read a room, as far as they tell."""

    room: Room
    read: Mapping[UserName, Seq]


# --- messages


@dataclass(frozen=True, slots=True)
class MessagesListed(Result):
    """A part of a room's timeline; ``newest`` where it is its end."""

    room: Room
    entries: Sequence[Entry]
    newest: bool = False


@dataclass(frozen=True, slots=True)
class MessageShown(Result):
    """One message, and what it answers."""

    entry: Entry
    parent: Entry | None


@dataclass(frozen=True, slots=True)
class MessagesFound(Result):
    """What a search found, newest first; ``more``: not all of it."""

    words: str
    entries: Sequence[Entry]
    more: bool = False


@dataclass(frozen=True, slots=True)
class PinsListed(Result):
    """What is pinned in a room."""

    room: Room
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class ThreadShown(Result):
    """A thread."""

    thread: Thread


@dataclass(frozen=True, slots=True)
class VersionsShown(Result):
    """The texts that a message had."""

    entry: Entry | None
    versions: Sequence[Version]


@dataclass(frozen=True, slots=True)
class OutgoingListed(Result):
    """What is on its way."""

    outgoing: Sequence[Outgoing]


@dataclass(frozen=True, slots=True)
class Queued(Result):
    """A request in the outbox."""

    request: RequestId


@dataclass(frozen=True, slots=True)
class SendWanted(Result):
    """A text for a room, which the front end sends as it sends what is typed: its guard looks at it first."""

    text: str
    reply_to: Seq | None = None


# --- files


@dataclass(frozen=True, slots=True)
class Transfer(Result):
    """A file to be sent or saved, with progress, beside everything else."""

    room: Room
    name: str
    run: "Callable[[Progress], Awaitable[FileSent | FileSaved]]"
    file: FileRef | None = None
    """What is saved; None: it is sent."""


@dataclass(frozen=True, slots=True)
class FileSent(Result):
    """A file is uploaded and its message queued."""

    room: Room
    name: str


@dataclass(frozen=True, slots=True)
class FileSaved(Result):
    """Where a file lies."""

    path: Path


# --- people, account, settings


@dataclass(frozen=True, slots=True)
class PersonShown(Result):
    """What this device knows of somebody."""

    profile: Profile


@dataclass(frozen=True, slots=True)
class IgnoredListed(Result):
    """Whom the person ignores."""

    people: Sequence[UserName]


@dataclass(frozen=True, slots=True)
class SessionsListed(Result):
    """Where the account is logged in."""

    sessions: Sequence[SessionInfo]


@dataclass(frozen=True, slots=True)
class SettingChosen(Result):
    """A setting to change; front ends keep the settings."""

    key: str
    value: bool


@dataclass(frozen=True, slots=True)
class LoginWanted(Result):
    """The session has ended: the person has to log in before anything else."""


# --- encryption


@dataclass(frozen=True, slots=True)
class EncryptionShown(Result):
    """Who can read a room, and what the server sees."""

    room: Room
    report: RoomReport


@dataclass(frozen=True, slots=True)
class RoomEncrypted(Result):
    """Encryption was turned on."""

    room: Room


@dataclass(frozen=True, slots=True)
class RoomRenewed(Result):
    """Members of an older room decide who is in it from now on."""

    room: Room


@dataclass(frozen=True, slots=True)
class KeyShown(Result):
    """What is known of somebody's key."""

    report: PersonReport


@dataclass(frozen=True, slots=True)
class KeyDecided(Result):
    """The same, after the person decided about it."""

    report: PersonReport


@dataclass(frozen=True, slots=True)
class ComparisonShown(Result):
    """A comparison of short words."""

    process: SasVerification


@dataclass(frozen=True, slots=True)
class ComparisonConfirmed(Result):
    """The person said that the short words are the same."""

    process: SasVerification


@dataclass(frozen=True, slots=True)
class CodeShown(Result):
    """One's own code."""

    code: str


@dataclass(frozen=True, slots=True)
class AlarmsListed(Result):
    """What must not be missed."""

    alarms: Sequence[Alarm]


@dataclass(frozen=True, slots=True)
class DevicesListed(Result):
    """One's devices with keys."""

    devices: Sequence[OwnDevice]
    own: OwnKeys


@dataclass(frozen=True, slots=True)
class DeviceApproved(Result):
    """A new device can read from now on."""

    device: OwnDevice


@dataclass(frozen=True, slots=True)
class DeviceRevoked(Result):
    """A device is removed for good."""

    device: OwnDevice


@dataclass(frozen=True, slots=True)
class HistorySent(Result):
    """History went to another device."""

    device: OwnDevice
    count: int


@dataclass(frozen=True, slots=True)
class RecoveryWordsShown(Result):
    """The 24 words."""

    words: Sequence[str]
