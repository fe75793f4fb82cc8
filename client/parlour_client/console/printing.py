"""Printing lines for people: on a terminal each row after the first begins with a bar.

A line that a terminal breaks by itself goes on at its left edge, where a stranger's words, padded to the
width, would look like a line of Parlour's. What is no terminal gets the line as it is. The commands and the
line mode print through it; JSON is for scripts, and stays on one line everywhere.
"""

import os
import re
import sys
from typing import Final, TextIO

import click

from parlour_protocol.text.rows import hanging_rows

_USUAL: Final = 80
"""Columns of a terminal that does not say how many it has."""


_CODE: Final = re.compile("[A-Z0-9:]+")
"""A code of ours, to be copied from the terminal whole: no stranger's words are a line without a space."""


def echo(line: str, *, err: bool = False) -> None:
    """Print a line of our words with strangers' text in it; what follows a line break in it is theirs."""
    columns = _columns(sys.stderr if err else sys.stdout)
    click.echo(line if columns is None else _broken(line, columns), err=err)


def say(line: str) -> None:
    """Print a line beside what a person may be typing: it begins at the left edge of the terminal."""
    columns = _columns(sys.stdout)
    if columns is None:
        click.echo(line)
    else:
        click.echo("\r" + _broken(line, columns))


def _broken(line: str, columns: int) -> str:
    return line if _CODE.fullmatch(line) else "\n".join(hanging_rows(line, columns))


def _columns(stream: TextIO) -> int | None:
    """Return how wide the terminal is now; None for what is no terminal."""
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL
    except (OSError, ValueError):  # a terminal that cannot say it, or a stand-in without a descriptor
        return _USUAL
