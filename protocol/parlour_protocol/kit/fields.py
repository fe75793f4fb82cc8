"""Field types that need more than a pattern: names, secrets, bytes and the kinds of text.

A decoded frame contains only validated values. A program's own type is a ``WireText``, an ``Opaque``, or
another ``str`` with a ``parse`` of its own. Text here has passed `text/wire_text.py`: it can be stored and
sent, but it must go through ``safe_text`` before it is shown.
"""

import functools
from collections.abc import Callable
from typing import ClassVar, Final, Protocol, Self, runtime_checkable

from parlour_protocol.kit.limits import REASON_BYTES
from parlour_protocol.kit.names import DeviceName, UserName, parse_device_name, parse_user_name
from parlour_protocol.kit.opaque import Opaque
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.text.wire_text import check_wire_text


class WireText(str):
    """Text of another person, checked for the wire and *not* for the screen.

    A kind of text is a subclass that says its ``max_bytes`` (of UTF-8).
    """

    __slots__ = ()
    max_bytes: ClassVar[int]
    max_lines: ClassVar[int] = 1
    may_be_blank: ClassVar[bool] = False

    @classmethod
    def parse(cls, raw: str) -> Self:
        """Return ``raw`` as this type.

        Raises WireTextError for text over the limit or with forbidden code points, and ValueError for blank
        text where text is required.
        """
        check_wire_text(raw, max_bytes=cls.max_bytes, max_lines=cls.max_lines)
        if not cls.may_be_blank and (not raw or raw.isspace()):
            raise ValueError("must not be empty")
        return cls(raw)


class ReasonText(WireText):
    """Why someone was kicked, banned or refused: one line."""

    __slots__ = ()
    max_bytes = REASON_BYTES.value
    may_be_blank = True


@runtime_checkable
class ParsedField(Protocol):
    """A type whose values are made from text by ``parse``, which raises ValueError for what it refuses."""

    def parse(self, raw: str, /) -> object:
        """Return the value."""


class _Parsers(dict[type, Callable[[str], object]]):
    """The parser of each field type; those of a program are found by their ``parse``."""

    def __missing__(self, kind: type) -> Callable[[str], object]:
        if not isinstance(kind, ParsedField):
            raise TypeError(f"{kind.__name__} has no parse()")
        parser = self[kind] = kind.parse
        return parser


_remembered: Final = functools.lru_cache(4096)
# A page of a log has the same few names hundreds of times. Refused names are not cached.

_PARSERS: Final = _Parsers(
    {UserName: _remembered(parse_user_name), DeviceName: _remembered(parse_device_name), Secret: Secret}
)


def is_field_type(kind: type) -> bool:
    """Return whether ``decode_field`` and ``encode_field`` know this type."""
    return kind in _PARSERS or (issubclass(kind, str | Opaque) and isinstance(kind, ParsedField))


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
