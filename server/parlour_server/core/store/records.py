"""Records of accounts, sessions, tickets, servers and the journal: frozen, validated, without behaviour."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from parlour_protocol.kit.ids import DeviceId, Millis, SessionId
from parlour_protocol.kit.names import DeviceName, UserName


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may log in. ``password_hash`` is argon2id's encoded form."""

    user: UserName
    password_hash: str = field(repr=False)
    created: Millis
    disabled: bool = False
    deleted: Millis | None = None
    """When it was deleted: then it is disabled for good, and its name stays taken."""
    needs_proof: bool = False
    """The password is not enough to log in; a capability knows what else is."""


@dataclass(frozen=True, slots=True)
class AccountOverview:
    """An account as the operator sees it: when one of its sessions was seen last, and how many live."""

    user: UserName
    created: Millis
    disabled: bool
    deleted: Millis | None
    last_seen: Millis | None
    sessions: int
    needs_proof: bool
    """As in ``SessionRecord``."""
    proof_required: bool


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

    ``device`` is the name that its person chose; ``device_id`` its device with keys, if any.
    ``needs_proof``: the account's password is not enough now. ``proof_required``: the operator wants that of
    this account.
    ``public_key`` (Ed25519) is the session's own, if it has one. ``proved_elsewhere``: as of ``ByLogin``.
    """

    id: SessionId
    user: UserName
    device: DeviceName
    token: bytes = field(repr=False)
    created: Millis
    last_seen: Millis
    expires: Millis
    device_id: DeviceId | None = None
    needs_proof: bool = False
    proof_required: bool = False
    public_key: bytes | None = None
    proved_elsewhere: bool = False


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
    """The operator's change of an account, which ended its sessions."""

    DISABLED = "disabled"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """Sockets of this session must close now. ``why`` None: the session ended, and not the account."""

    session: SessionId
    user: UserName
    why: AccountEnd | None = None


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """The account has another role: what it got by the old one must end."""

    user: UserName


@dataclass(frozen=True, slots=True)
class Changed:
    """The operator changed this, and every server must read it again."""

    what: str


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One entry of the journal. ``what`` is one of those above, or one of the program's own."""

    number: int
    what: object


NodeId = NewType("NodeId", str)
"""One run of a server."""


Failures = dict[str, tuple[int, Millis]]
"""Failed logins by key: their number, and when the last one was."""
