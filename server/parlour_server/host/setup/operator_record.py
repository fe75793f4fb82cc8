"""The operator's actions, kept until the running server has written them to its audit log (M7).

Each action is a file of its own: that it begins, and who does what, is on the disk before anything is
changed, with room for the line that says how it ended. Its command holds a lock on it, so that an action
whose command was killed is known as one that did not finish. The server moves ended ones to its audit log.
"""

import errno
import fcntl
import json
import os
import pwd
import secrets
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final, Self

from parlour_server.core.errors import OutcomeUnknownError, SetupError, SignalledError, UnrecordedOutcomeError

RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"
INTERRUPTED: Final = "interrupted, and perhaps done"
UNFINISHED: Final = "did not finish, and is perhaps done"
"""The command was killed, the machine stopped, or the outcome could not be written."""

_LONGEST: Final = 200  # characters of one field
_ROOM: Final = 16_384
"""Bytes for the outcome, which are taken with the beginning: more than its fields can have."""
_UNSET: Final = 4_294_967_295  # the kernel's value for a process without a login
_TAKEN: Final = frozenset({"self", "event", "audit"})  # by the record itself
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class OperatorRecord:
    """The folder that commands write to and the server empties (`operator_record_reader.py`)."""

    def __init__(self, folder: Path) -> None:
        """Use this folder, which may not exist yet."""
        self._folder = folder

    @contextmanager
    def action(self, action: str, **about: str) -> Iterator[dict[str, str]]:
        """Record an action that happens in the block; the block may add to what is recorded of its end.

        SIGTERM and SIGHUP raise SignalledError in the block. Raises SetupError before it, if the action can't
        be recorded, and UnrecordedOutcomeError after it, if its end can't.
        """
        result: dict[str, str] = {}
        with _blocked_signals(), _Begun(self._folder, {"action": action, **_who(), **_cut(about)}) as begun:
            try:
                with _raising_signals():
                    yield result
            except (KeyboardInterrupt, OutcomeUnknownError):
                begun.end(INTERRUPTED, result)
                raise
            except BaseException as error:
                begun.end(FAILED, {"why": str(error) or type(error).__name__, **result}, error)
                raise
            begun.end(DONE, result)

    def waiting(self) -> list[dict[str, str]]:
        """Return the fields of actions that are not in the audit log yet, oldest first. Raises OSError."""
        found = []
        for file in action_files(self._folder):
            with suppress(FileNotFoundError), opened_action(file) as (opened, is_running):
                found.append(read_action(opened, is_running=is_running))
        return found


class _Begun:
    """An action that began: its file, which this process has locked."""

    def __init__(self, folder: Path, fields: dict[str, str]) -> None:
        """Write it to the disk. Raises SetupError."""
        run = secrets.token_hex(4)
        line = json.dumps({**fields, "run": run}).encode() + b"\n"
        self._path = folder / f"{time.time_ns():020d}-{run}"
        self._about = fields["action"]
        self._end = len(line)
        self._file = -1
        beside = folder / f".{self._path.name}"  # the server doesn't look at it before it is locked
        try:
            if not folder.is_dir():
                folder.mkdir(mode=0o700)
                _sync_folder(folder.parent)
            self._file = os.open(
                beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            fcntl.flock(self._file, fcntl.LOCK_EX)
            _write_all(self._file, line + b" " * _ROOM, 0)
            os.fsync(self._file)
            beside.rename(self._path)
            _sync_folder(folder)
        except OSError as error:
            for path in (beside, self._path):
                with suppress(OSError):
                    path.unlink()
            self.__exit__()
            is_full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
            mend = "make room" if is_full else "let the server's user write there"
            raise SetupError(
                f"the audit log can't be written: {folder}: {error.strerror}; nothing was changed: {mend},"
                " and run this again"
            ) from error

    def __enter__(self) -> Self:
        """Hold the lock."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Release the lock: from now on the server may move it."""
        if self._file >= 0:
            os.close(self._file)

    def end(self, outcome: str, result: dict[str, str], error: BaseException | None = None) -> None:
        """Write how it ended to the disk. Raises UnrecordedOutcomeError."""
        ended = {**_cut(result), "outcome": outcome, "ended": _now()}
        try:
            _write_all(self._file, json.dumps(ended).encode() + b"\n", self._end)
            os.fsync(self._file)
        except OSError as fault:
            raise UnrecordedOutcomeError(
                f"{self._about}: {outcome}{f' ({error})' if error else ''}, but the audit log will say that"
                f" it did not finish: {self._path}: {fault.strerror}"
            ) from fault


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """Let signals wait, while the beginning and the end are written."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _raising_signals() -> Iterator[None]:
    """Let signals interrupt the block: SIGTERM and SIGHUP too, unless they are ignored, as with `nohup`.

    Python drops what is raised while it calls back for a weak reference, as at the end of each import. The
    block then goes on; if it fails, the signal is why its command ends.
    """
    came: list[int] = []

    def raise_it(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        raise SignalledError(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, raise_it)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
        yield
    except Exception as error:
        if came:
            raise SignalledError(came[0]) from error
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        for number, handler in before.items():
            signal.signal(number, handler)


def action_files(folder: Path) -> list[Path]:
    """Return the files of actions that began, oldest first."""
    with suppress(FileNotFoundError):
        return sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    return []


@contextmanager
def opened_action(file: Path) -> Iterator[tuple[int, bool]]:
    """Open the file of an action; also says whether its command runs."""
    opened = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            yield opened, True
        else:
            yield opened, False
    finally:
        os.close(opened)


def read_action(file: int, *, is_running: bool) -> dict[str, str]:
    """Return the fields of an action. An outcome that was cut off is none."""
    begun, _, ended = os.pread(file, os.fstat(file).st_size, 0).partition(b"\n")
    outcome = {"outcome": RUNNING} if is_running else {"outcome": UNFINISHED, **_fields_of(ended)}
    return {"action": "unreadable", **_fields_of(begun), **outcome}


def _fields_of(line: bytes) -> dict[str, str]:
    """Return the fields of a line, none if it is damaged."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): str(value) for key, value in found.items() if key not in _TAKEN}


def _write_all(file: int, data: bytes, at: int) -> None:
    while data:
        written = os.pwrite(file, data, at)
        data, at = data[written:], at + written


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _cut(about: dict[str, str]) -> dict[str, str]:
    return {key: value[:_LONGEST] for key, value in about.items()}


def _who() -> dict[str, str]:
    """Return who runs this process, where and when; `login` if someone else logged in, as behind `sudo`."""
    user, login = _name(os.getuid()), _login()
    logged_in = {} if login in {None, user} else {"login": str(login)}
    return {"by": user, **logged_in, "host": socket.gethostname(), "at": _now()}


def _login() -> str | None:
    """Return who logged in to the system, if the kernel knows."""
    try:
        number = int(Path("/proc/self/loginuid").read_text("ascii"))
    except (OSError, ValueError):
        return None
    return None if number == _UNSET else _name(number)


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
