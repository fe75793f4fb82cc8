"""The frames between client and server. ``Wire`` checks them when this is imported."""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from parlour_protocol.kit.frames import Error, Hello, Ok, Push, Request
from parlour_protocol.kit.wire import Wire

SYMBOLS: Final = ("ACME", "GLOBEX", "INITECH", "UMBRELLA")
Symbol = Annotated[str, Meta(pattern=r"\A[A-Z]{1,8}\Z")]


class Watch(Request, frozen=True, tag="watch"):
    """Get the prices of these symbols, and of no others."""

    symbols: Annotated[tuple[Symbol, ...], Meta(max_length=len(SYMBOLS))]


class Price(Push, frozen=True, tag="price"):
    """The price of a symbol now, in cents."""

    symbol: Symbol
    cents: Annotated[int, Meta(ge=0, le=1_000_000_000)]


Requests: TypeAlias = Watch
Results: TypeAlias = None
Pushes: TypeAlias = Price

WIRE: Final[Wire[Requests, Hello | Ok[Results] | Error | Pushes]] = Wire(
    "ticker.v1", requests=Requests, results=Results, pushes=Pushes
)
