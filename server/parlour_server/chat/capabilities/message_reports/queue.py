"""Abuse reports: stored with what the log has of the message, in the transaction that checks who reports it.

So a message that is deleted afterwards is still in its report. Open reports are limited, in all and for each
reporter; closed ones are pruned.
"""

from collections.abc import Sequence
from typing import Final

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import AnyBody, Blank, Edited, EncryptedMessage, Message
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.unions import members
from parlour_protocol.limits import OPEN_REPORTS, REPORTS_OF_REPORTER
from parlour_server.chat.capabilities.message_reports.records import NewReport, ReportRecord
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.sql.column_values import BODY_KINDS, read_body, room_name
from parlour_server.core.accounts.tables.authority import Authority, BySession, authorised
from parlour_server.core.clock import Clock
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.engine.column_values import UNREADABLE, plain, user_name
from parlour_server.core.store.engine.connection import Connection, WriteConnection

_COLUMNS: Final = (
    "report, at, reporter, room, room_name, seq, author, sent, encrypted, reason, note, quote, logged, file,"
    " closed, resolution"
)
_READ: Final = f"SELECT {_COLUMNS} FROM reports"  # noqa: S608 - columns of ours
_MESSAGES: Final = frozenset(BODY_KINDS[kind] for kind in members(AnyBody) if kind.rules.is_message)
_EDITED: Final = (
    "SELECT body FROM entries WHERE log = ? AND target = ? AND kind = 'edited' ORDER BY seq DESC LIMIT 1"
)


class Reports:
    """The queue of abuse reports, which only the operator reads."""

    def __init__(self, store: ChatStore, clock: Clock) -> None:
        """Use the open store; ``clock`` ends sessions."""
        self._writer = store.writer
        self._readers = store.readers
        self._clock = clock

    async def add(self, by: BySession, report: NewReport) -> ReportRecord:
        """Store a report, with what the log has of the message.

        Raises RefusedError: NOT_FOUND for a room that the reporter is not in, or no message; FORBIDDEN for
        their own; ALREADY for a second report of it; LIMIT_REACHED for too many open ones.
        """

        def write(db: WriteConnection, _: Authority) -> ReportRecord:
            name = _room_of_member(db, report)
            author, sent, body = _message(db, report.room, report.seq)
            if author == report.reporter:
                raise RefusedError(ErrorCode.FORBIDDEN, "this is your own message")
            _check_limits(db, report)
            logged, file = _in_log(db, report, body)
            encrypted = isinstance(body, EncryptedMessage) or (
                isinstance(body, Blank) and body.was == BODY_KINDS[EncryptedMessage]
            )
            row = (
                report.id,
                report.at,
                plain(report.reporter),
                report.room,
                name,
                report.seq,
                plain(author),
                sent,
                int(encrypted),
                report.reason.value,
                plain(report.note),
                plain(report.quote),
                logged,
                file,
                None,
                "",
            )
            marks = ", ".join("?" * len(row))
            db.execute(f"INSERT INTO reports ({_COLUMNS}) VALUES ({marks})", row)  # noqa: S608 - columns of ours
            return _record(*row)

        return await self._writer.submit(authorised(self._clock, by, write))

    async def count_open(self) -> Sequence[float]:
        """Return how many wait, as the only number of a row."""
        query = "SELECT count(*) FROM reports WHERE closed IS NULL"
        return await self._readers.rows(float, query)

    async def list(self, *, closed: bool) -> Sequence[ReportRecord]:
        """Return the open reports, oldest first; with ``closed`` the closed ones, too."""
        which = "" if closed else " WHERE closed IS NULL"
        return await self._readers.rows(_record, f"{_READ}{which} ORDER BY at, report")

    async def find(self, report: str) -> ReportRecord | None:
        """Return a report, open or closed."""
        return await self._readers.row(_record, f"{_READ} WHERE report = ?", report)

    async def close(self, report: str, now: Millis, resolution: str) -> bool:
        """Close an open report; False if it was closed before, or there is none."""

        def write(db: WriteConnection) -> bool:
            query = "UPDATE reports SET closed = ?, resolution = ? WHERE report = ? AND closed IS NULL"
            return db.execute(query, (now, resolution, report)).rowcount == 1

        return await self._writer.submit(write)


def _room_of_member(db: Connection, report: NewReport) -> str | None:
    """Return the room's name. Raises RefusedError if the reporter is not in it."""
    row = db.execute(
        "SELECT r.name FROM rooms r JOIN members m USING (room)"
        " WHERE r.room = ? AND m.account = ? AND m.consent != 'refused'",
        (report.room, plain(report.reporter)),
    ).fetchone()
    if row is None:
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room, or you are not in it")
    name: str | None = row[0]
    return name


def _message(db: Connection, room: RoomId, seq: Seq) -> tuple[UserName, Millis, AnyBody]:
    """Return a message's author, time and body, which may have been deleted. Raises RefusedError."""
    query = "SELECT author, at, body FROM entries WHERE log = ? AND seq = ?"
    author, at, raw = db.execute(query, (room, seq)).fetchone() or ("", 0, b"")
    try:
        body = read_body(raw)
    except UNREADABLE:  # or there is none
        body = None
    kind = body.was if isinstance(body, Blank) else BODY_KINDS.get(type(body))
    if body is None or kind not in _MESSAGES:
        raise RefusedError(ErrorCode.NOT_FOUND, "there is no such message")
    return user_name(author), Millis(at), body


def _check_limits(db: Connection, report: NewReport) -> None:
    reporter = plain(report.reporter)
    same = "SELECT 1 FROM reports WHERE reporter = ? AND room = ? AND seq = ?"
    if db.execute(same, (reporter, report.room, report.seq)).fetchone() is not None:
        raise RefusedError(ErrorCode.ALREADY, "you reported this message before")
    own = db.execute("SELECT count(*) FROM reports WHERE reporter = ? AND closed IS NULL", (reporter,))
    if own.fetchone()[0] >= REPORTS_OF_REPORTER.value:
        raise RefusedError(
            ErrorCode.LIMIT_REACHED, "the operator has not handled your earlier reports yet: try again later"
        )
    waiting = db.execute("SELECT count(*) FROM reports WHERE closed IS NULL")
    if waiting.fetchone()[0] >= OPEN_REPORTS.value:
        raise RefusedError(ErrorCode.LIMIT_REACHED, "the operator's list of reports is full: try again later")


def _in_log(db: Connection, report: NewReport, body: AnyBody) -> tuple[str | None, str | None]:
    """Return the newest text that the log has of a message, and its file."""
    if not isinstance(body, Message):
        return None, None
    text, row = body.text, db.execute(_EDITED, (report.room, report.seq)).fetchone()
    if row is not None:
        try:
            edited = read_body(row[0])
        except UNREADABLE:
            edited = None
        if isinstance(edited, Edited):
            text = edited.text
    return plain(text), None if body.file is None else f"{body.file.name} ({body.file.file})"


def _record(
    report: str,
    at: Millis,
    reporter: str,
    room: RoomId,
    name: str | None,
    seq: Seq,
    author: str,
    sent: Millis,
    encrypted: int,
    reason: str,
    note: str,
    quote: str,
    logged: str | None,
    file: str | None,
    closed: Millis | None,
    resolution: str,
) -> ReportRecord:
    return ReportRecord(
        report,
        at,
        user_name(reporter),
        room,
        room_name(name),
        seq,
        user_name(author),
        sent,
        bool(encrypted),
        reason,
        note,
        quote,
        logged,
        file,
        closed,
        resolution,
    )
