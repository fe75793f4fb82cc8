"""What came of events of an encrypted room: what to store, and what the caller must do about it.

Everything in ``Received.event`` was either verified by MLS or is only claimed by the server (who joined and
left); ``sealed`` tells which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from parlour_client.core.model import Note
from parlour_protocol.encrypted import AnyContent, KeyLogSeen
from parlour_protocol.frames import LogEvent
from parlour_protocol.ids import DeviceId, Epoch, GroupId, RequestId, Seq
from parlour_protocol.names import UserName


@dataclass(frozen=True, slots=True)
class Received:
    """One event as it is to be stored and shown."""

    event: LogEvent
    """With a readable body where there is one; ciphertext and handshakes are gone from it."""
    row: bool = True
    """It stands in the timeline by itself."""
    sealed: bool = False
    """It came encrypted, and author and content are what MLS verified."""
    trouble: str = ""
    note: Note | None = None
    late: bool = False
    """It was told as missing before it came."""
    message: RequestId | None = None
    """Its id, by which later messages name it."""
    content: AnyContent | None = None
    """All that was said: read marks, verification and history have no body; files have their key here."""
    device: DeviceId | None = None
    """The device that MLS verified."""
    key_log: KeyLogSeen | None = None
    request: RequestId | None = None
    """It is a request of this archive that has its place in the log now."""


@dataclass(frozen=True, slots=True)
class ToContest:
    """What the server is to be told: the commit that led to ``epoch`` of ``group`` cannot be followed."""

    group: GroupId
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Concern:
    """Something about a member's key that the person must decide; it blocks sending, nothing else."""

    user: UserName
    device: DeviceId
    words: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a run of events."""

    items: Sequence[Received]
    cursor: Seq
    needs_welcome: LogEvent | None = None
    """This Handshake adds this device and was not processed: fetch the Welcome, join, go on after it."""
    merged: Sequence[RequestId] = ()
    """Commits (or the group's creation) of ours that are in force now."""
    lost: Sequence[RequestId] = ()
    """Commits (or the group's creation) of ours that another one came before."""
    removed: bool = False
    """This device was removed; the keys of the group are gone."""
    contest: ToContest | None = None
    concerns: Sequence[Concern] = ()
    moved: bool = False
    """The group is in another epoch, or another group is in force."""
    older: bool = False
    """This home is an older copy: this device must have new keys before it seals anything."""
    corrected: Mapping[Seq, Note | None] = field(default_factory=dict)
    """Notes of events that were stored before, as they are now."""
