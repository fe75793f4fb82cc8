"""Prints lines for people: on a terminal each row after the first begins with a bar, or with a word.

A line that a terminal wraps continues at its left edge, where a stranger's words, padded to the width, would
look like a line of Parlour's. Without a terminal the line is printed as it is. The commands and the line mode
print through it; JSON is for scripts, and stays on one line everywhere.
"""

import os
import re
import sys
from typing import Final, TextIO

import click

from parlour_protocol.kit.text.rows import hanging_rows, spoken_rows

_USUAL: Final = 80
"""Columns of a terminal that does not report its width."""


_CODE: Final = re.compile("[A-Z0-9:]+")
"""A code of ours, to be copied from the terminal whole: a line without a space is never a stranger's."""


def echo(line: str, *, err: bool = False) -> None:
    """Print a line of our words with strangers' text in it; after a line break it is their text."""
    columns = _columns(sys.stderr if err else sys.stdout)
    click.echo(line if columns is None else _broken(line, columns), err=err)


def say(line: str, mark: str) -> None:
    """Print a line above text that a person may be typing: it begins at the left edge of the terminal.

    It may be read aloud: a further row of someone's text begins with the mark, which is a word.
    """
    columns = _columns(sys.stdout)
    if columns is None:
        click.echo(line)
    else:
        click.echo("\r" + (line if _CODE.fullmatch(line) else "\n".join(spoken_rows(line, columns, mark))))


def _broken(line: str, columns: int) -> str:
    return line if _CODE.fullmatch(line) else "\n".join(hanging_rows(line, columns))


def _columns(stream: TextIO) -> int | None:
    """Return the terminal's current width; None without a terminal."""
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL
    except (OSError, ValueError):  # a terminal that cannot say it, or a stand-in without a descriptor
        return _USUAL
