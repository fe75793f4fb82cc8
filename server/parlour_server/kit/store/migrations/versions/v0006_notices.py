"""The operator's notices."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEYED = {"sqlite_strict": True, "sqlite_with_rowid": False}


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "notices",
        sa.Column("notice", TEXT, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("expires", NUMBER, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("notice", name="pk_notices"),
        **KEYED,
    )
    op.create_index("ix_notices_expires", "notices", ["expires"])
