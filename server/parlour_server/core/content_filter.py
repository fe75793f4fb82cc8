"""The content filter looks at requests and uploads before the program gets them, if there is one.

The dispatcher and the request guard ask it, so no program can leave it out; uploads are the program's to give
to it. Whatever it raises keeps the program from getting what it looked at.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import msgspec

from parlour_protocol.kit.fields import ReasonText

F = TypeVar("F", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender, and where they send to."""

    user: str
    room: str = ""
    connection: str = ""
    address: str = ""
    """Of someone who has not logged in."""

    @property
    def key(self) -> str:
        """The account, or the address of someone who has not logged in."""
        return self.user or self.address


@dataclass(frozen=True, slots=True)
class Passed(Generic[F]):
    """A frame that may go on. ``redacted``: what was removed from it, for its sender; empty for nothing."""

    frame: F
    redacted: ReasonText = ReasonText()


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file that was uploaded, with the name and the type that a message gives it."""

    size: int
    name: str
    media_type: str
    head: Callable[[int], Awaitable[bytes]]
    """Return its first bytes, at most so many; none if there is no such file."""


class UploadFilter(Protocol):
    """Looks at a file while it arrives."""

    async def more(self, data: bytes) -> None:
        """Look at what has arrived. It may be refused at the end only, when its sender listens."""
        ...

    async def end(self) -> None:
        """Return if the file may be kept. Raises RefusedError."""
        ...


class ContentFilter(Protocol):
    """Looks at what people send."""

    def frame(self, frame: F, sender: Sender) -> Passed[F] | Awaitable[Passed[F]]:
        """Return a request as it may go on; what is returned may raise RefusedError."""
        ...

    async def body(self, body: F, sender: Sender) -> F:
        """Return a body of the HTTPS API if it may go on. Raises RefusedError."""
        ...

    def upload(self, size: int, sender: Sender) -> UploadFilter:
        """Return what looks at a file of which its sender says that it has so many bytes."""
        ...

    async def file(self, file: NamedFile, sender: Sender) -> None:
        """Return if a message may name this file so. Raises RefusedError."""
        ...


@dataclass(frozen=True, slots=True)
class DevicePolicy:
    """A policy for people's own devices about what they write, which the server can't look at."""

    data: bytes
    setting: str
    """The operator's setting, for sentences."""
    about: str
    """Its contents in a few words, for the audit log."""
    words: int
    """How many words of a list are in it."""
