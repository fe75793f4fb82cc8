"""The numbers of Parlour's own MLS extensions (RFC 9420 section 17.3: private use), and its cipher suites."""

from typing import Final

from parlour_protocol.rooms import RoomSuite

ROOM_BINDING: Final = 0xF0C0
"""Group context: the server, the room and its kind, so that a group can't be used for another room."""
CERTIFICATE: Final = 0xF0C1
"""Leaf: the account's certificate for the device."""
TREE_KEY: Final = 0xF0C2
"""Group info: the key of the encrypted ratchet tree that comes with a Welcome."""
MEMBERSHIP: Final = 0xF0C3
"""Group context: the digest of the room's roster, so that members who disagree about it share no epoch."""

KNOWN: Final = frozenset((ROOM_BINDING, CERTIFICATE, TREE_KEY, MEMBERSHIP))
"""The capabilities of every Parlour client."""
SUITES: Final = tuple(suite.value for suite in RoomSuite)
"""The same for key packages."""
