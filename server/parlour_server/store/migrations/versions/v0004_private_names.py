"""Private rooms may share names: a refused name revealed that the room exists."""

import sqlalchemy as sa
from alembic import op

from parlour_server.store.migrations.batches import changed

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEYED = {"sqlite_strict": True, "sqlite_with_rowid": False}
_MARKED = "SELECT room, kind, skeleton FROM rooms WHERE skeleton LIKE '% %' ORDER BY room"
_TAKEN = "SELECT 1 FROM rooms WHERE kind = 'public' AND skeleton = :plain"


def upgrade() -> None:
    """Keep names unique only among public rooms."""
    with changed("rooms", **KEYED) as batch:
        batch.drop_constraint("uq_rooms_name", type_="unique")
        batch.drop_constraint("uq_rooms_skeleton", type_="unique")
    _unmark()
    op.create_index("ix_rooms_name", "rooms", ["name"])
    op.create_index("ix_rooms_skeleton", "rooms", ["skeleton"])
    op.create_index(
        "uq_rooms_public",
        "rooms",
        ["skeleton"],
        unique=True,
        sqlite_where=sa.text("kind = 'public'"),
        postgresql_where=sa.text("kind = 'public'"),
    )


def _unmark() -> None:
    """Give rooms whose name was one with another's their own skeleton, where they may have it now."""
    db = op.get_bind()
    for room, kind, marked in db.execute(sa.text(_MARKED)).all():
        plain = marked.partition(" ")[0]
        if kind != "public" or db.execute(sa.text(_TAKEN), {"plain": plain}).first() is None:
            update = sa.text("UPDATE rooms SET skeleton = :plain WHERE room = :room")
            db.execute(update, {"plain": plain, "room": room})
