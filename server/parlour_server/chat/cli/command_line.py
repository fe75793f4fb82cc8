"""The command `parlour-server`: what every server has, and the rooms."""

from typing import TYPE_CHECKING, Final

from parlour_server.capabilities import CAPABILITIES
from parlour_server.chat.capabilities import CHAT_CAPABILITIES
from parlour_server.chat.cli.invite_commands import invite
from parlour_server.chat.cli.room_commands import room
from parlour_server.chat.name import NAME
from parlour_server.host.cli.command_line import CommandLine

if TYPE_CHECKING:
    from parlour_server.app.base_app import BaseApp
    from parlour_server.chat.settings import ChatSettings
    from parlour_server.chat.store.chat_store import ChatStore

_EXAMPLE: Final = """\b
Example, a server for friends:
  parlour-server init --data ~/parlour --name chat.example.org
  parlour-server run --data ~/parlour --listen 0.0.0.0:8443
  parlour-server invite create --data ~/parlour --uses 5
"""


def _load_chat() -> "BaseApp[ChatSettings, ChatStore]":
    from parlour_server.chat.program import CHAT  # noqa: PLC0415 - keeps `--help` quick

    return CHAT


COMMAND_LINE: Final = CommandLine(
    NAME,
    _load_chat,
    about="Run and administer a Parlour server. Commands also work while the server is running.",
    example=_EXAMPLE,
    package="parlour",
    commands=(room, invite),
    capabilities=(*CAPABILITIES, *CHAT_CAPABILITIES),
    contents=("lobby",),
)
