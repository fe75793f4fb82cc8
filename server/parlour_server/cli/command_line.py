"""The command `parlour-server`: what every server has, and the rooms."""

from typing import Final

from parlour_server.cli.room_commands import room
from parlour_server.kit.cli.command_line import CommandLine

_EXAMPLE: Final = """\b
Example, a server for friends:
  parlour-server init --data ~/parlour --name chat.example.org
  parlour-server run --data ~/parlour --listen 0.0.0.0:8443
  parlour-server invite create --data ~/parlour --uses 5
"""
COMMAND_LINE: Final = CommandLine(
    "parlour-server",
    about="Run and administer a Parlour server. Commands also work while the server is running.",
    example=_EXAMPLE,
    package="parlour",
    commands=(room,),
)
