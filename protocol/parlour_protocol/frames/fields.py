"""The kinds of text in the chat's frames."""

from typing import Annotated, Self

from msgspec import Meta

from parlour_protocol.kit.fields import WireText
from parlour_protocol.limits import (
    FILE_NAME_BYTES,
    MESSAGE_BYTES,
    MESSAGE_LINES,
    REACTION_BYTES,
    RETENTION_DAYS,
    TOPIC_BYTES,
)

Days = Annotated[int, Meta(ge=1, le=RETENTION_DAYS.value)]
"""How long messages are kept."""


class MessageText(WireText):
    """The text of a message: up to 8 KiB of UTF-8 and 200 lines."""

    __slots__ = ()
    max_bytes = MESSAGE_BYTES.value
    max_lines = MESSAGE_LINES.value


class TopicText(WireText):
    """A room's topic: one line; empty means none."""

    __slots__ = ()
    max_bytes = TOPIC_BYTES.value
    may_be_blank = True


class Reaction(WireText):
    """A reaction: one emoji or a short word, one line."""

    __slots__ = ()
    max_bytes = REACTION_BYTES.value


class FileName(WireText):
    """The sender's name of a file: one line, never used as a path."""

    __slots__ = ()
    max_bytes = FILE_NAME_BYTES.value

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Refuse separators as well, so that a name cannot escape a folder (CWE-22)."""
        if "/" in raw or "\\" in raw or raw.strip(". ") == "":
            raise ValueError("not a file name")
        return super().parse(raw)
