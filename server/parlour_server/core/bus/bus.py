"""The bus: notifications between servers. The store is authoritative; the bus only saves time.

A notification is a frozen value of a type that the kit (``SessionsEnded``) or the program has registered as a
``NoticeType``. It may be lost, repeated or reordered, and no receiver may depend on it: a lost
``SessionsEnded`` is found by the journal. It reaches the publisher's own subscribers before ``publish``
returns, and those servers that listen to one of its subjects: a server hears of the rooms and people that are
connected there, and of what concerns everyone. Every implementation passes
`tests/server/core/bus/bus_contract.py`.
"""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from parlour_protocol.kit.ids import SessionId
from parlour_protocol.kit.names import UserName

Handler = Callable[[object], None]
LossHandler = Callable[[Collection[str] | None], None]
"""Called with the subjects of which something may have been lost, None for all."""

EVERYONE: Final = "all"
"""The subject to which every server listens."""


_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def subject(kind: str, name: str) -> str:
    """Return the subject of a room, a person, a topic: a name with other characters is hashed."""
    if not _PLAIN.fullmatch(name):
        from hashlib import blake2b  # noqa: PLC0415 - see core/net/tls_groups.py

        name = "~" + blake2b(name.encode(), digest_size=16).hexdigest()
    return f"{kind}.{name}"


def user_subject(user: UserName) -> str:
    """Return the subject of an account: the servers where it is connected listen to it."""
    return subject("user", user)


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """Close the sockets of these sessions."""

    sessions: frozenset[SessionId]


N = TypeVar("N")


def _everyone(_notice: object) -> Iterable[str]:
    return (EVERYONE,)


@dataclass(frozen=True, slots=True)
class NoticeType(Generic[N]):
    """A type of notification: a frozen dataclass or struct that msgspec can write as JSON."""

    kind: type[N]
    word: str
    """Names it between servers, which may be of different versions: another meaning needs another word."""
    subjects: Callable[[N], Iterable[str]] = _everyone
    """Returns the subjects of a notification: each server that listens to one of them gets it, once."""


class Bus(Protocol):
    """Publishes to all servers, including this one."""

    @property
    def is_shared(self) -> bool:
        """Whether it reaches other servers."""
        ...

    def publish(self, notice: object) -> None:
        """Deliver to every server, in this caller's order. Never blocks, never raises for a lost peer."""
        ...

    def publish_elsewhere(self, notice: object) -> None:
        """Deliver to every server but this one."""
        ...

    def subscribe(self, handler: Handler) -> None:
        """Call ``handler`` in the event loop for every notification from now on. It must not raise."""
        ...

    def listen(self, subject: str) -> None:
        """Hear of this subject from other servers, until ``unlisten`` is called as often as ``listen``.

        What was published before the bus has arranged it is reported as lost.
        """
        ...

    def unlisten(self, subject: str) -> None:
        """Take one ``listen`` back."""
        ...

    def on_loss(self, handler: LossHandler) -> None:
        """Call ``handler`` whenever notifications may have been lost: read from the store what they told."""
        ...

    async def open(self) -> None:
        """Connect. Raises SetupError for what only the operator can mend."""
        ...

    async def close(self) -> None:
        """Disconnect; pending notifications are delivered first where that needs no waiting."""
        ...
