"""Records of accounts, sessions, tickets, servers and the journal: frozen, validated, without behaviour."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from parlour_protocol.kit.ids import DeviceId, Millis, SessionId
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.second_factor import FactorId, FactorKind


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may log in. ``password_hash`` is argon2id's encoded form."""

    user: UserName
    password_hash: str = field(repr=False)
    created: Millis
    disabled: bool = False
    deleted: Millis | None = None
    """When it was deleted: then it is disabled for good, and its name stays taken."""


@dataclass(frozen=True, slots=True)
class AccountOverview:
    """What the operator sees of an account: when one of its sessions was seen last, and how many live."""

    user: UserName
    created: Millis
    disabled: bool
    deleted: Millis | None
    last_seen: Millis | None
    sessions: int
    has_factor: bool
    factor_required: bool


@dataclass(frozen=True, slots=True)
class NewAccountRecord:
    """A new account. ``skeleton`` (UTS #39) must be unique among all accounts (M4)."""

    user: UserName
    skeleton: str
    password_hash: str = field(repr=False)
    created: Millis


@dataclass(frozen=True, slots=True)
class InviteRecord:
    """An invite: ``digest`` of its code, uses that are left, and when it ends (None: never).

    ``role`` is one of the program's ``invite_roles``, for the accounts that it creates, or empty.
    """

    digest: bytes = field(repr=False)
    uses: int
    created: Millis
    expires: Millis | None = None
    role: str = ""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A login. ``token`` is the digest of its bearer token.

    ``device`` is the name that its person chose; ``device_id`` its device with keys, if any. ``has_factor``:
    the account has a second factor now. ``factor_required``: the operator requires one of this account.
    ``public_key`` (Ed25519) is the session's own, if it has one.
    """

    id: SessionId
    user: UserName
    device: DeviceName
    token: bytes = field(repr=False)
    created: Millis
    last_seen: Millis
    expires: Millis
    device_id: DeviceId | None = None
    has_factor: bool = False
    factor_required: bool = False
    public_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class NewFactor:
    """A second factor that a session begins to set up, until it ``expires``."""

    id: FactorId
    user: UserName
    kind: FactorKind
    name: str
    secret: bytes = field(repr=False)
    session: SessionId
    created: Millis
    expires: Millis


@dataclass(frozen=True, slots=True)
class FactorRecord:
    """A second factor. ``secret`` is the secret of a TOTP app, or a security key's credential.

    ``counter`` is the half minute of the last TOTP code, or the key's signature counter.
    """

    id: FactorId
    user: UserName
    kind: FactorKind
    name: str
    created: Millis
    last_used: Millis | None
    secret: bytes = field(repr=False)
    counter: int


@dataclass(frozen=True, slots=True)
class AccountFactors:
    """The active factors of an account, how many recovery codes it has, and if the operator requires one."""

    factors: tuple[FactorRecord, ...]
    recovery_codes: int
    required: bool


@dataclass(frozen=True, slots=True)
class Challenge:
    """What an answer by a factor is for: a login on ``device``, or an action of ``session``.

    ``source`` is who asked for it, a session or an address: only its own challenges make room for others.
    ``password_hash`` is the account's while the challenge holds, None where nobody has looked.
    """

    user: UserName
    device: DeviceName
    session: SessionId | None
    source: str
    expires: Millis
    password_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TicketGrant:
    """The grant of a ticket: a connection of this session. ``expires`` is the session's end.

    ``device_id`` is the session's device at redemption, not at issue. ``public_key`` is the session's, which
    has to be proved.
    """

    session: SessionId
    user: UserName
    device: DeviceName
    expires: Millis
    device_id: DeviceId | None = None
    public_key: bytes | None = None


class AccountEnd(StrEnum):
    """What the operator did to an account, which ended its sessions."""

    DISABLED = "disabled"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """Sockets of this session must close now. ``why`` None: the session ended, and not the account."""

    session: SessionId
    user: UserName
    why: AccountEnd | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """The operator changed this, and every server must read it again."""

    what: str


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One entry of the journal. ``what`` is ``SessionEnded``, ``Changed``, or one of the program's own."""

    number: int
    what: object


NodeId = NewType("NodeId", str)
"""One run of a server."""


Failures = dict[str, tuple[int, Millis]]
"""Failed logins by key: their number, and when the last one was."""
