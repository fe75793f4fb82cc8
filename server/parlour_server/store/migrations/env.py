"""Alembic's environment: runs the revisions on the connection that `migrate.py` opened.

It never reads a configuration file and never connects by itself; all revisions of one upgrade share one
transaction, so an upgrade that fails leaves the database as it was. Alembic loads it by its path.
"""

from alembic import context

from parlour_server.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
    render_as_batch=True,  # SQLite cannot change a column: Alembic copies the table instead
)
with context.begin_transaction():
    context.run_migrations()
