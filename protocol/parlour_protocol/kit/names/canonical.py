"""Shared by names of people and rooms: one canonical spelling, or a refusal.

RFC 8265 UsernameCaseMapped (which brings the bidi rule of RFC 5893 and the contexts of RFC 5892, such as a
ZWNJ between Persian letters), scripts that belong together, letters at both ends, nothing that the rule for
text would show otherwise. It never repairs a name beyond case and width. The `parse_…` functions call it. An
ASCII name loads neither PRECIS nor a table.
"""

import re
import unicodedata
from typing import Final

from parlour_protocol.kit.names.errors import NameReason, NameRefusedError

_RAW_FACTOR: Final = 8
"""A raw name this many times the limit is refused unread: normalising is not free."""
_ASCII_NAME: Final = re.compile(r"[a-z0-9._-]*")


def canonical_name(raw: str, *, max_clusters: int, max_bytes: int) -> str:
    """Return the canonical spelling; raise NameRefusedError with the reason.

    ``max_clusters`` counts letters with their marks, as people count them; ``max_bytes`` is of UTF-8.
    """
    if len(raw) > max_clusters * _RAW_FACTOR:
        raise NameRefusedError(NameReason.TOO_LONG)
    name = _canonical_ascii(raw) if raw.isascii() else _canonical_unicode(raw)
    if not name:
        raise NameRefusedError(NameReason.TOO_SHORT)
    if _clusters(name) > max_clusters or len(name.encode()) > max_bytes:
        raise NameRefusedError(NameReason.TOO_LONG)
    return name


def _clusters(name: str) -> int:
    """Count grapheme clusters (UAX #29), without joining the consonants of Indic conjuncts to one."""
    return sum(unicodedata.category(char)[0] not in "MC" for char in name)


def _canonical_ascii(raw: str) -> str:
    name = raw.lower()
    if _ASCII_NAME.fullmatch(name) is None:
        raise NameRefusedError(NameReason.CHARACTERS)
    if name and not (name[0].isalnum() and name[-1].isalnum()):
        raise NameRefusedError(NameReason.ENDS)
    return name


def _canonical_unicode(raw: str) -> str:
    # Imported here so that `parlour --help` does not pay for PRECIS and the tables.
    from parlour_protocol.kit.names.precis import enforce_user_name  # noqa: PLC0415
    from parlour_protocol.kit.names.scripts import require_scripts_that_belong_together  # noqa: PLC0415
    from parlour_protocol.kit.text.sanitiser import safe_text  # noqa: PLC0415

    name = enforce_user_name(raw)
    if name.isascii():  # full-width letters become ASCII ones
        return _canonical_ascii(name)
    require_scripts_that_belong_together(name)
    if not (name[0].isalnum() and unicodedata.category(name[-1])[0] in "LMN"):
        raise NameRefusedError(NameReason.ENDS)
    if safe_text(name).plain != name:
        raise NameRefusedError(NameReason.NOT_PLAIN)
    return name
