"""The name of a room: canonical like a user name, a little longer.

The same rules, 1 to 40 letters; `lobby` is allowed, a few words that the client uses are not.
`parse_room_name` is the only maker. The server calls it when a room is made or renamed.
"""

from typing import Final, Self

from parlour_protocol.kit.names.canonical import canonical_name
from parlour_protocol.kit.names.errors import NameReason, NameRefusedError
from parlour_protocol.kit.names.reserved import looks_like_one_of

_RESERVED: Final = "admin all everyone here me null parlour security server system you"
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
    def parse(cls, raw: str) -> Self:
        """Return the canonical name; raise NameRefusedError with a sentence for the person."""
        name = canonical_name(raw, max_clusters=MAX_ROOM_NAME, max_bytes=MAX_ROOM_NAME_BYTES)
        if looks_like_one_of(_RESERVED, name):
            raise NameRefusedError(NameReason.RESERVED)
        return str.__new__(cls, name)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """Copy and unpickle by parsing again."""
        return parse_room_name, (str(self),)


parse_room_name: Final = RoomName.parse
"""The same, named as the parsers of the other names are."""
