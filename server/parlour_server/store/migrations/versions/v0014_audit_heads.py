"""The signed heads of the audit logs (M30)."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEYED = {"sqlite_strict": True, "sqlite_with_rowid": False}


def upgrade() -> None:
    """Make the table; the next start of each server fills it."""
    op.create_table(
        "audit_heads",
        sa.Column("chain", TEXT, nullable=False),
        sa.Column("records", NUMBER, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("signed_at", TEXT, nullable=False),
        sa.Column("public_key", TEXT, nullable=False),
        sa.Column("signature", TEXT, nullable=False),
        sa.Column("place", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_audit_heads"),
        **KEYED,
    )
