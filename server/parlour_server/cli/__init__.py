"""The command `parlour-server`. Importing this package loads click and nothing heavy."""

from parlour_server.cli.root import main

__all__ = ["main"]
