"""The game's client: the kit's app with the game's screen in it."""

import sys

from parlour_client.kit.main import client_main

from game.frames import WIRE, Follow, ListTables
from game.screen import GameScreen

if __name__ == "__main__":
    sys.exit(client_main("Game", WIRE, GameScreen, reads=(ListTables, Follow)))
