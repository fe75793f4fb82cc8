"""`make demo`: a server that lives only for the demo, and a guest who watches prices."""

import sys

from parlour_client.kit.demo import demo_main
from parlour_protocol.kit.ids import new_request_id

from ticker.frames import SYMBOLS, WIRE, Price, Watch
from ticker.screen import PriceLink, PriceScreen


async def play(link: PriceLink) -> str:
    """Watch all symbols until each has had a price; this is what `--headless` does."""
    await link.ask(Watch(new_request_id(), SYMBOLS))
    seen: set[str] = set()
    async for push in link.pushes():
        if isinstance(push, Price):
            seen.add(push.symbol)
        if len(seen) == len(SYMBOLS):
            break
    return f"prices of {len(seen)} symbols arrive"


if __name__ == "__main__":
    sys.exit(demo_main("Ticker", WIRE, PriceScreen, play, server="ticker.server"))
