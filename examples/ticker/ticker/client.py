"""The client's command: the kit's app with this program's screen in it."""

import sys

from parlour_client.kit.main import client_main

from ticker.frames import WIRE
from ticker.screen import PriceScreen

if __name__ == "__main__":
    sys.exit(client_main("Ticker", WIRE, PriceScreen))
