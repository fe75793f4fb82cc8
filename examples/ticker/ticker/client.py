"""The ticker's client: the kit's app with the ticker's screen in it."""

import sys

from parlour_client.kit.main import client_main

from ticker.frames import WIRE
from ticker.screen import TickerScreen

if __name__ == "__main__":
    sys.exit(client_main("Ticker", WIRE, TickerScreen))
