"""The authors of entries: what someone wrote in all logs of a program, and its change of author."""

from collections.abc import AsyncIterator
from functools import partial

from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_server.app.log.log import LogId
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.retention import BATCH
from parlour_server.core.store.engine.writer import Writer


class Authors:
    """Finds entries by who wrote them."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def count_of(self, user: UserName) -> int:
        """Return how many entries someone wrote, in all logs."""
        query = "SELECT count(*) FROM entries WHERE author = ?"
        return await self._readers.row(int, query, plain(user)) or 0

    async def change_author(self, user: UserName, pseudonym: UserName) -> int:
        """Make ``pseudonym`` the author of what someone wrote, a batch at a time; returns how many."""
        changed = 0
        while user != pseudonym and (
            some := await self._writer.submit(partial(_change_author, user=user, pseudonym=pseudonym))
        ):
            changed += some
        return changed

    async def written_by(self, user: UserName) -> AsyncIterator[tuple[LogId, Seq, Millis, bytes]]:
        """Yield what someone wrote, log by log."""
        query = "SELECT DISTINCT log FROM entries WHERE author = ? ORDER BY log"
        for log in await self._readers.rows(str, query, plain(user)):
            after = Seq(0)
            while page := await self._readers.rows(
                lambda *row: row,
                "SELECT log, seq, at, body FROM entries WHERE log = ? AND author = ? AND seq > ?"
                " ORDER BY seq LIMIT ?",
                log,
                plain(user),
                after,
                BATCH,
            ):
                for row in page:
                    yield row
                after = page[-1][1]


def _change_author(db: WriteConnection, user: UserName, pseudonym: UserName) -> int:
    found = db.execute(
        "SELECT log, seq FROM entries WHERE author = ? LIMIT ?", (plain(user), BATCH)
    ).fetchall()
    db.executemany(
        "UPDATE entries SET author = ? WHERE log = ? AND seq = ?",
        [(plain(pseudonym), *row) for row in found],
    )
    return len(found)
