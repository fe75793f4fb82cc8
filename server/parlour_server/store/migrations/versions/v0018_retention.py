"""How long messages are kept, for the server and for each room, and the bytes of each room."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PLAIN = {"sqlite_strict": True}


def upgrade() -> None:
    """Everything is kept for ever; the bytes of each room are counted once."""
    op.add_column("rooms", sa.Column("kept_days", sa.Integer(), nullable=True))
    op.add_column("rooms", sa.Column("next_days", sa.Integer(), nullable=True))
    op.add_column("rooms", sa.Column("next_from", NUMBER, nullable=False, server_default="0"))
    op.add_column("rooms", sa.Column("kept_from", NUMBER, nullable=False, server_default="0"))
    op.add_column("rooms", sa.Column("removed_days", sa.Integer(), nullable=True))
    op.add_column("rooms", sa.Column("bytes", NUMBER, nullable=False, server_default="0"))
    op.execute(
        "UPDATE rooms SET bytes ="
        " (SELECT coalesce(sum(length(body)), 0) FROM events WHERE events.room = rooms.room)"
    )
    op.add_column("rooms", sa.Column("file_bytes", NUMBER, nullable=False, server_default="0"))
    op.execute(
        "UPDATE rooms SET file_bytes ="
        " (SELECT coalesce(sum(size), 0) FROM files WHERE files.room = rooms.room)"
    )
    op.create_table(
        "retention",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kept_days", sa.Integer(), nullable=True),
        sa.Column("next_days", sa.Integer(), nullable=True),
        sa.Column("next_from", NUMBER, nullable=False, server_default="0"),
        # expiry goes by `trusted`; see the kit's `store/engine/trusted_clock.py`
        sa.Column("trusted", NUMBER, nullable=False, server_default="0"),
        sa.Column("looked", NUMBER, nullable=False, server_default="0"),
        sa.Column("held", NUMBER, nullable=False, server_default="0"),
        sa.CheckConstraint("id = 1", name="one_row"),
        sa.PrimaryKeyConstraint("id", name="pk_retention"),
        **PLAIN,
    )
