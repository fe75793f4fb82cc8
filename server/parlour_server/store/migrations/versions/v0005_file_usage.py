"""How many bytes files take is kept, for each owner and for all, instead of summed at each upload."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table and fill it; the index that the sums were read from is of no use any more."""
    op.create_table(
        "file_usage",
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("bytes", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_file_usage"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO file_usage (owner, bytes) SELECT owner, sum(size) FROM files GROUP BY owner")
    op.execute("INSERT INTO file_usage (owner, bytes) SELECT '', coalesce(sum(size), 0) FROM files")
    op.drop_index("ix_files_owner_size", table_name="files")
