"""How a program lets someone in: by an invite link, or with an account at a server's address."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from parlour_client.kit.account.second_factor import NO_DIALOG, FactorDialog
from parlour_client.kit.transport.trust import Trust
from parlour_protocol.kit.invite_link import InviteLink, ServerAddress
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.secret import Secret

L = TypeVar("L")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The account to log in, and this device's name."""

    user: UserName
    password: Secret
    device: DeviceName
    passphrase: Secret | None = None
    """How to lock what is kept on this computer, if that is offered."""
    dialog: FactorDialog = NO_DIALOG
    """Asks for a second factor."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where to log in, and how to verify who is there; no ``trust``: as the last time, or by the system."""

    address: ServerAddress
    trust: Trust | None = None


@dataclass(frozen=True, slots=True)
class Entrance(Generic[L, T]):
    """Logs in at a server, or joins with an invite link; both raise ``ParlourClientError``."""

    login: Callable[[Server, Credentials], Awaitable[T]]
    join: Callable[[L, Credentials], Awaitable[T]]
    parse: Callable[[str], L]
    """Reads an invite link. Raises ParlourProtocolError."""
    invite: Callable[[L], InviteLink]
    """Returns the part of a link that every program has."""
    scheme: str
    """The beginning of invite links."""
    device: str = ""
    """The name to propose for this device."""
    offers_passphrase: bool = False
    """Whether nothing is kept on this computer yet, so that the person can choose how to lock it."""
