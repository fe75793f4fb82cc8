"""The client's command: the kit's app with this program's screen in it."""

import sys

from parlour_client.kit.main import client_main

from game.frames import WIRE
from game.screen import MatchScreen

if __name__ == "__main__":
    sys.exit(client_main("Game", WIRE, MatchScreen))
