"""The schema of the chat's database, as the kit's commands use it (`init`, `migrate`, `doctor`).

Alembic and SQLAlchemy are loaded only to create or change a database, never by a server or to check one.
"""

from pathlib import Path

from parlour_server.kit.store.engine.connection import check_schema, schema_of
from parlour_server.store.schema_version import SCHEMA_VERSION


class ChatSchema:
    """The revisions in `migrations`."""

    version = SCHEMA_VERSION

    def create(self, path: Path) -> None:
        """Create a database. Raises SetupError."""
        from parlour_server.store import migrate  # noqa: PLC0415 - loads Alembic

        migrate.create(path)

    def upgrade(self, path: Path) -> None:
        """Bring a database up to date. Raises SetupError."""
        from parlour_server.store import migrate  # noqa: PLC0415 - loads Alembic

        migrate.upgrade(path)

    def current(self, path: Path) -> str | None:
        """Return the revision of a database, None if it has none. Raises SetupError."""
        return schema_of(path)

    def check(self, path: Path) -> None:
        """Raise SetupError unless the database has the newest revision."""
        check_schema(path)
