"""`make demo`: a server that lives only for the demo, and a guest."""

import sys

from parlour_client.kit.demo import demo_main

from blank.frames import WIRE
from blank.screen import CounterScreen

if __name__ == "__main__":
    sys.exit(demo_main("Blank", WIRE, CounterScreen, server="blank.server"))
