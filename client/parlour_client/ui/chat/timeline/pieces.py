"""Pieces of rows: text with the name of its style. ``painter`` turns the names into styles."""

from enum import StrEnum
from typing import Final, NamedTuple

from parlour_client.text.formatting import StyleKind
from parlour_protocol.kit.names import UserName


class Look(StrEnum):
    """The styles of pieces; each is a component class `timeline--…` of the widget."""

    TEXT = "text"
    ESCAPE = "escape"
    GUTTER = "gutter"
    MENTION = "mention"
    AUTHOR = "author"
    AGAIN = "again"
    TIME = "time"
    META = "meta"
    FAILED = "failed"
    QUOTE = "quote"
    EVENT = "event"
    DATE = "date"
    UNREAD = "unread"
    MISSING = "missing"


class Piece(NamedTuple):
    """A part of a row."""

    text: str
    look: Look
    kinds: tuple[StyleKind, ...] = ()
    """The formatting and links that add to the look, the outermost first."""
    person: UserName | None = None
    """Whose colour it has."""


OWN_MARK: Final = "· "
"""Before a row of our own words: others' text has another mark before each of its rows."""
OWN: Final = Piece(OWN_MARK, Look.META)
"""The first piece of a row of our own within a text."""
Row = tuple[Piece, ...]
