"""The command `parlour-server`. Importing this package loads click and nothing heavy."""

from parlour_server.chat.cli.command_line import COMMAND_LINE

main = COMMAND_LINE.main

__all__ = ["main"]
