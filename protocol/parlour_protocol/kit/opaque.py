"""Bytes as base64url text in a frame.

The text form is canonical: no padding, no spare bits, so that equal bytes are equal text (M1: parser
differentials).
"""

import base64
import binascii
import re
from typing import ClassVar, Final, Self

_TEXT: Final = re.compile(r"[A-Za-z0-9_-]*")
_SLICE: Final = 64 * 1024
"""Characters that are read or written at once: a long text must not hold up other threads (L27)."""


class Opaque(bytes):
    """Bytes with a size limit, ``max_bytes``. Each kind is its own type, so they cannot be confused."""

    __slots__ = ()
    max_bytes: ClassVar[int]
    min_bytes: ClassVar[int] = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read base64url (RFC 4648 section 5) without padding. Raises ValueError."""
        # The cheap check comes first: text that is too long is not decoded.
        if len(text) > -(-cls.max_bytes * 4 // 3):
            raise ValueError("too long")
        value = b"".join(_decoded(text[at : at + _SLICE]) for at in range(0, len(text), _SLICE))
        if not cls.min_bytes <= len(value) <= cls.max_bytes:
            raise ValueError("too short or too long")
        return cls(value)

    @property
    def text(self) -> str:
        """The same as text in a frame."""
        step = _SLICE // 4 * 3
        return "".join(_encoded(self[at : at + step]) for at in range(0, len(self), step))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} bytes)"


def _decoded(text: str) -> bytes:
    """Read a slice: four characters are three bytes, so each but the last is complete. Raises ValueError."""
    if not _TEXT.fullmatch(text):
        raise ValueError("not base64url")
    try:
        value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if _encoded(value) != text:
        raise ValueError("base64url with spare bits")
    return value


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
