"""The text of a file: of its head, and of what follows it, piece by piece.

What most of its first bytes say decides whether it is text: UTF-8, UTF-16, UTF-32, or one byte a character as
in Latin-1. A piece begins with the end of the one before it and ends between words, so that nothing is cut in
two that an inspector could have found.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

HEAD_BYTES: Final = 64 * 1024
"""The beginning of a file, and the size of the pieces after it."""
OVERLAP_BYTES: Final = 4 * 1024
"""More than what the inspectors look for: a key in three lines, a phrase of eight words."""
_WORD_BYTES: Final = 1024
"""So far back the end of a word is looked for."""
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NO_TEXT: Final = bytes(point for point in range(32) if point not in b"\b\t\n\v\f\r\x1b")
_MOST_CONTROLS: Final = 0.05
"""Random bytes have twice as many, a log with a damaged line in it has fewer."""
_ONE_BYTE: Final = "parlour.one_byte_each"
_WIDE_ZEROS: Final = 0.4
"""Of every second byte: as in UTF-16 that is mostly ASCII."""


def first_text(head: bytes, size: int) -> str | None:
    """Return the beginning of a file of ``size`` bytes as text, None if it is not text."""
    encoding = _encoding(head)
    if encoding is None:
        return None
    is_cut = size > len(head) >= HEAD_BYTES
    return _decoded(head[: _end(head, encoding)] if is_cut else head, encoding)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of a text file, in which no character is cut in two."""

    data: bytes
    encoding: str

    @property
    def text(self) -> str:
        """Their text; decoding is linear, but not cheap in a file of one byte a character."""
        return _decoded(self.data, self.encoding)


class FileTexts:
    """Reads what follows the head of a file."""

    def __init__(self, head: bytes) -> None:
        """Take the head, which is not returned again but for its last ``OVERLAP_BYTES``."""
        self._encoding = _encoding(head)
        self._bytes = bytearray(head[self._start(head, len(head)) :])
        self._seen = len(self._bytes)

    @property
    def is_text(self) -> bool:
        """Whether the head says that it is a text file."""
        return self._encoding is not None

    def more(self, data: bytes) -> Iterator[Piece]:
        """Return the pieces that are complete with these bytes."""
        if self._encoding is None:
            return
        self._bytes += data
        while len(self._bytes) >= HEAD_BYTES + OVERLAP_BYTES:
            piece = bytes(self._bytes[: HEAD_BYTES + OVERLAP_BYTES])
            end = _end(piece, self._encoding)
            yield Piece(piece[:end], self._encoding)
            start = self._start(piece, end)
            del self._bytes[:start]
            self._seen = end - start

    def end(self) -> Iterator[Piece]:
        """Return the last piece, if there is one."""
        if self._encoding is not None and len(self._bytes) > self._seen:
            yield Piece(bytes(self._bytes), self._encoding)

    def _start(self, data: bytes, end: int) -> int:
        """Return where the next piece begins if this one ends at ``end``."""
        at = max(0, end - OVERLAP_BYTES)
        return at and _end(data[:at], self._encoding or "")


def _encoding(head: bytes) -> str | None:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    half = len(head) // 2
    if half and head[1::2].count(0) >= _WIDE_ZEROS * half > head[::2].count(0):
        return "utf-16-le"
    if half and head[::2].count(0) >= _WIDE_ZEROS * half > head[1::2].count(0):
        return "utf-16-be"
    controls = len(head) - len(head.translate(None, _NO_TEXT))
    return "utf-8" if controls <= _MOST_CONTROLS * len(head) else None


def _end(data: bytes, encoding: str) -> int:
    """Return where to cut, so that neither a word nor a character is cut in two."""
    if encoding != "utf-8":
        return len(data) - len(data) % 4
    tail = data[-_WORD_BYTES:]
    space = max(map(tail.rfind, b"\t\n\r "))
    if space >= 0:
        return len(data) - len(tail) + space + 1
    at = len(data)
    while at > len(data) - 4 and at > 0 and data[at - 1] & 0xC0 == 0x80:  # noqa: PLR2004 - a following byte
        at -= 1
    return at - 1 if at and data[at - 1] >= 0xC0 else at  # noqa: PLR2004 - the first byte of a character


def _decoded(data: bytes, encoding: str) -> str:
    return data.decode(encoding, _ONE_BYTE if encoding == "utf-8" else "replace")


def _one_byte_each(error: UnicodeError) -> tuple[str, int]:
    """Read what is not UTF-8 as Windows and Latin-1 files have it."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_ONE_BYTE, _one_byte_each)
