"""The three places where a person gives a command."""

from enum import Enum


class Front(Enum):
    """Where a person gives a command."""

    UI = "ui"
    """`/name` on the chat screen."""
    LINE = "line"
    """`/name` in the line mode."""
    CLI = "cli"
    """`parlour name` in a shell."""
