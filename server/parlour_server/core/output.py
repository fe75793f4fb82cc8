"""The program's output: JSON lines on standard error, one per event, each with its time and level.

JSON escapes control characters, so nothing that a stranger sends can start a second line or move the cursor
(M5). Secrets print as dots, and the libraries' loggers stay at WARNING at every level of ours, because their
DEBUG lines quote headers and messages (K7).
"""

import contextlib
import json
import logging
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, TextIO

import msgspec

from parlour_protocol.kit.errors import ProgramError


class Level(StrEnum):
    """How much is written: lines of the chosen level, and of those after it.

    None after WARNING can be chosen: what an operator should act on is always written.
    """

    DEBUG = "debug"
    """A line for each request, too: its kind, time and outcome, never its content."""
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


_ORDER: Final = tuple(Level)
_LONGEST: Final = 500  # characters of one field: strangers must not fill the log
_UNRAISABLE_SECONDS: Final = 60.0
"""Between two lines about errors of one function that nobody can catch."""
_LIBRARIES: Final = ("websockets", "asyncio", "starlette", "sqlalchemy", "alembic")
_encoder: Final = msgspec.json.Encoder()


def set_up(stream: TextIO | None = None, **fields: object) -> None:
    """Send all lines of the process, those of its libraries too, to ``stream`` (standard error).

    Each line has these fields, too. What Python would print itself is a line as well: errors that nobody can
    catch, as of an object that is collected in another thread, those that end a thread, and warnings.
    """
    _log.write, _log.fields = _Writer(stream or sys.stderr), fields
    sys.unraisablehook = _log_unraisable
    threading.excepthook = _log_end_of_thread
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers[:] = [_Bridge()]
    root.setLevel(logging.WARNING)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)


def set_level(level: str) -> None:
    """Write only lines of this level and of those after it from now on, in the whole process.

    A change is a line, whichever way it goes.
    """
    written = frozenset(_ORDER[_ORDER.index(Level(level)) :])
    if written != _log.written:
        _log.written |= written
        log("log_level", now=level)
    _log.written = written


def is_written(level: Level) -> bool:
    """Return whether lines of this level are written."""
    return level in _log.written


def counts() -> Mapping[Level, int]:
    """Return how many lines of each level there were since the process began, written or not."""
    return _log.counts


@contextlib.contextmanager
def captured() -> Iterator[list[dict[str, object]]]:
    """Collect events instead of writing them, until ``set_up`` is called; then undo both. For tests."""
    root = logging.getLogger()
    write, handlers, level, written = _log.write, root.handlers[:], root.level, _log.written
    hooks = sys.unraisablehook, threading.excepthook
    events: list[dict[str, object]] = []
    _log.write = lambda event, _line: events.append(event)
    try:
        yield events
    finally:
        _log.write, root.handlers[:], _log.written = write, handlers, written
        sys.unraisablehook, threading.excepthook = hooks
        logging.captureWarnings(False)
        root.setLevel(level)


def log(event: str, **fields: object) -> str:
    """Write one line of information; returns it, also if it is below the level."""
    return _write({**fields, "event": event, "level": Level.INFO})


def debug(event: str, **fields: object) -> None:
    """Write one line that only someone who looks for a fault wants. Ask ``is_written`` first if it is hot."""
    _write({**fields, "event": event, "level": Level.DEBUG})


def warn(event: str, **fields: object) -> None:
    """Write one line that the operator should act on."""
    _write({**fields, "event": event, "level": Level.WARNING})


def log_fault(where: str, error: BaseException) -> None:
    """Write one line about an internal error: its type and place, never the data.

    A ``ProgramError`` says what to write instead, and quotes no data: its text comes, too.
    """
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    at = " < ".join(
        f"{frame.name}:{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames[::-1]
    )
    # Not str(error) of others: the text of an exception may quote data (K7).
    text = {"text": str(error)} if type(error) is ProgramError else {}
    kind = type(error).__name__
    _write({"where": where, "kind": kind, **text, "at": at, "event": "fault", "level": Level.ERROR})


def _log_unraisable(caught: "sys.UnraisableHookArgs") -> None:
    """Write what Python can't raise: in which function it happened, never what the object holds."""
    where = getattr(caught.object, "__qualname__", type(caught.object).__qualname__)
    now = time.monotonic()
    if caught.exc_value is not None and now >= _log.quiet_until.get(where, now):
        # a library that drops a thousand objects in the wrong thread must not fill the log
        _log.quiet_until = {key: at for key, at in _log.quiet_until.items() if now < at}
        _log.quiet_until[where] = now + _UNRAISABLE_SECONDS
        log_fault(f"unraisable: {where}", caught.exc_value)


def _log_end_of_thread(caught: "threading.ExceptHookArgs") -> None:
    if caught.exc_value is not None and not isinstance(caught.exc_value, SystemExit):
        log_fault(f"thread {'' if caught.thread is None else caught.thread.name}", caught.exc_value)


def _write(event: dict[str, Any]) -> str:
    level = event["level"]
    _log.counts[level] += 1
    line = format_line({**event, **_log.fields})
    if level in _log.written:
        _log.write(event, line)
    return line


class _Writer:
    """Writes a line for each event. A reader that is gone must not end the action that an event describes."""

    def __init__(self, stream: TextIO | None) -> None:
        """Without a stream (Python has no standard error after `2>&-`) nothing is written."""
        self._stream = stream

    def __call__(self, _event: dict[str, object], line: str) -> None:
        if self._stream is None:
            return
        with contextlib.suppress(OSError, ValueError):  # a broken pipe, a full disk, a closed file
            self._stream.write(f"{line}\n")
            self._stream.flush()


class _Log:
    """The log of this process."""

    def __init__(self) -> None:
        self.write: Callable[[dict[str, object], str], None] = _Writer(sys.stderr)
        self.fields: Mapping[str, object] = {}
        self.written: frozenset[Level] = frozenset(_ORDER) - {Level.DEBUG}
        self.quiet_until: dict[str, float] = {}
        self.counts: Counter[Level] = Counter(dict.fromkeys(_ORDER, 0))


_log: Final = _Log()


class _Bridge(logging.Handler):
    """Formats the libraries' log records in the same way, without tracebacks."""

    def emit(self, record: logging.LogRecord) -> None:
        # A library may pass anything, and nothing may fail here.
        error: object = record.exc_info[1] if record.exc_info else None
        text = ""
        if not isinstance(error, BaseException):
            try:
                text = record.getMessage()
            except Exception as wrong:  # noqa: BLE001 - arguments that do not fit the text
                error = wrong
        if isinstance(error, BaseException):
            log_fault(record.name, error)
        else:
            warn("library", where=record.name, text=text)


def format_line(event: dict[str, object]) -> str:
    """Return an event with its time: one line of JSON in printable ASCII, with long fields shortened."""
    plain = {key: _field(value) for key, value in event.items()}
    plain["time"] = utc_time()
    try:
        line = _encoder.encode(plain).decode()
    except (UnicodeEncodeError, OverflowError):  # half a surrogate pair; a number of more than 64 bits
        line = ""
    if line and line.isascii() and line.isprintable():
        return line
    # C1 controls, DEL, bidi overrides and line separators become \uXXXX, too.
    return json.dumps(plain, ensure_ascii=True)


def utc_time() -> str:
    """Return the time of day as in every line of the log."""
    now = time.time()
    return f"{_second(int(now))}.{int(now % 1 * 1_000_000):06d}Z"


def _field(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


@lru_cache(maxsize=1)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
