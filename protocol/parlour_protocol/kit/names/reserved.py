"""Reserved names: words that could speak for the server, or for everyone.

A name is reserved if it looks like one of the words without dots, dashes and signs, so `adm1n` and `ad-min`
are refused like `admin`. A program may have lists of its own.
"""

from functools import cache
from typing import Final

from parlour_protocol.kit.names.skeleton import Skeleton, skeleton

_SPEAKS_FOR_SERVER: Final = """
    abuse admin administrator admins daemon help hostmaster info mod moderator moderators mods notice
    notification notifications official operator operators owner parlour parlourserver postmaster root
    security server service staff sudo superuser support sysadmin sysop system webmaster
"""
_SPEAKS_FOR_OTHERS: Final = """
    all anonymous channel deleted everybody everyone false here lobby me myself nil nobody none null room self
    somebody someone true undefined unknown you
"""
_SIGNS: Final = {ord(char): None for char in "-_.\u00b7\u05f3\u05f4\u30fb"}


def is_reserved_user_name(name: str) -> bool:
    """Return whether the canonical name looks like a reserved word."""
    return looks_like_one_of(_SPEAKS_FOR_SERVER + _SPEAKS_FOR_OTHERS, name)


def looks_like_one_of(words: str, name: str) -> bool:
    """Return whether the canonical name looks like one of ``words``, which spaces separate."""
    return _bare(name) in _skeletons(words)


def _bare(name: str) -> Skeleton:
    return skeleton(name.translate(_SIGNS))


@cache
def _skeletons(words: str) -> frozenset[Skeleton]:
    return frozenset(skeleton(word) for word in words.split())
