"""The results of commands, for each front end to show in its own way: values, not text.

Each front end has one table from these types to functions that print or open them. Nothing changes a result;
the classes are not frozen because Python needs twice as long to make them so, and every `--help` loads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from parlour_client.core.attachments import Progress
    from parlour_client.core.e2ee.backup.backup import Exported, Restored, Verified
    from parlour_client.core.e2ee.identity.witnesses import Witness
    from parlour_client.core.e2ee.values import (
        Alarm,
        OwnDevice,
        OwnKeys,
        PersonReport,
        RoomReport,
        SasVerification,
    )
    from parlour_client.core.model import (
        BanView,
        Entry,
        Invitation,
        MemberView,
        Outgoing,
        Profile,
        Room,
        Thread,
        Version,
    )
    from parlour_client.core.setting import Setting, Value
    from parlour_client.core.settings import Settings
    from parlour_client.kit.answers import Yes
    from parlour_client.text.link_details import LinkDetails
    from parlour_protocol.frames.bodies import FileRef
    from parlour_protocol.frames.replies import RoomListing
    from parlour_protocol.ids import RoomId
    from parlour_protocol.kit.api import SessionInfo
    from parlour_protocol.kit.ids import Millis, RequestId, Seq
    from parlour_protocol.kit.invite_link import LoginLink
    from parlour_protocol.kit.names import UserName


@dataclass(slots=True)
class Result:
    """The result of a command."""


@dataclass(slots=True)
class Done(Result):
    """It is done, described by a sentence that is the same everywhere."""

    sentence: str


# --- questions: nothing is done before the person says yes


@dataclass(slots=True)
class Question(Result):
    """The text of a question, how to answer it with yes, and what that does."""

    text: str
    yes: Yes
    """How to answer it with yes."""
    do: Callable[[], Awaitable[Result | None]]
    message: Entry | None = None
    """The message that it is about."""
    details: Sequence[str] = ()


@dataclass(slots=True, kw_only=True)
class EncryptQuestion(Question):
    """Whether a room is encrypted for good, which admits these people."""

    room: Room
    people: Sequence[UserName]


@dataclass(slots=True, kw_only=True)
class RevokeQuestion(Question):
    """Whether to revoke a device for good."""

    device: OwnDevice


@dataclass(slots=True)
class ChoiceWanted(Result):
    """Words to choose one of, as (word, shown), and the effect of a choice."""

    text: str
    choices: Sequence[tuple[str, str]]
    do: Callable[[str], Awaitable[Result | None]]


# --- rooms


class Opened(Enum):
    """Why a room was opened."""

    CREATED = auto()
    JOINED = auto()
    DIRECT = auto()
    WENT = auto()
    UNREAD = auto()
    """To read its unread messages."""


@dataclass(slots=True)
class RoomOpened(Result):
    """A room to go to; ``sent`` was sent there at once, ``entries`` are its newest messages."""

    room: Room
    how: Opened
    entries: Sequence[Entry] = ()
    sent: Entry | None = None
    peek: bool = False


@dataclass(slots=True)
class RoomLeft(Result):
    """A room that the person has left."""

    room: Room


@dataclass(slots=True)
class RoomsListed(Result):
    """The person's rooms, and public ones that they are not in."""

    rooms: Sequence[Room]
    public: Sequence[RoomListing] = ()


@dataclass(slots=True)
class PublicRoomsListed(Result):
    """All public rooms."""

    rooms: Sequence[RoomListing]
    joined: AbstractSet[RoomId]


@dataclass(slots=True)
class MembersListed(Result):
    """The members of a room."""

    members: Sequence[MemberView]


@dataclass(slots=True)
class TopicShown(Result):
    """A room's topic."""

    room: Room


@dataclass(slots=True)
class RetentionShown(Result):
    """How long the server keeps a room's messages."""

    room: Room


@dataclass(slots=True)
class PlaceShown(Result):
    """The open room, and the connection."""

    room: Room | None


@dataclass(slots=True)
class InvitationsListed(Result):
    """Invitations that wait for the person's answer."""

    invitations: Sequence[Invitation]


@dataclass(slots=True)
class BlockedListed(Result):
    """The people that this account blocks."""

    people: Sequence[UserName]


@dataclass(slots=True)
class BansListed(Result):
    """The people who are banned from a room."""

    room: Room
    bans: Sequence[BanView]


@dataclass(slots=True)
class ReceiptsShown(Result):
    """How far others have read a room, as far as they share it."""

    room: Room
    read: Mapping[UserName, Seq]


# --- messages


@dataclass(slots=True)
class MessagesListed(Result):
    """A part of a room's timeline; ``newest`` if it is its end."""

    room: Room
    entries: Sequence[Entry]
    newest: bool = False


@dataclass(slots=True)
class DateFound(Result):
    """Where a day begins in a room: its first message, or the next one after it; None: nothing is so late."""

    room: Room
    wanted: Millis
    """When the day begins."""
    is_that_day: bool
    entries: Sequence[Entry]
    """From there on."""


@dataclass(slots=True)
class MessageShown(Result):
    """One message, and its parent."""

    entry: Entry
    parent: Entry | None


@dataclass(slots=True)
class MessagesFound(Result):
    """The results of a search, newest first; ``more``: there are others."""

    words: str
    entries: Sequence[Entry]
    more: bool = False


@dataclass(slots=True)
class LinksListed(Result):
    """The links of a room's last messages, with their messages, newest first."""

    room: Room
    links: Sequence[tuple[Entry, LinkDetails]]


@dataclass(slots=True)
class PinsListed(Result):
    """The pinned messages of a room."""

    room: Room
    entries: Sequence[Entry]


@dataclass(slots=True)
class ThreadShown(Result):
    """A thread."""

    room: Room
    thread: Thread


@dataclass(slots=True)
class VersionsShown(Result):
    """The texts that a message had."""

    entry: Entry
    versions: Sequence[Version]


@dataclass(slots=True)
class OutgoingListed(Result):
    """The outgoing messages."""

    outgoing: Sequence[Outgoing]


@dataclass(slots=True)
class Queued(Result):
    """A request in the outbox."""

    request: RequestId


@dataclass(slots=True)
class SendWanted(Result):
    """A text for a room, which the front end sends like typed text: its guard checks it first."""

    text: str
    reply_to: Seq | None = None


# --- files


@dataclass(slots=True)
class Transfer(Result):
    """A file to send or save, with progress, in the background."""

    room: Room
    name: str
    run: Callable[[Progress], Awaitable[FileSent | FileSaved]]
    file: FileRef | None = None
    """The file to save; None: it is sent."""


@dataclass(slots=True)
class FileSent(Result):
    """A file is uploaded and its message queued."""

    room: Room
    name: str


@dataclass(slots=True)
class FileSaved(Result):
    """The path of a saved file."""

    path: Path


# --- people, account, settings


@dataclass(slots=True)
class PersonShown(Result):
    """The profile of someone on this device."""

    profile: Profile


@dataclass(slots=True)
class IgnoredListed(Result):
    """The ignored people."""

    people: Sequence[UserName]


@dataclass(slots=True)
class SessionsListed(Result):
    """The account's sessions."""

    sessions: Sequence[SessionInfo]


@dataclass(slots=True)
class Listed(Result):
    """A list of an extra: its lines, a sentence about them, and the fields of each."""

    lines: Sequence[str]
    about: str
    fields: Sequence[dict[str, Any]]


@dataclass(slots=True)
class SettingChosen(Result):
    """A setting to change; front ends own the settings."""

    key: str
    value: Value


@dataclass(slots=True)
class SettingShown(Result):
    """One setting and its value."""

    setting: Setting
    value: Value


@dataclass(slots=True)
class SettingsListed(Result):
    """The person's settings."""

    settings: Settings


@dataclass(slots=True)
class LoginWanted(Result):
    """The session has ended: the person must log in first."""


# --- encryption


@dataclass(slots=True)
class EncryptionShown(Result):
    """The report about a room's encryption: who can read it, and what the server sees."""

    room: Room
    report: RoomReport


@dataclass(slots=True)
class RoomEncrypted(Result):
    """Encryption was turned on."""

    room: Room


@dataclass(slots=True)
class KeyShown(Result):
    """The state of someone's key."""

    report: PersonReport


@dataclass(slots=True)
class KeyDecided(Result):
    """The same, after the person decided about it."""

    report: PersonReport


@dataclass(slots=True)
class ComparisonShown(Result):
    """A verification by short words."""

    process: SasVerification


@dataclass(slots=True)
class ComparisonConfirmed(Result):
    """The person confirmed that the short words match."""

    process: SasVerification


@dataclass(slots=True)
class CodeShown(Result):
    """This account's code."""

    code: str


@dataclass(slots=True)
class AlarmsListed(Result):
    """The current alarms."""

    alarms: Sequence[Alarm]


@dataclass(slots=True)
class WitnessesListed(Result):
    """The witnesses of the key log that are wanted."""

    witnesses: Sequence[Witness]


@dataclass(slots=True)
class DevicesListed(Result):
    """The account's devices with keys."""

    devices: Sequence[OwnDevice]
    own: OwnKeys


@dataclass(slots=True)
class DeviceLinkShown(Result):
    """The link with which another device of the account logs in; it has no secret."""

    link: LoginLink


@dataclass(slots=True)
class DeviceApproved(Result):
    """A new device can read from now on."""

    device: OwnDevice


@dataclass(slots=True)
class BackupStatus(Result):
    """When this device last wrote a backup, in milliseconds; None: never."""

    last: int | None


@dataclass(slots=True)
class BackupWritten(Result):
    """A backup was written to a file."""

    done: Exported


@dataclass(slots=True)
class BackupRestored(Result):
    """A backup was restored from a file."""

    done: Restored


@dataclass(slots=True)
class BackupVerified(Result):
    """A backup was compared with this device."""

    done: Verified


@dataclass(slots=True)
class RecoveryWordsShown(Result):
    """The 24 words."""

    words: Sequence[str]
