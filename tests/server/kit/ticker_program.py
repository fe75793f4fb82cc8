"""A ticker, all of it: prices move, and people get those of the symbols that they watch."""

import asyncio
from itertools import count
from typing import Annotated

from msgspec import Meta

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.frames import Push, Request
from parlour_server.kit.app import App
from parlour_server.kit.connections.peer import Peer
from parlour_server.kit.errors import RefusedError

SYMBOLS = ("ACME", "GLOBEX", "INITECH")
Symbol = Annotated[str, Meta(pattern=r"\A[A-Z]{1,8}\Z")]


class Watch(Request, frozen=True, tag="watch"):
    """Get the prices of these symbols, and of no others."""

    symbols: Annotated[tuple[Symbol, ...], Meta(max_length=len(SYMBOLS))]


class Price(Push, frozen=True, tag="price"):
    """The price of a symbol now, in cents."""

    symbol: Symbol
    cents: Annotated[int, Meta(ge=0, le=1_000_000_000)]


app: App[None] = App("ticker.v1", requests=Watch, pushes=Price, messages_per_minute=60)


@app.on(Watch)
async def watch(peer: Peer[None], ask: Watch) -> None:
    """Send these prices from now on."""
    if unknown := set(ask.symbols).difference(SYMBOLS):
        raise RefusedError(ErrorCode.NOT_FOUND, f"there is no {min(unknown)}")
    peer.only(*(app.topic(symbol) for symbol in ask.symbols))


@app.background
async def move() -> None:
    """Move the prices."""
    for cents in count(10_000):
        for symbol in SYMBOLS:
            app.topic(symbol).publish(Price(symbol, cents % 1_000_000))
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    app.main()
