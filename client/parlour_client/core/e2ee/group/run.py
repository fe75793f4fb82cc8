"""One run of events of an encrypted room: its state while it is processed, and the result.

``receive`` makes it, ``seal`` and ``follow`` work on it, and it is written once, at the end of the run.
Everything in ``Received.event`` was either verified by MLS or is only claimed by the server (who joined and
left); ``sealed`` says which.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import apsw

from parlour_client.core.archive import key_log_copy
from parlour_client.core.archive.insertion import Applied
from parlour_client.core.e2ee.errors import JoinRefusedError, KeyLogNeededError
from parlour_client.core.e2ee.group.contents import Speaker
from parlour_client.core.e2ee.group.order import Links
from parlour_client.core.e2ee.group.rules import binding_of
from parlour_client.core.e2ee.group.statements import expected
from parlour_client.core.e2ee.group.store import Groups, Judge, RoomRow, StoredGroup, ToContest, known_roster
from parlour_client.core.e2ee.identity.keys import read_certificate
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.e2ee.identity.pins import became_so_after
from parlour_client.core.model import Note, NoteKind
from parlour_protocol.encrypted import AnyContent, KeyLogSeen
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import AnyBody, Blank, EncryptedMessage, Handshake
from parlour_protocol.frames.opaque import Ciphertext, HandshakeBytes
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import Roster, Succeeds
from parlour_protocol.rooms import Role, RoomKind


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
class Concern:
    """A problem with a member's key that the person must decide on; it blocks sending, nothing else."""

    user: UserName
    device: DeviceId
    words: str


@dataclass(slots=True)
class Receipt:
    """The result of a run of events, complete when it was processed."""

    items: list[Received]
    cursor: Seq
    needs_welcome: LogEvent | None = None
    """This Handshake adds this device and was not processed: fetch the Welcome, join, continue after it."""
    merged: list[RequestId] = field(default_factory=list)
    """Our commits (or the group's creation) that took effect."""
    lost: list[RequestId] = field(default_factory=list)
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
    concerns: list[Concern] = field(default_factory=list)
    moved: bool = False
    """The group is in another epoch, or another group is in force."""
    older: bool = False
    """This home is an older copy: this device must have new keys before it encrypts anything."""
    corrected: dict[Seq, Note | None] = field(default_factory=dict)
    """Current notes of events that were stored before."""
    applied: Sequence[Applied] = ()
    """What the views show."""
    denied: Sequence[RequestId] = ()
    """Requests that the server did not store where it said."""
    behind: bool = False
    """Someone has seen more of the key log than this device."""
    differs: bool = False
    """Someone has seen another key log: an alarm is stored."""
    elsewhere: bool = False
    """Another program on this home has processed more than messages of it."""


@dataclass(slots=True)
class Transaction:
    """The changes that a run of events makes to one room."""

    connection: apsw.Connection
    groups: Groups
    row: RoomRow
    stored: StoredGroup | None
    links: Links
    now: Millis
    """This device's time."""
    receipt: Receipt
    welcome_missing: bool = False
    refused: JoinRefusedError | None = None
    """Why the Welcome that is missing was not used, if it was there."""
    changed: bool = False
    """The group must be written."""
    roster: Roster | None = None
    """The room's members after this run, to be remembered beyond its group."""

    @property
    def own(self) -> OwnIdentity:
        """This device."""
        return self.groups.own

    def speaker(self, user: UserName) -> Speaker:
        """Return the speaker, with the kind of room that all members agreed on."""
        if self.stored is not None:
            kind = kind_of_room(self.stored)
        else:  # the group was left since
            known = known_roster(self.connection, self.row.room)
            kind = RoomKind.PRIVATE if known is None else known.kind
        return Speaker(self.row.room, kind, user, partial(self._role, user))

    def _role(self, user: UserName) -> Role | None:
        roster = known_roster(self.connection, self.row.room)
        if self.stored is not None:
            roster = expected(self.connection, self.stored, self.now)
        person = None if roster is None else roster.person(user)
        return None if person is None else person.role


def kind_of_room(stored: StoredGroup) -> RoomKind:
    """Return the kind of the room that a group is bound to."""
    return binding_of(stored.group.context.extensions).kind


def key_concerns(
    connection: apsw.Connection,
    judge: Judge,
    certificates: Sequence[bytes],
    now: Millis,
    at: Millis | None = None,
) -> list[Concern]:
    """Check certificates with valid signatures; those seen for the first time are pinned.

    ``at``: when they were added, which may be long ago. What happened to them since then is not reported.
    """
    found = []
    for data in dict.fromkeys(certificates):
        status = judge(connection, data, now)
        if status.blocks and (at is None or not became_so_after(connection, status, at)):
            certificate = read_certificate(data)
            found.append(Concern(certificate.user, certificate.device, status.words))
    return found


def succeeds_by(connection: apsw.Connection, *, key_log_read: bool) -> Succeeds:
    """Return what says whether the key log had a new key of someone's.

    Unless it was just read to its end, that raises KeyLogNeededError where this device's copy lacks the key.
    """
    had_key = partial(key_log_copy.had_key, connection)
    return had_key if key_log_read else partial(_had_key_or_ask, had_key)


def _had_key_or_ask(had_key: Succeeds, user: UserName, before: bytes, key: bytes) -> bool:
    if not had_key(user, before, key):
        raise KeyLogNeededError
    return True


def stripped(body: AnyBody) -> AnyBody:
    """Return a body without what only MLS needed: it is useless once it was processed."""
    match body:
        case EncryptedMessage(group=group, epoch=epoch, blanks=blanks):
            return EncryptedMessage(group=group, epoch=epoch, data=Ciphertext(b"\0"), blanks=blanks)
        case Handshake(group=group, epoch=epoch, added=added, removed=removed, unusable=unusable):
            data = HandshakeBytes(b"\0")
            return Handshake(
                group=group, epoch=epoch, data=data, added=added, removed=removed, unusable=unusable
            )
        case _:
            return body


def with_body(event: LogEvent, body: AnyBody) -> LogEvent:
    """Return the event with another body."""
    return LogEvent(
        room=event.room, seq=event.seq, at=event.at, author=event.author, device=event.device, body=body
    )


def forged(event: LogEvent, words: str) -> Received:
    """Show that a claim of the server is false; the claim itself is dropped."""
    body = event.body
    kept = stripped(body) if isinstance(body, Handshake | EncryptedMessage) else Blank(was="message")
    return Received(with_body(event, kept), note=Note(NoteKind.FORGED, event.author, words))


def silent(event: LogEvent) -> Received:
    """Store an event that is not shown."""
    return Received(with_body(event, stripped(event.body)), row=False)
