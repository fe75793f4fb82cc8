"""The operator's notices to everyone, each with its end; the journal tells running servers of each change."""

from collections.abc import Sequence
from typing import Final

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.limits import CURRENT_NOTICES
from parlour_protocol.kit.server_notices import NoticeId, NoticeText, ServerNotice
from parlour_server.core.errors import RefusedError
from parlour_server.core.kit_store import KitStore
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.core.store.engine.journal import note_changed

CHANGED: Final = "notices"
"""In the journal."""
_CURRENT: Final = "SELECT notice, at, expires, text FROM notices WHERE expires > ? ORDER BY at, notice"


class OperatorNotices:
    """The table of notices."""

    def __init__(self, store: KitStore) -> None:
        self._writer = store.writer
        self._readers = store.readers

    async def current(self, now: Millis) -> Sequence[ServerNotice]:
        """Return those that have not expired, oldest first."""
        return await self._readers.rows(_notice, _CURRENT, now)

    async def send(self, notice: ServerNotice) -> None:
        """Store a notice. Raises RefusedError if there are too many."""

        def write(db: WriteConnection) -> None:
            count = db.execute("SELECT count(*) FROM notices WHERE expires > ?", (notice.at,)).fetchone()[0]
            if count >= CURRENT_NOTICES.value:
                hint = f"there are {count} notices already: withdraw one first"
                raise RefusedError(ErrorCode.LIMIT_REACHED, hint)
            db.execute(
                "INSERT INTO notices (notice, at, expires, text) VALUES (?, ?, ?, ?)",
                (notice.notice, notice.at, notice.expires, plain(notice.text)),
            )
            note_changed(db, notice.at, CHANGED)

        await self._writer.submit(write)

    async def withdraw(self, notice: str, now: Millis) -> bool:
        """Remove a notice before its end; False if there is none."""

        def write(db: WriteConnection) -> bool:
            gone = db.execute("DELETE FROM notices WHERE notice = ? AND expires > ?", (notice, now))
            if gone.rowcount:
                note_changed(db, now, CHANGED)
            return gone.rowcount == 1

        return await self._writer.submit(write)


def _notice(notice: NoticeId, at: Millis, expires: Millis, text: str) -> ServerNotice:
    return ServerNotice(notice, at, expires, str.__new__(NoticeText, text))
