"""M5 (log injection), K7 (secrets in logs): one JSON line an event, whatever is in it."""

import io
import json
import logging
import threading
import warnings
from typing import Any

import pytest
from tests.server.fakes import StoppedClock

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.secret import Secret
from parlour_server.app.capability import served_by
from parlour_server.capabilities import CAPABILITIES
from parlour_server.chat.audit import ChatAuditEvent
from parlour_server.chat.delivery.audit_events import DeliveryEvent
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.output import Level, counts, debug, log, log_fault, set_level, set_up, warn

HOSTILE = 'anna\n{"event": "forged"}\x1b]0;PWNED\x07\x9b31m\u202e\u2028\r\x00'
AWKWARD = ("\x7f", "\x9b", "\u202e", "\ud800", "\udcff", 2**70, float("nan"), -0.5, True, None)


@pytest.fixture
def written() -> io.StringIO:
    """Return what is logged."""
    stream = io.StringIO()
    set_up(stream)
    return stream


def test_log_injection_makes_no_second_line_and_moves_no_cursor(written: io.StringIO) -> None:
    """M5: every control and bidi character comes out escaped, and the value is still all there."""
    Audit().record(AuditEvent.LOGIN_FAILED, user=HOSTILE)
    text = written.getvalue()
    assert text.count("\n") == 1
    assert text[:-1].isascii()
    assert text[:-1].isprintable()
    assert json.loads(text)["user"] == HOSTILE


@pytest.mark.parametrize("value", AWKWARD)
def test_no_value_breaks_a_line(written: io.StringIO, value: object) -> None:
    """M5: DEL, half a character, a number too large for the encoder: one printable line of JSON each."""
    log("awkward", value=value)
    text = written.getvalue()
    assert text.count("\n") == 1
    assert text[:-1].isascii()
    assert text[:-1].isprintable()
    if value == value:  # noqa: PLR0124 - nan is not itself
        assert json.loads(text)["value"] == value


def test_log_injection_through_a_library_is_escaped_as_well(written: io.StringIO) -> None:
    """M5: what a library or asyncio would write goes through the same lines."""
    logging.getLogger("starlette").warning("bad path %s", HOSTILE)
    assert written.getvalue().count("\n") == 1
    assert written.getvalue()[:-1].isprintable()


def test_libraries_do_not_log_headers_and_messages(written: io.StringIO) -> None:
    """K7: DEBUG and INFO of websockets print Authorization headers."""
    logging.getLogger("websockets.server").debug("> Authorization: Bearer CANARY")
    logging.getLogger("starlette.access").info("GET /?ticket=CANARY")
    assert written.getvalue() == ""


def test_a_secret_given_to_the_log_by_mistake_stays_one(written: io.StringIO) -> None:
    """K7: its type prints nothing."""
    log("mistake", token=Secret("CANARY"), many=[Secret("CANARY")])
    assert "CANARY" not in written.getvalue()
    assert written.getvalue().count("\n") == 1


def test_a_fault_is_one_line_without_its_data(written: io.StringIO) -> None:
    """R4, K7: kind and place, no traceback, no text of the exception."""
    try:
        int("CANARY")
    except ValueError as error:
        log_fault("test", error)
    found = json.loads(written.getvalue())
    assert (found["event"], found["kind"]) == ("fault", "ValueError")
    assert "test_output.py" in found["at"]
    assert "CANARY" not in written.getvalue()


def test_what_a_program_did_wrong_is_told(written: io.StringIO) -> None:
    """The text of a ``ProgramError`` is the kit's own, and says what to write instead."""
    log_fault("test", ProgramError("Stray is not one of the pushes"))
    assert json.loads(written.getvalue())["text"] == "Stray is not one of the pushes"


def test_a_library_whose_arguments_do_not_fit_its_text(written: io.StringIO) -> None:
    """R6: its action goes on, and a line says where that was."""
    set_up(written)  # pytest's own handlers would raise
    logging.getLogger("starlette").warning("%d of them", "CANARY")
    found = json.loads(written.getvalue())
    assert (found["where"], found["kind"]) == ("starlette", "TypeError")
    assert "CANARY" not in written.getvalue()


def test_a_process_without_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python has none after `2>&-`: what logs goes on."""
    monkeypatch.setattr("sys.stderr", None)
    set_up()
    log("started")


def test_a_library_s_traceback_is_one_line_too(written: io.StringIO) -> None:
    """R6: an exception that a library logs does not flood the log."""
    try:
        int("CANARY")
    except ValueError:
        logging.getLogger("asyncio").exception("unhandled")
    assert written.getvalue().count("\n") == 1
    assert "CANARY" not in written.getvalue()


def test_a_long_field_is_cut(written: io.StringIO) -> None:
    """A log line must not be a stranger's storage."""
    log("long", text="x" * 100_000)
    assert len(written.getvalue()) < 1000


def test_a_missing_audit_trail_would_be_noticed(written: io.StringIO) -> None:
    """M7: every kind of event makes one line of JSON with its name, and is counted."""
    added = served_by(CAPABILITIES)
    more = [*ChatAuditEvent, *DeliveryEvent, *(event for one in added for event in one.audit_events)]
    events, audit = [*AuditEvent, *more], Audit(events=more)
    for event in events:
        audit.record(event, user="anna")
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [event.value for event in events]
    assert all(line["audit"] is True and line["time"].endswith("Z") for line in lines)
    assert audit.counts == dict.fromkeys(events, 1)


def test_refusals_that_repeat_are_counted(written: io.StringIO) -> None:
    """L19: ten lines an address and a minute, one that counts the others, and all counted for the metrics."""
    clock = StoppedClock()
    audit = Audit(clock)
    for number in range(500):
        audit.record(AuditEvent.LIMIT_HIT, limit="http", address=f"2001:db8::{number:x}")
        audit.record(AuditEvent.SESSION_ENDED, user=f"person{number}")  # no one's own records are left out
    clock.pass_seconds(60)
    audit.record(AuditEvent.LOGIN_OK, user="anna")
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    refused = [line for line in lines if line["event"] == "limit_hit"]
    assert len(refused) == 11
    assert (refused[-1]["left_out"], refused[-1]["source"]) == (490, "2001:db8::/64")
    assert sum(line["event"] == "session_ended" for line in lines) == 500
    assert audit.counts[AuditEvent.LIMIT_HIT] == 500
    audit.summarise()
    assert len(written.getvalue().splitlines()) == len(lines)


@pytest.mark.parametrize("broken", [BrokenPipeError(), OSError("no space left"), ValueError("closed")])
def test_a_log_that_cannot_be_written_ends_nothing(
    broken: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader of standard error may be gone, or its disk full: what logs goes on."""
    stream = io.StringIO()

    def refuse(_text: str) -> int:
        raise broken

    monkeypatch.setattr(stream, "write", refuse)
    set_up(stream)
    Audit().record(AuditEvent.LOGIN_FAILED, user="anna")
    logging.getLogger("parlour_server.chat.store").error("the store cannot write")


def test_a_library_that_logs_the_class_of_an_exception(written: io.StringIO) -> None:
    """R6: aiofastnet does; a line comes of it and no traceback of ours."""
    error: Any = ConnectionResetError
    record = logging.makeLogRecord({"name": "asyncio", "msg": "it broke", "exc_info": (error, error, None)})
    logging.getLogger().handlers[0].handle(record)  # pytest's own handlers fail on it
    assert json.loads(written.getvalue())["text"] == "it broke"


@pytest.mark.parametrize(
    ("level", "lines"),
    [
        ("debug", ["fine", "usual", "act", "fault"]),
        ("info", ["usual", "act", "fault"]),
        ("warning", ["act", "fault"]),
    ],
)
def test_a_level_leaves_out_what_is_below_it(written: io.StringIO, level: str, lines: list[str]) -> None:
    """The lines that an operator should act on are written at every level, and all are counted."""
    before = dict(counts())
    set_level(level)
    debug("fine")
    log("usual")
    warn("act")
    log_fault("a test", ValueError("x"))
    events = [json.loads(line)["event"] for line in written.getvalue().splitlines()]
    assert [event for event in events if event != "log_level"] == lines
    assert [counts()[one] - before[one] for one in (Level.DEBUG, Level.WARNING, Level.ERROR)] == [1, 1, 1]


def test_libraries_stay_quiet_at_every_level(written: io.StringIO) -> None:
    """K7: debug is ours; what websockets and others would say at that level quotes headers and messages."""
    set_level("debug")
    for name in ("websockets.server", "asyncio", "sqlalchemy.engine", "opentelemetry", "urllib3"):
        logging.getLogger(name).debug("> Authorization: Bearer x")
        logging.getLogger(name).info("> Authorization: Bearer x")
    assert "Bearer" not in written.getvalue()


def test_a_library_that_something_made_talkative_is_quiet_again() -> None:
    """K7: whatever another module set before the server's logs were set up."""
    library, stream = logging.getLogger("websockets"), io.StringIO()
    library.setLevel(logging.DEBUG)
    set_up(stream)
    library.debug("> Authorization: Bearer x")
    assert "Bearer" not in stream.getvalue()


def test_a_change_of_the_level_is_written_whichever_way_it_goes(written: io.StringIO) -> None:
    """Who reads the log knows from when on lines are missing, and until when."""
    for level in ("error", "info", "info"):
        set_level(level)
    changes = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [(one["event"], one["now"]) for one in changes] == [("log_level", "error"), ("log_level", "info")]


def test_an_audit_record_is_returned_for_its_chain_at_every_level(written: io.StringIO) -> None:
    """M30: the level is the log's; the files of the audit log have every record."""
    set_level("warning")
    line = log("login_ok", audit=True)
    assert json.loads(line)["event"] == "login_ok"
    assert "login_ok" not in written.getvalue()


class Leaky:
    """Fails when it is collected, as a library's object does that is collected in another thread."""

    def __del__(self) -> None:
        """Fail, with a secret in the text."""
        raise RuntimeError(f"called from a wrong thread: {HOSTILE}")


def test_what_nobody_can_catch_is_one_line_of_json_a_minute(
    written: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    """M5, K7: Python would print a traceback with its data, and a library may fail a thousand times."""
    for _ in range(50):
        Leaky()
    [line] = written.getvalue().splitlines()
    found = json.loads(line)
    assert (found["event"], found["where"], found["kind"]) == (
        "fault",
        "unraisable: Leaky.__del__",
        "RuntimeError",
    )
    assert "wrong thread" not in line
    assert capfd.readouterr().err == ""


def test_a_thread_that_ends_with_an_error_is_one_line(
    written: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    """The same for threads, and for warnings that are not errors."""

    def fail() -> None:
        raise ValueError(HOSTILE)

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old way", DeprecationWarning, stacklevel=1)
    ended, warned = map(json.loads, written.getvalue().splitlines())
    assert (ended["where"], ended["kind"]) == ("thread worker", "ValueError")
    assert (warned["event"], warned["where"]) == ("library", "py.warnings")
    assert "old way" in warned["text"]
    assert capfd.readouterr().err == ""
