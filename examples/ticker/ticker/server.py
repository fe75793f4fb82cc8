"""The server, all of it: prices move, and people get those of the symbols that they watch."""

import asyncio
from random import Random

from parlour_protocol.kit.errors import ErrorCode
from parlour_server.app.app import App
from parlour_server.core.connections.peer import Peer
from parlour_server.core.errors import RefusedError

from ticker.frames import SYMBOLS, WIRE, Price, Watch
from ticker.rules import FIRST, moved

app: App[None] = App(WIRE, messages_per_minute=60, command="python -m ticker.server")


@app.on(Watch, role="member")
async def watch(peer: Peer[None], ask: Watch) -> None:
    """Send these prices from now on."""
    if unknown := set(ask.symbols).difference(SYMBOLS):
        raise RefusedError(ErrorCode.NOT_FOUND, f"there is no {min(unknown)}")
    peer.only(*(app.topic(symbol) for symbol in ask.symbols))


@app.background
async def move() -> None:
    """Move the prices, at random."""
    chance = Random()  # noqa: S311 - made-up prices
    prices = dict.fromkeys(SYMBOLS, FIRST)
    while True:
        for symbol, cents in prices.items():
            prices[symbol] = moved(cents, chance)
            app.topic(symbol).publish(Price(symbol, prices[symbol]))
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    app.main()
