"""The name of a person: the id that others write, canonical and hard to imitate.

RFC 8265 UsernameCaseMapped, scripts that belong together, 1 to 32 letters, not reserved; `parse_user_name` is
the only maker and never repairs more than case and width. The server calls it for every request, the client
before it sends one.
"""

from typing import Final, Self

from parlour_protocol.kit.names.canonical import canonical_name
from parlour_protocol.kit.names.errors import NameReason, NameRefusedError
from parlour_protocol.kit.names.reserved import is_reserved_user_name

MAX_USER_NAME: Final = 32
"""Grapheme clusters: letters with their marks."""
MAX_USER_NAME_BYTES: Final = 192
"""UTF-8: so many letters of three bytes with a mark each."""

PSEUDONYM: Final = "deleted-"
"""How the name begins that a server gives to the author of what a deleted account wrote."""


class UserName(str):
    """A canonical user name; only `parse_user_name` makes one."""

    __slots__ = ()

    def __new__(cls, *_args: object) -> Self:
        """Refuse: a name that was not parsed is not a UserName."""
        raise TypeError("Only parse_user_name() makes a UserName.")

    @classmethod
    def _parsed(cls, canonical: str) -> Self:
        return str.__new__(cls, canonical)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """Copy and unpickle by parsing again."""
        return parse_user_name, (str(self),)


def parse_user_name(raw: str) -> UserName:
    """Return the canonical name; raise NameRefusedError with a sentence for the person."""
    name = canonical_name(raw, max_clusters=MAX_USER_NAME, max_bytes=MAX_USER_NAME_BYTES)
    if is_reserved_user_name(name):
        raise NameRefusedError(NameReason.RESERVED)
    return UserName._parsed(name)  # noqa: SLF001 - the one maker


def is_pseudonym(user: UserName) -> bool:
    """Return whether a name is kept for authors whose accounts were deleted; nobody can register it."""
    return user.startswith(PSEUDONYM)
