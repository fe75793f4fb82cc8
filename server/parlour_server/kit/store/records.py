"""Records of accounts, sessions, tickets, servers and the journal: frozen, validated, without behaviour."""

from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class NewAccountRecord:
    """A new account. ``skeleton`` (UTS #39) must be unique among all accounts (M4)."""

    user: UserName
    skeleton: str
    password_hash: str = field(repr=False)
    created: Millis


@dataclass(frozen=True, slots=True)
class InviteRecord:
    """An invite: ``digest`` of its code, uses that are left, and when it ends (None: never)."""

    digest: bytes = field(repr=False)
    uses: int
    created: Millis
    expires: Millis | None = None


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A login. ``token`` is the digest of its bearer token.

    ``device`` is the name that its person chose; ``device_id`` its device with keys, if any.
    """

    id: SessionId
    user: UserName
    device: DeviceName
    token: bytes = field(repr=False)
    created: Millis
    last_seen: Millis
    expires: Millis
    device_id: DeviceId | None = None


@dataclass(frozen=True, slots=True)
class TicketGrant:
    """The grant of a ticket: a connection of this session. ``expires`` is the session's end.

    ``device_id`` is the session's device at redemption, not at issue.
    """

    session: SessionId
    user: UserName
    device: DeviceName
    expires: Millis
    device_id: DeviceId | None = None


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """Sockets of this session must close now."""

    session: SessionId
    user: UserName


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One entry of the journal. ``what`` is ``SessionEnded``, or an entry of the program's own."""

    number: int
    what: object


NodeId = NewType("NodeId", str)
"""One run of a server, among those that share a database."""


@dataclass(frozen=True, slots=True)
class AccountAtNode:
    """How many connections someone has at a server, and the status that its program gave them."""

    node: NodeId
    user: UserName
    connections: int
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesSeen:
    """What a server sees of the others when it renews its lease."""

    now: Millis
    """By the database's clock."""
    nodes: frozenset[NodeId]
    """Those with a lease, this one too."""
    accounts: tuple[AccountAtNode, ...]
    """At other servers: those that changed, or all."""
    is_complete: bool


Failures = dict[str, tuple[int, Millis]]
"""Failed logins by key: their number, and when the last one was."""
