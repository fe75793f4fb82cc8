"""Changes to tables that SQLite can make only by copying them; the revisions share this."""

from contextlib import AbstractContextManager
from typing import Any

from alembic import op
from alembic.operations import BatchOperations


def changed(table: str, **options: Any) -> AbstractContextManager[BatchOperations]:
    """Change a table: SQLite copies it, with these ``options``; others alter it."""
    recreate: Any = "always" if op.get_context().dialect.name == "sqlite" else "never"
    return op.batch_alter_table(table, recreate=recreate, table_kwargs=options)
