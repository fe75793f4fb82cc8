"""Groups and files are found by their room without a search of the whole table.

SQLite uses a partial index only for a query with the index's own words, and none says `WHERE in_force`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_groups_room", "groups")
        op.create_index(
            "ix_groups_room", "groups", ["room"], unique=True, sqlite_where=sa.text("in_force = 1")
        )
    op.create_index("ix_files_room", "files", ["room"])
