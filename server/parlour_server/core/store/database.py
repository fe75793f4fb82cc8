"""A database with its writer and its readers; what is in the tables is for others to know."""

from pathlib import Path

from parlour_protocol.kit.ids import Incarnation
from parlour_server.core.clock import Clock
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.connection import Engine
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.writer import Writer
from parlour_server.core.store.schema import Schema, engine_of


class Database:
    """It opens only a database with its schema, and never changes that.

    Any number of processes may open it at once, servers and commands: of one machine for a SQLite file.
    """

    def __init__(self, place: Path | Engine, schema: Schema, clock: Clock, *, announces: bool) -> None:
        """Prepare for the database of an engine, or the SQLite file at a path; ``open`` connects.

        ``announces``: see ``WriteConnection``.
        """
        self._engine = engine_of(place)
        self._schema = schema
        self._incarnation: Incarnation | None = None
        self._writer = Writer(self._engine, clock, announces=announces)
        self._readers = Readers(self._engine, clock)

    @property
    def is_shared(self) -> bool:
        """Whether several servers may use it at once."""
        return self._engine.is_shared

    @property
    def writer(self) -> Writer:
        """The writer of the database; metrics show its numbers."""
        return self._writer

    @property
    def readers(self) -> Readers:
        """The readers of the database; metrics show their numbers."""
        return self._readers

    @property
    def incarnation(self) -> Incarnation:
        """The incarnation of the logs, once the store is open; a restored backup gets a new one."""
        if self._incarnation is None:
            raise SetupError(f"{self._engine} is not open")
        return self._incarnation

    async def open(self, schema: Schema | None = None) -> None:
        """Connect. Raises SetupError if the database is missing or has another schema.

        ``schema`` has the tables of the program's capabilities, too.
        """
        (schema or self._schema).check(self._engine)
        found = self._engine.incarnation()
        self._incarnation = found and found[0]
        await self._writer.open()

    async def close(self) -> None:
        """Write what is queued and disconnect."""
        await self._readers.close()
        await self._writer.close()
