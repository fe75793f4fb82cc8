"""Names that are equal under Unicode case folding are the same: skeletons are computed again.

Where two such names exist already both stay. The older one keeps the skeleton, so no one can take the name a
third time; the other one's skeleton ends with a space and its own name, which no name can be taken for.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from parlour_protocol.kit.names import skeleton

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ACCOUNTS = "SELECT account, skeleton FROM accounts ORDER BY created, account"
_ROOMS = """
    SELECT name, skeleton FROM rooms r WHERE name IS NOT NULL
    ORDER BY (SELECT at FROM events e WHERE e.room = r.room AND e.seq = 1), name
"""


def upgrade() -> None:
    """Compute the skeletons of people and rooms again."""
    _fold("accounts", "account", _ACCOUNTS)
    _fold("rooms", "name", _ROOMS)


def _fold(table: str, column: str, query: str) -> None:
    db = op.get_bind()
    held = db.execute(sa.text(query)).all()
    changed = {name: new for name, new in _skeletons([name for name, _ in held]) if (name, new) not in held}
    update = sa.text(f"UPDATE {table} SET skeleton = :new WHERE {column} = :name")  # noqa: S608 - of ours
    # in two steps: the new skeleton of one may be the old one of another
    for name in changed:
        db.execute(update, {"name": name, "new": f"  {name}"})
    for name, new in changed.items():
        db.execute(update, {"name": name, "new": new})


def _skeletons(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return each name with its skeleton; the first of those that share one keeps it."""
    seen: set[str] = set()
    found = []
    for name in names:
        shape = str(skeleton(name))
        found.append((name, f"{shape} {name}" if shape in seen else shape))
        seen.add(shape)
    return found
