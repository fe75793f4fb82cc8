"""Makes the engine of a PostgreSQL database, whose driver is an extra."""

from pathlib import Path
from typing import TYPE_CHECKING

from parlour_server.core.errors import SetupError

if TYPE_CHECKING:
    from parlour_server.capabilities.postgres.engine import PostgresEngine


def open_engine(url: str, password_file: Path | None = None, *, read_only: bool = False) -> "PostgresEngine":
    """Return the engine, which connects to nothing yet. Raises SetupError, also without the driver."""
    try:
        from parlour_server.capabilities.postgres.engine import PostgresEngine  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SetupError(
            f"PostgreSQL needs its driver ({error}); "
            "install Parlour's extra `cluster` (docs/how-to/install.md)"
        ) from error
    return PostgresEngine(url, password_file, read_only=read_only)
