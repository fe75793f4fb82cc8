"""The audit log: one structured line for each security-relevant action, in the log and in a chain (M7, M30).

``Audit.record`` takes a fixed event name and fields; it never takes a password, a ticket, a token or the
text of a message (K7), and a newline in a field cannot start a second line (M5), because lines are JSON.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import Final

from parlour_server.kit.audit_file import AuditFile
from parlour_server.kit.clock import Clock, SystemClock
from parlour_server.kit.log_limiter import MINUTE, LogLimiter, Summary
from parlour_server.kit.logs import log
from parlour_server.kit.token_buckets import rate_limit_key


class AuditEvent(StrEnum):
    """The kinds of events that every server has; a program has an enum of its own besides."""

    LOGIN_OK = "login_ok"
    LOGIN_FAILED = "login_failed"
    LOGIN_THROTTLED = "login_throttled"
    SECOND_FACTOR_ASKED = "second_factor_asked"
    SECOND_FACTOR_FAILED = "second_factor_failed"
    SECOND_FACTOR_ADDED = "second_factor_added"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_REPLACED = "recovery_codes_replaced"
    ACCOUNT_MADE = "account_made"
    ACCOUNT_REFUSED = "account_refused"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of an event
    SESSION_ENDED = "session_ended"
    TICKET_ISSUED = "ticket_issued"
    TICKET_REDEEMED = "ticket_redeemed"
    HANDSHAKE_REFUSED = "handshake_refused"
    CONNECTION_OPENED = "connection_opened"
    CONNECTION_CLOSED = "connection_closed"
    REQUEST_REFUSED = "request_refused"
    LIMIT_HIT = "limit_hit"
    INSPECTED = "inspected"
    INSPECTOR_FAILED = "inspector_failed"
    SERVER_STARTED = "server_started"
    SERVER_STOPPED = "server_stopped"
    RELOADED = "reloaded"
    OPERATOR_ACTION = "operator_action"


REPEATABLE: Final[frozenset[StrEnum]] = frozenset(
    {
        AuditEvent.LOGIN_FAILED,
        AuditEvent.LOGIN_THROTTLED,
        AuditEvent.SECOND_FACTOR_FAILED,
        AuditEvent.ACCOUNT_REFUSED,
        AuditEvent.HANDSHAKE_REFUSED,
        AuditEvent.REQUEST_REFUSED,
        AuditEvent.LIMIT_HIT,
        AuditEvent.INSPECTED,
        AuditEvent.INSPECTOR_FAILED,
    }
)
"""Refusals, which anyone can cause as often as they like. Every action that succeeded gets its own line."""


class Audit:
    """Writes audit events as log lines: `{"event": "login_failed", "audit": true, …}`, and counts them.

    Repeated refusals are logged at first and then counted; once a minute a line gives how many were
    `left_out`.
    """

    def __init__(
        self,
        count: Callable[[StrEnum], None] | None = None,
        clock: Clock | None = None,
        repeatable: Collection[StrEnum] = (),
        file: AuditFile | None = None,
        write: Callable[..., str] = log,
    ) -> None:
        """``count`` is called with every event, for the metrics; ``repeatable``: a program's own refusals.

        ``file`` is the server's chain, and ``write`` its log. A command has neither: it leaves its action to
        the server.
        """
        self._write_line = write
        self._count = count
        self._repeatable = REPEATABLE.union(repeatable)
        self._clock = clock or SystemClock()
        self._repeats = LogLimiter(self._clock.monotonic())
        self._file = file

    def record(self, event: StrEnum, **fields: str | float | bool | None) -> None:
        """Write one line, or count the event. Never raises and never waits."""
        if self._count is not None:
            self._count(event)
        now = self._clock.monotonic()
        self._summarise(self._repeats.due(now))
        if event not in self._repeatable or self._repeats.should_log(event.value, _source(fields), now):
            self._write(event.value, fields)

    def try_record(self, event: StrEnum, **fields: str | float | bool | None) -> bool:
        """Write one line; False if the chain can't be written now, and the caller has to try again."""
        if self._file is not None and not self._file.is_writable():
            return False
        line = self._write_line(event.value, audit=True, **fields)
        if self._file is not None and not self._file.append(line, or_lose=False):
            return False
        if self._count is not None:
            self._count(event)
        return True

    def sync(self) -> None:
        """Bring the chain to the disk; another thread may call it."""
        if self._file is not None:
            self._file.sync()

    async def run(self) -> None:
        """Write the counts each minute, even if nothing more is recorded."""
        while True:
            await asyncio.sleep(MINUTE)
            self.summarise()

    def summarise(self) -> None:
        """Write the current counts."""
        self._summarise(self._repeats.end(self._clock.monotonic()))

    def _summarise(self, summaries: Iterable[Summary]) -> None:
        for one in summaries:
            counted = {"source": one.source, "left_out": one.count, "seconds": one.seconds}
            self._write(one.event, counted)

    def _write(self, event: str, fields: Mapping[str, object]) -> None:
        line = self._write_line(event, audit=True, **fields)
        if self._file is not None:
            self._file.append(line)


def _source(fields: Mapping[str, object]) -> str:
    """Return the key that refusals are counted by: the address, or else the account."""
    address = fields.get("address")
    return rate_limit_key(str(address)) if address else str(fields.get("user") or "")
