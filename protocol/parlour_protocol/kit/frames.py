"""The base of all frames, and the kinds of frames that the state machine knows.

A frame is a frozen struct with a tag, without unknown fields. A program's frames inherit from ``Request`` and
``Push``; ``Hello``, ``Ok`` and ``Error`` are ready for it.
"""

from typing import TYPE_CHECKING, Annotated, ClassVar, Generic, TypeVar

import msgspec
from msgspec import Meta

from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.id_fields import (
    Count,
    MillisField,
    RequestIdField,
    ServerNameField,
    SessionIdField,
)
from parlour_protocol.kit.names import DeviceName, UserName

if TYPE_CHECKING:
    from parlour_protocol.kit.ids import RequestId

R = TypeVar("R")


CodeField = Annotated[str, Meta(pattern=r"\A[a-z_]{1,40}\Z")]


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """One JSON object, one text frame. The tag ``type`` tells which."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An object inside a frame."""


class Greeting(Frame, frozen=True):
    """The first frame of a connection, from the server."""


class Request(Frame, frozen=True):
    """A request; ``id`` is the client's own."""

    inspected: ClassVar[bool] = True
    """Whether inspectors look at it; not at what only the operator reads."""
    answered_by_server: ClassVar[bool] = False
    """Whether the server does, for every program: it is a read, and one that not every server offers."""

    id: RequestIdField


class Answer(Frame, frozen=True):
    """The answer to one request. Each kind has a field ``re``, the request's id."""

    if TYPE_CHECKING:  # an inherited field would come first on the wire

        @property
        def re(self) -> RequestId | None:
            """The request's id, or None where it could not be read."""


class Success(Answer, frozen=True):
    """The answer to a request that was done. Each kind has the fields ``result`` and ``redacted``."""

    if TYPE_CHECKING:

        @property
        def result(self) -> object:
            """One of the program's results, or None."""

        @property
        def redacted(self) -> str:
            """A sentence for the person about what the server removed from the request; empty if nothing."""
            ...


class Refusal(Answer, frozen=True):
    """The answer to a request that was refused. Each kind has the fields of ``Error``."""

    if TYPE_CHECKING:

        @property
        def code(self) -> str:
            """Why, for programs."""
            ...

        @property
        def hint(self) -> str:
            """Why, for the person."""
            ...

        @property
        def retry_after(self) -> int | None:
            """When to try again, in milliseconds."""


class Push(Frame, frozen=True):
    """A frame that a server sends without being asked."""


class Ok(Success, Generic[R], frozen=True, tag="ok"):
    """The request ``re`` was done. ``result`` is one of the program's results, or absent.

    ``redacted`` says what an inspector removed from the request before it was handled.
    """

    re: RequestIdField  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer
    result: R | None = None  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer
    redacted: ReasonText = ReasonText()  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer


class Error(Refusal, frozen=True, tag="error"):
    """The request ``re`` was refused and changed nothing.

    ``re`` is absent if the frame was so malformed that its id could not be read. ``hint`` is a sentence for
    the person; ``retry_after`` is in milliseconds.
    """

    code: CodeField  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer
    re: RequestIdField | None = None  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer
    hint: ReasonText = ReasonText()  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer
    retry_after: Count | None = None  # pyright: ignore[reportIncompatibleMethodOverride] - see Answer


class Hello(Greeting, frozen=True, tag="hello"):
    """Your name, and the server's time."""

    server: ServerNameField
    user: UserName
    device: DeviceName
    session: SessionIdField
    now: MillisField
