"""The server's decisions: values in, values out. Nothing here knows of sockets, clocks or screens."""

from typing import Final

HIGHEST: Final = 999


def added(total: int, number: int) -> int:
    """Return the counter after this; after ``HIGHEST`` it begins again."""
    return (total + number) % (HIGHEST + 1)
