"""The commands. Importing this package loads only click, so that `parlour --help` is quick."""

from parlour_client.cli.root import main

__all__ = ["main"]
