"""The name of a room: canonical like a user name, a little longer.

The same rules, 1 to 40 letters; `lobby` is allowed, a few words that the client uses are not.
`parse_room_name` is the only maker. The server calls it when a room is made or renamed.
"""

from typing import Final, Self

from parlour_protocol.names.canonical import canonical_name
from parlour_protocol.names.errors import NameReason, NameRefusedError
from parlour_protocol.names.reserved import is_reserved_room_name

MAX_ROOM_NAME: Final = 40
"""Grapheme clusters: letters with their marks."""
MAX_ROOM_NAME_BYTES: Final = 240
"""UTF-8: so many letters of three bytes with a mark each."""


class RoomName(str):
    """A canonical room name; only `parse_room_name` makes one."""

    __slots__ = ()

    def __new__(cls, *_args: object) -> Self:
        """Refuse: a name that was not parsed is not a RoomName."""
        raise TypeError("Only parse_room_name() makes a RoomName.")

    @classmethod
    def _parsed(cls, canonical: str) -> Self:
        return str.__new__(cls, canonical)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """Copy and unpickle by parsing again."""
        return parse_room_name, (str(self),)


def parse_room_name(raw: str) -> RoomName:
    """Return the canonical name; raise NameRefusedError with a sentence for the person."""
    name = canonical_name(raw, max_clusters=MAX_ROOM_NAME, max_bytes=MAX_ROOM_NAME_BYTES)
    if is_reserved_room_name(name):
        raise NameRefusedError(NameReason.RESERVED)
    return RoomName._parsed(name)  # noqa: SLF001 - the one maker
