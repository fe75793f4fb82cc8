"""The store of a program: accounts, sessions, the journal and logs, in one file, and tables of its own."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from parlour_protocol.kit.errors import ProgramError
from parlour_server.app.log.authors import Authors
from parlour_server.app.log.holes import find_holes
from parlour_server.app.log.kind import A, E, F, LogKind
from parlour_server.app.log.log import LogAdvanced
from parlour_server.app.log.stored_log import StoredLog
from parlour_server.core.clock import Clock
from parlour_server.core.kit_store import KitStore
from parlour_server.core.program_name import ProgramName
from parlour_server.core.store.engine.connection import Connection, Engine
from parlour_server.core.store.engine.integrity import Check
from parlour_server.core.store.engine.retention import KIT_RULES
from parlour_server.core.store.schema import Schema, find_nothing
from parlour_server.core.store.table_facts import Rule

if TYPE_CHECKING:
    from sqlalchemy import MetaData


def _no_tables() -> "MetaData":
    from sqlalchemy import MetaData  # noqa: PLC0415 - not for every command

    return MetaData()


class ProgramStore(KitStore):
    """Accounts, sessions, tickets, failed logins, the journal and logs.

    ``tells_by_bus``: every append is published by this process, so the journal leaves it out. Otherwise the
    journal announces each entry in its own transaction.

    A program with tables of its own inherits from it (``App(store=…)``): its ``__init__`` takes and passes
    on the same arguments, then makes an object for its tables of ``self._writer`` and ``self._readers``, as
    the kit's are made here.
    """

    revisions: ClassVar[Path | None] = None
    """The folder with Alembic's revisions of the own tables; the first one's ``down_revision`` is "0001"."""
    version: ClassVar[str] = "none"
    """The newest of them. They compare as text, and begin with a letter: shop0001, shop0002."""
    rules: ClassVar[tuple[Rule, ...]] = ()
    """The rules by which ``prune`` deletes rows of the program's own tables."""
    find_damage: ClassVar[Check] = staticmethod(find_nothing)
    """`doctor` and backups: yields what is damaged in the own tables, as sentences."""

    @classmethod
    def check_revisions(cls) -> None:
        """Raise ProgramError if the newest revision of the own tables is not ``version``."""
        if cls.revisions is None:
            newest = "none"
        else:
            sources = "".join(path.read_text(encoding="utf-8") for path in cls.revisions.glob("*.py"))
            newest = max(re.findall(r'^revision = "(.+)"$', sources, re.MULTILINE), default="missing")
        if cls.version != newest:
            raise ProgramError(
                f"{cls.__name__}.version is {cls.version}, but its newest revision is {newest}"
            )

    @classmethod
    def schema(cls, program: ProgramName) -> Schema:
        """Return the schema of the kit's tables and the own ones; ``program`` is named in what goes wrong."""

        def find_damage(db: Connection, tables: frozenset[str]) -> Iterator[str]:
            if "logs" not in tables:
                yield "it holds no logs"
                return
            for hole in find_holes(db):
                yield f"log {hole.log!a} has {hole.found} entries, and should have {hole.due}"
            yield from cls.find_damage(db, tables)

        return Schema(
            program=program,
            tables=_no_tables,
            own_revisions=cls.revisions,
            find_damage=find_damage,
        )

    def __init__(
        self, place: Path | Engine, program: ProgramName, clock: Clock, *, tells_by_bus: bool = False
    ) -> None:
        """Prepare for the database; ``open`` connects."""
        super().__init__(
            place,
            self.schema(program),
            clock,
            announces=not tells_by_bus,
            rules=(*KIT_RULES, *self.rules),
            journal_columns=("log", "seq"),
            read_entry=LogAdvanced,
        )
        self._clock = clock
        self.authors = Authors(self._writer, self._readers)

    def open_log(self, kind: LogKind[A, E, F]) -> StoredLog[A, E, F]:
        """Return the logs of a kind in this store."""
        return StoredLog(self._writer, self._readers, self._clock, kind)
