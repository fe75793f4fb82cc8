"""The section `database` of the settings."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated

from msgspec import Meta

from parlour_server.core.config.server_settings import Section, refuse_url, without_secrets


class DatabaseSettings(Section, frozen=True):
    """The database: the SQLite file in the data folder, or a PostgreSQL server that several servers share."""

    url: Annotated[
        str,
        Meta(
            description="`postgresql://user@host/name`; empty: the SQLite file. The server's certificate is "
            "verified unless it is on this machine or the URL has another `sslmode`",
            extra={"shown": without_secrets},
        ),
    ] = ""
    password_file: Annotated[
        str,
        Meta(
            description="a file with the password, in the data folder or with its whole path; else libpq's "
            "own PGPASSFILE or PGPASSWORD"
        ),
    ] = ""

    def checks(self) -> Mapping[str, Callable[[], object]]:
        """Refuse another kind of URL."""
        return {"url": partial(refuse_url, self.url, "postgresql", "postgres")}
