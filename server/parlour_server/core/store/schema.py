"""The schema of a program's database, and whether a database has it.

A server refuses a database with any other version; only commands create and upgrade one
(`host/setup/migrate.py`).
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from parlour_server.core.errors import SetupError
from parlour_server.core.program_name import ProgramName
from parlour_server.core.store.engine.connection import Connection, Engine, NotADatabaseError
from parlour_server.core.store.engine.integrity import Check, damage
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.core.store.revisions import Revisions, read_revisions
from parlour_server.core.store.table_facts import AccountRows, Rule, Tables

if TYPE_CHECKING:
    from sqlalchemy import MetaData

_MIGRATIONS: Final = Path(__file__).with_name("migrations")


def find_nothing(_db: Connection, _tables: frozenset[str]) -> Iterator[str]:
    """Find no damage: there are no tables of the program's own."""
    return iter(())


def _change_nothing(_db: Connection) -> None:
    return


def engine_of(place: Path | Engine) -> Engine:
    """Return the engine of a database: a path is that of a SQLite file."""
    return SqliteEngine(place) if isinstance(place, Path) else place


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The tables beside the kit's, and what backups and `doctor` must know of them."""

    program: ProgramName
    tables: "Callable[[], MetaData]"
    """Returns them as a new database gets them; called by commands only, because it loads SQLAlchemy."""
    migrations: Path = _MIGRATIONS
    """The folder with Alembic's `env.py`, and in `versions/` the revisions of the kit's tables."""
    capabilities: tuple[Tables, ...] = ()
    """The tables of the capabilities of the server."""
    own_revisions: Path | None = None
    """A folder with revisions of a program's tables, a branch of those of the kit."""
    find_damage: Check = find_nothing
    """`doctor` and backups: what is damaged in the program's tables."""
    restored: Callable[[Connection], None] = _change_nothing
    """`backup restore`: changes what must not be as it was at the backup."""

    @cached_property
    def version(self) -> str:
        """The newest revision, or the newest ones of several branches; ``current`` is the same."""
        return _words(self._revisions.newest)

    @cached_property
    def folders(self) -> tuple[Path, ...]:
        """The folders with revisions."""
        return (self.migrations / "versions", *([self.own_revisions] if self.own_revisions else []))

    @cached_property
    def _revisions(self) -> Revisions:
        return read_revisions(*self.folders)

    def current(self, place: Path | Engine) -> str | None:
        """Return the newest revisions that were applied, None if there are none. Raises SetupError."""
        found = self._all_applied(engine_of(place))
        return _words(found) if found else None

    def _all_applied(self, engine: Engine) -> frozenset[str]:
        if isinstance(engine, SqliteEngine) and not engine.path.is_file():
            raise SetupError(f"there is no database at {engine}; make one with `{self.program.command} init`")
        try:
            return engine.revisions()
        except NotADatabaseError as error:
            raise SetupError(f"{engine} is not a {self.program.title} database: {error}") from error

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules by which rows in tables of capabilities are deleted."""
        return tuple(rule for tables in self.capabilities for rule in tables.rules)

    @property
    def of_accounts(self) -> tuple[AccountRows, ...]:
        """The rows about accounts in the tables of capabilities."""
        return tuple(rows for tables in self.capabilities for rows in tables.of_accounts)

    @property
    def bounds(self) -> dict[str, str]:
        """The bound of each table of a capability."""
        return {name: words for tables in self.capabilities for name, words in tables.bounds.items()}

    def is_newest(self, place: Path | Engine) -> bool:
        """Return whether the database has this schema, the tables of each capability, too. Raises SetupError.

        Those of capabilities that it does not have any more stay as they are.
        """
        engine = engine_of(place)
        if self.applied(engine) != self._revisions.newest:
            return False
        with engine.explained(), closing(engine.connect_reader()) as db:
            return self.bounds.keys() <= engine.table_names(db)

    def check(self, place: Path | Engine) -> None:
        """Raise SetupError unless it is a database with the newest schema."""
        engine = engine_of(place)
        if not self.is_newest(engine):
            raise SetupError(f"{engine} has an older schema; run `{self.program.command} migrate`")
        engine.check_rights()

    def damage(self, place: Path | Engine) -> list[str]:
        """Return the damage in the database as sentences; none for an intact one."""
        return damage(engine_of(place), self._find_damage)

    def _find_damage(self, db: Connection, tables: frozenset[str]) -> Iterator[str]:
        for find in (self.find_damage, *(part.find_damage for part in self.capabilities)):
            yield from find(db, tables) if find is not None else ()

    def applied(self, engine: Engine) -> frozenset[str]:
        """Return the applied revisions. Raises SetupError if there are none, or any that is unknown."""
        found = self._all_applied(engine)
        if not found:
            raise SetupError(self._not_ours(engine))
        if not found <= self._revisions.known:
            raise SetupError(
                f"{engine} has a schema that this {self.program.command} does not know ({_words(found)}):"
                " a newer version made it, or one from before the first release; install that version"
            )
        return found

    def _not_ours(self, engine: Engine) -> str:
        if not isinstance(engine, SqliteEngine):
            make = f"make them with `{self.program.command} init`"
            return f"{engine} has no tables of {self.program.title}; {make}"
        if engine.path.stat().st_size == 0:
            return (
                f"{engine} is empty: its data is gone; restore a backup into a new folder"
                f" (for a new, empty server remove the file, then run `{self.program.command} init`)"
            )
        return f"{engine} is not a {self.program.title} database; restore a backup into a new folder"


def _words(revisions: frozenset[str]) -> str:
    return ", ".join(sorted(revisions))
