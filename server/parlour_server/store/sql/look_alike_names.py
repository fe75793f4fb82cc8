"""Names that look alike, from before the current rules; a migration kept both.

The second of such a pair has a marked skeleton (see revision 0003). `doctor` reports them, since only the
operator can inform the people.
"""

from contextlib import closing
from typing import Final

from parlour_server.kit.store.engine.connection import Engine
from parlour_server.store.chat_schema import SCHEMA

_MARKED: Final = """
    SELECT account, skeleton, 'accounts' FROM accounts WHERE skeleton LIKE '% %'
    UNION ALL SELECT name, skeleton, 'rooms' FROM rooms WHERE skeleton LIKE '% %'
"""
_FIRST: Final = {
    "accounts": "SELECT account FROM accounts WHERE skeleton = ?",
    "rooms": "SELECT name FROM rooms WHERE skeleton = ? AND kind = 'public'",
}


def look_alikes(engine: Engine) -> list[tuple[str, str, str]]:
    """Return (older name, other name, `accounts` or `rooms`) of each pair. Raises SetupError."""
    SCHEMA.check(engine)
    with closing(engine.connect_reader()) as db:
        return [
            (older, name, kind)
            for name, marked, kind in db.execute(_MARKED).fetchall()
            for (older,) in db.execute(_FIRST[kind], (marked.partition(" ")[0],)).fetchall()
        ]
