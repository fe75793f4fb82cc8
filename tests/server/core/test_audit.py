"""The audit log: one line for what happens, and a count of what one source repeats."""

from collections.abc import Callable
from typing import Any

import pytest

from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.line_limiter import FIRST_OF_ACCOUNT, MINUTE
from parlour_server.testing.clock import FakeClock

Lines = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def lines() -> Lines:
    """Return the events and fields that were written."""
    return []


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that only the test moves."""
    return FakeClock()


@pytest.fixture
def audit(lines: Lines, clock: FakeClock) -> Audit:
    """Return an audit log that writes into ``lines``."""
    return Audit(clock=clock, write=_writer(lines))


def _writer(lines: Lines) -> Callable[..., str]:
    def write(event: str, **fields: Any) -> str:
        lines.append((event, fields))
        return ""

    return write


def test_one_account_pushes_nothing_out_of_the_log(audit: Audit, lines: Lines, clock: FakeClock) -> None:
    """R6: someone who connects again and again gets some lines, then a count; others get all of theirs."""
    for _ in range(600):
        audit.record(AuditEvent.CONNECTION_OPENED, user="eve", address="192.0.2.1")
    audit.record(AuditEvent.CONNECTION_OPENED, user="ada", address="192.0.2.1")
    audit.record(AuditEvent.LOGIN_OK, user="eve", address="192.0.2.1")
    assert [fields["user"] for _, fields in lines] == [*["eve"] * FIRST_OF_ACCOUNT, "ada", "eve"]
    lines.clear()
    clock.forward(MINUTE)
    audit.record(AuditEvent.CONNECTION_OPENED, user="eve", address="192.0.2.1")
    counted = {"audit": True, "user": "eve", "left_out": 600 - FIRST_OF_ACCOUNT, "seconds": 60}
    assert lines[0] == ("connection_opened", counted)
    assert lines[1][1]["user"] == "eve"


def test_what_someone_does_to_many_people_has_a_line_each(
    audit: Audit, lines: Lines, clock: FakeClock
) -> None:
    """Removing a hundred people is a hundred lines; muting one person over and over is counted."""
    kind = AuditEvent.SESSION_ENDED  # any that names a subject
    for number in range(100):
        audit.record(kind, user="mod", subject=f"person{number}")
    assert len(lines) == 100
    for _ in range(30):
        audit.record(kind, user="mod", subject="ada")
    assert len(lines) == 100 + FIRST_OF_ACCOUNT
    lines.clear()
    clock.forward(MINUTE)
    audit.summarise()
    counted = {
        "audit": True,
        "user": "mod",
        "subject": "ada",
        "left_out": 30 - FIRST_OF_ACCOUNT,
        "seconds": 60,
    }
    assert lines == [("session_ended", counted)]


def test_what_the_operator_does_is_always_there(audit: Audit, lines: Lines) -> None:
    """M30: however often it concerns one account."""
    assert all(audit.try_record(AuditEvent.OPERATOR_ACTION, user="eve") for _ in range(300))
    assert len(lines) == 300
