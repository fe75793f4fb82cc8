"""A schema with a later revision than a database has, which adds the table `later`."""

import shutil
from dataclasses import replace
from pathlib import Path

from parlour_server.core.store.schema import Schema

_SECOND = """
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    op.execute("CREATE TABLE later (number INTEGER)")
    op.execute("{statement}")
"""


def later(schema: Schema, folder: Path, statement: str = "SELECT 1") -> Schema:
    """Return it; its revisions are written into ``folder``, and the later one runs ``statement`` at last."""
    migrations = folder / "migrations"
    shutil.copytree(schema.migrations, migrations)
    (migrations / "versions" / "v0002_later.py").write_text(_SECOND.format(statement=statement))
    return replace(schema, migrations=migrations)
