"""The result of processing events of an encrypted room: what to store, and what the caller must do about it.

Everything in ``Received.event`` was either verified by MLS or is only claimed by the server (who joined and
left); ``sealed`` says which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from parlour_client.core.model import Note
from parlour_protocol.encrypted import AnyContent, KeyLogSeen
from parlour_protocol.frames import LogEvent
from parlour_protocol.ids import Epoch, GroupId
from parlour_protocol.kit.ids import DeviceId, RequestId, Seq
from parlour_protocol.kit.names import UserName


@dataclass(frozen=True, slots=True)
class Received:
    """One event as it should be stored and shown."""

    event: LogEvent
    """With a readable body if there is one; ciphertext and handshakes are removed."""
    row: bool = True
    """It is a row of the timeline."""
    sealed: bool = False
    """It was encrypted, and MLS verified author and content."""
    trouble: str = ""
    note: Note | None = None
    late: bool = False
    """It was reported as missing before it arrived."""
    message: RequestId | None = None
    """Its id, by which later messages refer to it."""
    content: AnyContent | None = None
    """The complete content: read receipts, verification and history have no body; files have their key here.
    """
    device: DeviceId | None = None
    """The device that MLS verified."""
    key_log: KeyLogSeen | None = None
    request: RequestId | None = None
    """It is a request of this archive that is in the log now."""


@dataclass(frozen=True, slots=True)
class ToContest:
    """A report for the server: the commit that led to ``epoch`` of ``group`` cannot be processed."""

    group: GroupId
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Concern:
    """A problem with a member's key that the person must decide on; it blocks sending, nothing else."""

    user: UserName
    device: DeviceId
    words: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The result of a run of events."""

    items: Sequence[Received]
    cursor: Seq
    needs_welcome: LogEvent | None = None
    """This Handshake adds this device and was not processed: fetch the Welcome, join, continue after it."""
    merged: Sequence[RequestId] = ()
    """Our commits (or the group's creation) that took effect."""
    lost: Sequence[RequestId] = ()
    """Our commits (or the group's creation) that lost to another one."""
    removed: bool = False
    """This device was removed; the keys of the group are deleted."""
    unusable: bool = False
    """A Welcome could not be opened: the key packages at the server must be replaced."""
    needs_key_log: LogEvent | None = None
    """This Handshake gives someone another key and was not processed: read the key log to its end first."""
    learned: bool = False
    """There are statements about the room's members that were not here before."""
    unexecuted: bool = False
    """Something that subtracts is known here and not in the roster: a commit must execute it."""
    contest: ToContest | None = None
    concerns: Sequence[Concern] = ()
    moved: bool = False
    """The group is in another epoch, or another group is in force."""
    older: bool = False
    """This home is an older copy: this device must have new keys before it encrypts anything."""
    corrected: Mapping[Seq, Note | None] = field(default_factory=dict)
    """Current notes of events that were stored before."""
