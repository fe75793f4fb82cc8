"""The frames between client and server. ``Wire`` checks them when this is imported."""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from parlour_protocol.kit.frames import Error, Hello, Ok, Push, Request
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.wire import Wire

HIGHEST: Final = 999


class Add(Request, frozen=True, tag="add"):
    """Add to the counter; 0 only shows it."""

    number: Annotated[int, Meta(ge=0, le=10)]


class Count(Push, frozen=True, tag="count"):
    """The counter now, and who added to it last."""

    total: Annotated[int, Meta(ge=0, le=HIGHEST)]
    user: UserName


Requests: TypeAlias = Add
Results: TypeAlias = None
Pushes: TypeAlias = Count

WIRE: Final[Wire[Requests, Hello | Ok[Results] | Error | Pushes]] = Wire(
    "blank.v1", requests=Requests, results=Results, pushes=Pushes
)
