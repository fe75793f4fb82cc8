"""Abuse reports."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAG = sa.Integer()
KEYED = {"sqlite_strict": True, "sqlite_with_rowid": False}


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "reports",
        sa.Column("report", TEXT, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("reporter", TEXT, nullable=False),
        sa.Column("room", TEXT, nullable=False),
        sa.Column("room_name", TEXT, nullable=True),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("author", TEXT, nullable=False),
        sa.Column("sent", NUMBER, nullable=False),
        sa.Column("encrypted", FLAG, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("quote", TEXT, nullable=False),
        # what the log had: absent for an encrypted or deleted message
        sa.Column("logged", TEXT, nullable=True),
        sa.Column("file", TEXT, nullable=True),
        # when the operator closed it
        sa.Column("closed", NUMBER, nullable=True),
        sa.Column("resolution", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("report", name="pk_reports"),
        sa.UniqueConstraint("reporter", "room", "seq", name="uq_reports_reporter_room_seq"),
        **KEYED,
    )
    op.create_index("ix_reports_closed", "reports", ["closed"])
