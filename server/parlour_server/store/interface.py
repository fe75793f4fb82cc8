"""The store: the truth about accounts, sessions, rooms and their logs, as interfaces.

Nothing here assumes one process: any number of servers may use one store at once, and administration
commands write to it while they run. Every implementation passes `tests/server/store/contract`.
Promises that hold for all of them:

* what a method returned from is on disk (``Log.append``, ``Rooms.create`` and every other write);
* a method that raised changed nothing;
* a room's events are numbered 1, 2, 3, … in the order of their transactions;
* the rights of an author are decided inside the transaction that appends (``Decide``).

Tokens come in as their SHA-256, never as themselves (K2: stolen store).
"""

from asyncio import Future
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from parlour_protocol.delivery import GroupState, WaitingWelcome
from parlour_protocol.frames.opaque import LogEntryBytes, PublicKey
from parlour_protocol.frames.replies import LogEvent, RoomListing, RoomSummary
from parlour_protocol.identity import Head
from parlour_protocol.ids import DeviceId, FileId, Millis, RequestId, RoomId, Seq, SessionId, WelcomeId
from parlour_protocol.names import RoomName, UserName
from parlour_server.store.types import (
    Account,
    Appended,
    AppendEvent,
    CertificateRecord,
    ClaimRecord,
    DeviceChange,
    DeviceRecord,
    Facts,
    FileRecord,
    InviteRecord,
    JournalEntry,
    Membership,
    NewAccountRecord,
    NewDevice,
    NewEntry,
    NewPackages,
    NewRoom,
    SessionRecord,
    TicketGrant,
)

Decide = Callable[[AppendEvent, Facts], None]
"""Called inside the transaction, perhaps in another thread: pure. Raises RefusedError to refuse."""


class Accounts(Protocol):
    """People who may log in, and the invites that make them."""

    async def create(self, account: NewAccountRecord, invite: bytes | None) -> None:
        """Make an account, using up one use of the invite with this digest (None: an administrator).

        Raises InviteRefusedError, or NameTakenError when the name or its skeleton exists.
        """
        ...

    async def find(self, user: UserName) -> Account | None:
        """Return the account, disabled or not."""
        ...

    async def list(self) -> Sequence[Account]:
        """Return all accounts in order of name."""
        ...

    async def set_password(self, user: UserName, password_hash: str) -> None:
        """Replace the hash. Ends nothing by itself."""
        ...

    async def set_disabled(self, user: UserName, *, disabled: bool) -> None:
        """Disable or enable; disabling ends all sessions of the account (journal).

        Its devices must be removed from their groups while it is disabled (journal: DevicesChanged).
        """
        ...

    async def add_invite(self, invite: InviteRecord) -> None:
        """Keep an invite."""
        ...

    async def list_invites(self) -> Sequence[InviteRecord]:
        """Return the invites that can still be used, oldest first."""
        ...

    async def revoke_invite(self, digest: bytes) -> bool:
        """Take an invite away; False when there was none."""
        ...


class Sessions(Protocol):
    """Who is logged in, and where. A session is bound to a device with keys by ``Devices.register``."""

    async def create(self, session: SessionRecord, *, cap: int) -> None:
        """Keep a new session; over ``cap`` of the account, the one seen longest ago ends (journal)."""
        ...

    async def find(self, token: bytes, now: Millis) -> SessionRecord | None:
        """Return the live session with this token digest.

        None when it ended, expired, or its account is disabled.
        """
        ...

    async def touch(self, session: SessionId, now: Millis) -> None:
        """Note that the session was seen (for the idle limit)."""
        ...

    async def list(self, user: UserName, now: Millis) -> Sequence[SessionRecord]:
        """Return the account's live sessions, newest first."""
        ...

    async def end(self, user: UserName, session: SessionId) -> bool:
        """End one session of this account; False when it has no such session."""
        ...

    async def end_all(self, user: UserName, *, but: SessionId | None = None) -> int:
        """End all sessions of the account but one; returns how many ended."""
        ...


class Tickets(Protocol):
    """Single-use tickets. Their clock is the implementation's, and it cannot be set back."""

    async def put(self, ticket: bytes, grant: TicketGrant, *, seconds: int) -> None:
        """Keep a ticket (its digest) for so many seconds."""
        ...

    async def take(self, ticket: bytes) -> TicketGrant | None:
        """Take the ticket: of any number of callers, at any number of servers, one gets the grant.

        None when there is none, it was taken, it expired, or its session has ended. A ticket is gone
        after any call (K3: replay).
        """
        ...


class Rooms(Protocol):
    """The rooms and who is in them: projections of their logs."""

    async def create(self, room: NewRoom) -> tuple[RoomId, Sequence[LogEvent]]:
        """Make a room with its first events, or return the one that exists.

        Returns the room's id and the events that were appended now (none when this request was done
        before, or the direct room exists). Raises NameTakenError; RefusedError(LIMIT_REACHED) for too
        many rooms.
        """
        ...

    async def summaries(self, user: UserName) -> Sequence[RoomSummary]:
        """Return every room that the user is in."""
        ...

    async def summaries_for(
        self, user: UserName, session: SessionId, now: Millis
    ) -> Sequence[RoomSummary] | None:
        """Return the same for a session that is greeted; None when it has ended, whenever that was."""
        ...

    async def summary(self, room: RoomId, user: UserName) -> RoomSummary | None:
        """Return one of them; None when the user is not in it."""
        ...

    async def membership(self, room: RoomId, user: UserName) -> Membership | None:
        """Return what the user is in the room; None: not a member."""
        ...

    async def members(
        self, room: RoomId, *, after: UserName | None, limit: int
    ) -> tuple[Sequence[Membership], bool]:
        """Return members in order of name, and whether more follow."""
        ...

    async def pins(self, room: RoomId) -> Sequence[Seq]:
        """Return the pinned messages that the log can tell of, in order of number."""
        ...

    async def directory(self, *, after: RoomName | None, limit: int) -> tuple[Sequence[RoomListing], bool]:
        """Return public rooms in order of name, and whether more follow."""
        ...

    async def find_by_name(self, name: RoomName) -> RoomId | None:
        """Return the public or private room of this name."""
        ...

    async def mark_read(self, user: UserName, room: RoomId, seq: Seq) -> bool:
        """Set the user's read marker; False when the user is not in the room or ``seq`` is not yet there."""
        ...


class Log(Protocol):
    """The events of the rooms."""

    def append(self, event: AppendEvent, decide: Decide) -> "Future[Appended]":
        """Append one event and apply what it means for members, bans, topic and deleted events.

        Calls ``decide`` in the transaction. The future ends when the event is on disk: with RefusedError
        (from ``decide``; or CONFLICT when the request id was used for something else), UnavailableError,
        or the event. Events passed in by one caller keep their order. The same author, request and
        content again gives the first event, with ``replay``.
        """
        ...

    async def page(
        self, room: RoomId, *, after: Seq | None, before: Seq | None, limit: int, max_bytes: int
    ) -> tuple[Sequence[LogEvent], bool]:
        """Return events in ascending order and whether more lie in the asked direction.

        ``after``: the ones next above; else ``before``: the ones next below; neither: the newest. At most
        ``limit``, and no more bytes of bodies than ``max_bytes`` (but one event at least).
        """
        ...


class Devices(Protocol):
    """Account keys, the devices that they certify, and the devices' key packages.

    Signatures were checked before. What is certified or revoked goes into the key log in the same
    transaction, and only while its account key is the one in force: else RefusedError(CONFLICT).
    """

    async def account_key(self, user: UserName) -> PublicKey | None:
        """Return the key in force, None while none was published."""
        ...

    async def publish_account_key(
        self,
        user: UserName,
        key: PublicKey,
        entry: NewEntry,
        *,
        replaces: PublicKey | None,
        session: SessionId | None,
    ) -> DeviceChange:
        """Set the account's key; the same key again changes nothing.

        Raises RefusedError(CONFLICT) when ``replaces`` is not the key in force (None: there is none).
        Replacing revokes the devices that were certified, and ends their sessions but ``session``, which
        speaks for no device from then on.
        """
        ...

    async def register(
        self,
        session: SessionId,
        device: NewDevice,
        certificate: CertificateRecord | None = None,
        entry: NewEntry | None = None,
    ) -> DeviceRecord:
        """Bind a session of this account to a device, which is made when it is new.

        With ``certificate`` (and then ``entry``) it is active at once, unless it is so already. Raises
        RefusedError: NOT_FOUND (no such live session), FORBIDDEN (the device was revoked), CONFLICT (the
        session speaks for another device), LIMIT_REACHED (DEVICES_PER_USER).
        """
        ...

    async def list(self, user: UserName, now: Millis) -> Sequence[DeviceRecord]:
        """Return the account's devices, revoked ones too, oldest first."""
        ...

    async def find(self, device: DeviceId, now: Millis) -> DeviceRecord | None:
        """Return one device."""
        ...

    async def of_session(self, session: SessionId, now: Millis) -> DeviceRecord | None:
        """Return the device that the session speaks for, unless it was revoked."""
        ...

    async def certify(
        self, user: UserName, device: DeviceId, certificate: CertificateRecord, entry: NewEntry
    ) -> DeviceRecord:
        """Make a device of this account active, or give it a newer certificate.

        The certificate that it has changes nothing. Raises RefusedError(NOT_FOUND, FORBIDDEN: revoked).
        """
        ...

    async def revoke(
        self, user: UserName, device: DeviceId, account_key: PublicKey, entry: NewEntry
    ) -> DeviceChange:
        """Revoke a device of this account for good: its sessions end, its packages and Welcomes go.

        It must be removed from its groups. Raises RefusedError(NOT_FOUND).
        """
        ...

    async def put_packages(self, new: NewPackages) -> bool:
        """Add to the device's key packages, or (``replace``) take their place.

        True: it had none, so that members can add it to their rooms from now on (journal: DevicesChanged).

        A package that it brought before, used or not, is not taken again. Raises RefusedError: NOT_FOUND
        (no such device, or revoked), LIMIT_REACHED (KEY_PACKAGES).
        """
        ...

    async def claim(
        self, room: RoomId, user: UserName, devices: Sequence[DeviceId], now: Millis
    ) -> Sequence[ClaimRecord]:
        """Give out one key package for each of the devices, to add them to the room's group.

        Of any number of callers, at any number of servers, one gets each single-use package. Devices that
        have none, or do not belong into the group, or are in it, are left out. Raises
        RefusedError(NOT_FOUND) when ``user`` is not in the room, or it is not encrypted.
        """
        ...


class KeyLog(Protocol):
    """The append-only log of account keys, certificates and revocations. ``Devices`` writes it."""

    async def head(self) -> Head | None:
        """Return the head of the whole log, None while it is empty."""
        ...

    async def page(self, *, after: int, limit: int) -> tuple[Sequence[LogEntryBytes], Head | None]:
        """Return the entries after number ``after``, and the head of the whole log as it was with them."""
        ...


class Groups(Protocol):
    """The MLS groups of encrypted rooms, as far as a server knows them. ``Log.append`` changes them."""

    async def state(self, room: RoomId, user: UserName, now: Millis) -> GroupState | None:
        """Return where the room's group stands; None when the user is not in it, or it is not encrypted."""
        ...

    async def rooms_of(self, user: UserName) -> Sequence[RoomId]:
        """Return the encrypted rooms that the user is in, or has devices in the group of."""
        ...

    async def welcomes(self, device: DeviceId, *, max_bytes: int) -> tuple[Sequence[WaitingWelcome], bool]:
        """Return the device's oldest Welcomes and whether there are more.

        No more bytes of Welcomes and trees than ``max_bytes``, but one Welcome at least.
        """
        ...

    async def drop_welcome(self, device: DeviceId, welcome: WelcomeId) -> bool:
        """Take a Welcome out of the device's inbox; False when it is not there."""
        ...


class Files(Protocol):
    """What is known of uploaded files; their bytes are on the server's disk, not here."""

    async def put(self, file: FileRecord, *, user_bytes: int, total_bytes: int) -> None:
        """Keep the record of a file whose bytes are on the disk.

        Raises RefusedError: NOT_FOUND (the owner is not in the room), LIMIT_REACHED (with it the owner's
        files would take more than ``user_bytes``, or all files more than ``total_bytes``).
        """
        ...

    async def find(self, file: FileId, user: UserName, now: Millis) -> FileRecord | None:
        """Return a file that has not expired, of a room that the user is in."""
        ...

    async def used(self, user: UserName) -> tuple[int, int]:
        """Return how many bytes the user's files take, and everybody's."""
        ...

    async def expired(self, now: Millis, *, limit: int) -> Sequence[FileId]:
        """Return files whose bytes are to be removed: their time is over, or their message was deleted."""
        ...

    async def forget(self, files: Iterable[FileId]) -> None:
        """Drop the records of files whose bytes are gone."""
        ...


class Attempts(Protocol):
    """Failed logins by key (an account, an address), kept over a restart (P5: guessing)."""

    async def failures(self, keys: Iterable[str], now: Millis) -> dict[str, tuple[int, Millis]]:
        """Return for each key that has any: the number of failures, and when the last one was."""
        ...

    async def add(self, keys: Iterable[str], now: Millis, *, forget_after: Millis) -> None:
        """Note a failure for each key, counting anew after ``forget_after`` ms without one."""
        ...

    async def clear(self, keys: Iterable[str]) -> None:
        """Forget the keys."""
        ...


class Journal(Protocol):
    """What running servers must hear about: ended sessions, changed devices, events of another process.

    The bus tells at once; the journal is the truth, polled. Entries older than an hour may be forgotten.
    """

    async def head(self) -> int:
        """Return the number of the newest entry, 0 for none."""
        ...

    async def since(self, number: int) -> Sequence[JournalEntry]:
        """Return the entries after this number, in order. Cheap when there are none."""
        ...


class Store(Protocol):
    """All of it. Opened and closed by the composition root."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def tickets(self) -> Tickets: ...
    @property
    def rooms(self) -> Rooms: ...
    @property
    def log(self) -> Log: ...
    @property
    def devices(self) -> Devices: ...
    @property
    def keylog(self) -> KeyLog: ...
    @property
    def groups(self) -> Groups: ...
    @property
    def files(self) -> Files: ...
    @property
    def attempts(self) -> Attempts: ...
    @property
    def journal(self) -> Journal: ...

    async def open(self) -> None:
        """Connect; refuses a schema that is not the newest (SetupError: run `migrate`)."""
        ...

    async def close(self) -> None:
        """Write what is queued and disconnect."""
        ...

    async def check(self) -> None:
        """Raise UnavailableError when a write would fail (for /readyz)."""
        ...


__all__ = [
    "Accounts",
    "Attempts",
    "Decide",
    "Devices",
    "Files",
    "Groups",
    "Journal",
    "KeyLog",
    "Log",
    "RequestId",
    "Rooms",
    "Sessions",
    "Store",
    "Tickets",
]
