"""Names that look alike, from before the current rules; a migration kept both.

The second of such a pair has a marked skeleton (see revision 0003). `doctor` reports them, since only the
operator can inform the people.
"""

from pathlib import Path

from parlour_server.kit.store.engine.sqlite_engine import connect_reader
from parlour_server.store.chat_schema import SCHEMA

_PAIRS = """
    SELECT a.account, b.account, 'accounts' FROM accounts b JOIN accounts a
    ON a.skeleton = substr(b.skeleton, 1, instr(b.skeleton, ' ') - 1) WHERE instr(b.skeleton, ' ') > 0
    UNION ALL
    SELECT a.name, b.name, 'rooms' FROM rooms b JOIN rooms a
    ON a.skeleton = substr(b.skeleton, 1, instr(b.skeleton, ' ') - 1) AND a.kind = 'public'
    WHERE instr(b.skeleton, ' ') > 0
"""


def look_alikes(path: Path) -> list[tuple[str, str, str]]:
    """Return (older name, other name, `accounts` or `rooms`) of each pair. Raises SetupError."""
    SCHEMA.check(path)
    db = connect_reader(path)
    try:
        return [(one, other, kind) for one, other, kind in db.execute(_PAIRS)]
    finally:
        db.close()
