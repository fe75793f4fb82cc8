"""The commands. Importing this package loads click alone, so that `parlour --help` is quick."""

from parlour_client.cli.root import main

__all__ = ["main"]
