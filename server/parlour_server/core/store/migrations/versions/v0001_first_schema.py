"""The tables of the first release.

A new database gets the newest tables at once (``migrate.create``), so there is nothing to do for them here.
"""

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Do nothing: no database is older."""
