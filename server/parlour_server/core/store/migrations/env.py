"""Alembic's environment: runs the revisions on the connection that `host/setup/migrate.py` opened.

It reads no configuration file and does not connect. All revisions of an upgrade share one transaction, so a
failed upgrade leaves the database unchanged. Alembic loads this file by its path.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=False,
    render_as_batch=True,  # SQLite cannot change a column: Alembic copies the table instead
)
with context.begin_transaction():
    context.run_migrations()
