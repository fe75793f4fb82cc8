"""The people whom the archive knows: to complete their names without a network."""

from typing import Final

import apsw

from parlour_client.core.model import SYSTEM_ACCOUNT
from parlour_protocol.kit.names import NameRefusedError, UserName, parse_user_name

_LOOKED_AT: Final = 2000
"""Newest events whose authors count: of a long history that is a few milliseconds."""


def known_people(connection: apsw.Connection) -> frozenset[UserName]:
    """Return those of direct rooms, those with a known key, and those who wrote lately."""
    query = """
        SELECT user FROM pins UNION
        SELECT json_extract(summary, '$.peer') AS peer FROM rooms WHERE peer IS NOT NULL UNION
        SELECT author FROM (SELECT author FROM events ORDER BY id DESC LIMIT ?)"""
    found = (_name(str(user)) for (user,) in connection.execute(query, (_LOOKED_AT,)))
    return frozenset(name for name in found if name is not None and name != SYSTEM_ACCOUNT)


def _name(text: str) -> UserName | None:
    """Check a name that a server once sent: it may be completed in a shell."""
    try:
        return parse_user_name(text)
    except NameRefusedError:
        return None
