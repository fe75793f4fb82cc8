"""The client's command: the kit's app with this program's screen in it."""

import sys

from parlour_client.kit.main import client_main

from blank.frames import WIRE
from blank.screen import CounterScreen

if __name__ == "__main__":
    sys.exit(client_main("Blank", WIRE, CounterScreen))
