"""Field types that need more than a pattern: names and the kinds of text.

A decoded frame contains only validated values. Text here has passed `text/wire_text.py`: it can be stored and
sent, but it must go through ``safe_text`` before it is shown.
"""

import functools
from typing import Any, ClassVar, Final, Self

from parlour_protocol.frames.opaque import OPAQUE_TYPES, Opaque
from parlour_protocol.limits import (
    FILE_NAME_BYTES,
    MESSAGE_BYTES,
    MESSAGE_LINES,
    REACTION_BYTES,
    REASON_BYTES,
    TOPIC_BYTES,
    Limit,
)
from parlour_protocol.names import (
    DeviceName,
    RoomName,
    UserName,
    parse_device_name,
    parse_room_name,
    parse_user_name,
)
from parlour_protocol.secret import Secret
from parlour_protocol.text.wire_text import check_wire_text


class WireText(str):
    """Text of another person, checked for the wire and *not* for the screen."""

    __slots__ = ()
    max_bytes: ClassVar[Limit] = MESSAGE_BYTES
    max_lines: ClassVar[int] = 1
    may_be_blank: ClassVar[bool] = False

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Return ``raw`` as this type.

        Raises WireTextError for text over the limit or with forbidden code points, and ValueError for blank
        text where text is required.
        """
        check_wire_text(raw, max_bytes=cls.max_bytes.value, max_lines=cls.max_lines)
        if not cls.may_be_blank and (not raw or raw.isspace()):
            raise ValueError("must not be empty")
        return cls(raw)


class MessageText(WireText):
    """The text of a message: up to 8 KiB of UTF-8 and 200 lines."""

    __slots__ = ()
    max_lines = MESSAGE_LINES.value


class TopicText(WireText):
    """A room's topic: one line; empty means none."""

    __slots__ = ()
    max_bytes = TOPIC_BYTES
    may_be_blank = True


class ReasonText(WireText):
    """Why someone was kicked, banned or refused: one line."""

    __slots__ = ()
    max_bytes = REASON_BYTES
    may_be_blank = True


class Reaction(WireText):
    """A reaction: one emoji or a short word, one line."""

    __slots__ = ()
    max_bytes = REACTION_BYTES


class FileName(WireText):
    """The sender's name of a file: one line, never used as a path."""

    __slots__ = ()
    max_bytes = FILE_NAME_BYTES

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Refuse separators as well, so that a name cannot escape a folder (CWE-22)."""
        if "/" in raw or "\\" in raw or raw.strip(". ") == "":
            raise ValueError("not a file name")
        return super().parse(raw)


_remembered: Final = functools.lru_cache(4096)
# A page of a log has the same few names hundreds of times. Refused names are not cached.

_PARSERS: Final[dict[type, Any]] = {
    UserName: _remembered(parse_user_name),
    RoomName: parse_room_name,
    DeviceName: _remembered(parse_device_name),
    Secret: Secret,
    **{kind: kind.parse for kind in (MessageText, TopicText, ReasonText, Reaction, FileName)},
    **{kind: kind.parse for kind in OPAQUE_TYPES},
}


def decode_field(kind: type, value: object) -> object:
    """Parse one field for msgspec's decoder (its ``dec_hook``). Raises ValueError for what is refused."""
    if not isinstance(value, str):
        raise ValueError("expected a string")  # noqa: TRY004 - msgspec reports ValueError as its own
    return _PARSERS[kind](value)


def encode_field(value: object) -> object:
    """Give a field's plain value to msgspec's encoder (its ``enc_hook``)."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Opaque):
        return value.text
    raise NotImplementedError(type(value).__name__)
