"""The doors: how a screen gets a client, told as callables of the composition root.

The screen parses what was typed into types; whoever gives the doors connects, checks the server and saves
the account, and knows where the other accounts of the person are. Raise ``ParlourClientError`` to say no in
words.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from parlour_client.core.interface import ChatClient
from parlour_protocol.invite_link import InviteLink, ServerAddress
from parlour_protocol.names import DeviceName, UserName
from parlour_protocol.secret import Secret


@dataclass(frozen=True, slots=True)
class Person:
    """Who wants to come in."""

    user: UserName
    password: Secret
    device: DeviceName
    passphrase: Secret | None = None
    """What the archive is to be locked with, where that is offered."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Log in at an address, or join with an invite link. Both return a client that is not started."""

    login: Callable[[ServerAddress, Person], Awaitable[ChatClient]]
    join: Callable[[InviteLink, Person], Awaitable[ChatClient]]
    device: str = ""
    """What to propose as this device's name."""
    offers_passphrase: bool = False
    """Whether there is no archive yet, so that one can say how to lock it."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An account that was opened: its name, its home folder, and a client or the doors to one."""

    name: str
    folder: Path
    inside: ChatClient | Doors


@dataclass(frozen=True, slots=True)
class Accounts:
    """The person's accounts, by name."""

    current: str
    names: Callable[[], Sequence[str]]
    locked: Callable[[str], bool]
    """Whether a passphrase is needed."""
    open: Callable[[str, Secret | None], Awaitable[Opened]]
    """Open one; the name of ``current`` opens that one again. Raises ParlourClientError, nothing changed."""

    def moved_to(self, name: str) -> "Accounts":
        """Return the same accounts with another one open."""
        return replace(self, current=name)
