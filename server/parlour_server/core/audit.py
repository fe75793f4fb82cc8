"""The audit log: one structured line for each security-relevant action (M7).

``Audit.record`` takes a fixed event name and fields; it never takes a password, a ticket, a token or the
text of a message (K7), and a newline in a field cannot start a second line (M5), because lines are JSON.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, Protocol

from parlour_protocol.kit.token_buckets import rate_limit_key
from parlour_server.core.clock import Clock, SystemClock
from parlour_server.core.line_limiter import FIRST_OF_ACCOUNT, MINUTE, LineLimiter, Summary
from parlour_server.core.output import log


class AuditEvent(StrEnum):
    """The kinds of events that every server has; a program has an enum of its own besides."""

    LOGIN_OK = "login_ok"
    LOGIN_FAILED = "login_failed"
    LOGIN_THROTTLED = "login_throttled"
    ACCOUNT_MADE = "account_made"
    ACCOUNT_REFUSED = "account_refused"
    INVITE_MADE = "invite_made"
    ROLE_GIVEN = "role_given"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of an event
    SESSION_ENDED = "session_ended"
    TICKET_ISSUED = "ticket_issued"
    TICKET_REDEEMED = "ticket_redeemed"
    HANDSHAKE_REFUSED = "handshake_refused"
    CONNECTION_OPENED = "connection_opened"
    CONNECTION_CLOSED = "connection_closed"
    REQUEST_REFUSED = "request_refused"
    LIMIT_HIT = "limit_hit"
    SERVER_STARTED = "server_started"
    SERVER_STOPPED = "server_stopped"
    RELOADED = "reloaded"
    OPERATOR_ACTION = "operator_action"


REPEATABLE: Final[frozenset[StrEnum]] = frozenset(
    {
        AuditEvent.LOGIN_FAILED,
        AuditEvent.LOGIN_THROTTLED,
        AuditEvent.ACCOUNT_REFUSED,
        AuditEvent.HANDSHAKE_REFUSED,
        AuditEvent.REQUEST_REFUSED,
        AuditEvent.LIMIT_HIT,
    }
)
"""Refusals, which anyone can cause as often as they like; they are counted by address."""
_WHO: Final = ("user", "subject")
"""The fields that say who did something, and to whom: neither name has a space in it."""


class Keeper(Protocol):
    """Keeps the lines beside the log; a capability's. Its methods never raise."""

    def is_writable(self) -> bool:
        """Return whether a line can be kept now."""
        ...

    def append(self, line: str, *, or_lose: bool = True) -> bool:
        """Keep a line; returns whether it is kept. Without ``or_lose`` the caller tries again if it isn't."""
        ...

    def sync(self) -> None:
        """Bring what is kept to the disk; another thread may call it."""
        ...


class Audit:
    """Writes audit events as log lines: `{"event": "login_failed", "audit": true, …}`, and counts them.

    Repeated refusals are logged at first and then counted, and so is what one account does again and again
    (to the same person, where it is about one): otherwise it could push everything older out of the log,
    which is limited. Once a minute a line gives how many were `left_out`. The operator's actions are
    never left out.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        events: Iterable[StrEnum] = (),
        repeatable: Collection[StrEnum] = (),
        keepers: Sequence[Keeper] = (),
        write: Callable[..., str] = log,
    ) -> None:
        """``events`` are a program's own kinds; ``repeatable``: those of them that are refusals.

        ``write`` is the server's log, and ``keepers`` get each line, too. A command has neither: it leaves
        its action to the server.
        """
        self._write_line = write
        self.counts: Final[Counter[StrEnum]] = Counter(dict.fromkeys((*AuditEvent, *events), 0))
        """All events since the start, those without a line too."""
        self._repeatable = REPEATABLE.union(repeatable)
        self._clock = clock or SystemClock()
        self._refusals = LineLimiter(self._clock.monotonic())
        self._actions = LineLimiter(self._clock.monotonic(), first=FIRST_OF_ACCOUNT, has_caps=False)
        self._keepers = keepers

    def record(self, event: StrEnum, **fields: str | float | bool | None) -> None:
        """Write one line, or count the event. Never raises and never waits."""
        self.counts[event] += 1
        now = self._clock.monotonic()
        self._summarise(self._refusals.due(now), self._actions.due(now))
        if self._has_line(event, fields, now):
            self._write(event.value, fields)

    def try_record(self, event: StrEnum, **fields: str | float | bool | None) -> bool:
        """Write one line; False if it can't be kept now, and the caller has to try again."""
        if not all(keeper.is_writable() for keeper in self._keepers):
            return False
        line = self._write_line(event.value, audit=True, **fields)
        if not all(keeper.append(line, or_lose=False) for keeper in self._keepers):
            return False
        self.counts[event] += 1
        return True

    def sync(self) -> None:
        """Bring what is kept to the disk; another thread may call it."""
        for keeper in self._keepers:
            keeper.sync()

    async def run(self) -> None:
        """Write the counts each minute, even if nothing more is recorded."""
        while True:
            await asyncio.sleep(MINUTE)
            self.summarise()

    def summarise(self) -> None:
        """Write the current counts."""
        now = self._clock.monotonic()
        self._summarise(self._refusals.end(now), self._actions.end(now))

    def _has_line(self, event: StrEnum, fields: Mapping[str, object], now: float) -> bool:
        """Return whether an event gets a line of its own; otherwise it is counted."""
        if event in self._repeatable:
            return self._refusals.should_log(event.value, _source(fields), now)
        who = " ".join(str(fields[name]) for name in _WHO if fields.get(name))
        return not who or self._actions.should_log(event.value, who, now)

    def _summarise(self, refusals: Iterable[Summary], actions: Iterable[Summary]) -> None:
        for refusal in refusals:
            self._write_count(refusal, {"source": refusal.source})
        for action in actions:
            self._write_count(action, dict(zip(_WHO, action.source.split(" "), strict=False)))

    def _write_count(self, summary: Summary, by: Mapping[str, str]) -> None:
        self._write(summary.event, {**by, "left_out": summary.count, "seconds": summary.seconds})

    def _write(self, event: str, fields: Mapping[str, object]) -> None:
        line = self._write_line(event, audit=True, **fields)
        for keeper in self._keepers:
            keeper.append(line)


def _source(fields: Mapping[str, object]) -> str:
    """Return the key that refusals are counted by: the address, or else the account."""
    address = fields.get("address")
    return rate_limit_key(str(address)) if address else str(fields.get("user") or "")
