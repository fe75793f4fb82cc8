"""Who asked for a challenge, so that no one makes room for their own by voiding another's."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Those from before have none; they last for minutes."""
    op.add_column("factor_challenges", sa.Column("source", TEXT, nullable=False, server_default=""))
