"""The operator's actions, kept until the running server has written them to its log (M7).

A command appends a line here with the system user who ran it. The server moves the lines to the audit log
within a second, or at its next start.
"""

import asyncio
import fcntl
import json
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from parlour_server.kit.audit import Audit, AuditEvent
from parlour_server.kit.errors import SetupError
from parlour_server.kit.logs import warn
from parlour_server.kit.private_file import write_private

_LOOK_SECONDS: Final = 0.5
_LONGEST: Final = 200  # characters of one field
_TRIAL_BYTES: Final = 8_192  # more than one record
_UNSET: Final = 4_294_967_295  # the kernel's value for a process without a login


class OperatorLog:
    """The file that commands append to and the server empties."""

    def __init__(self, path: Path) -> None:
        """Use this file, which may not exist yet."""
        self._path = path

    def require_room(self) -> None:
        """Raise SetupError if an action could not be recorded now, as on a full disk: before it is done."""
        trial = self._path.with_name(f".{self._path.name}.trial")
        try:
            write_private(trial, bytes(_TRIAL_BYTES))
            trial.unlink(missing_ok=True)
        except SetupError as error:
            raise SetupError(
                f"nothing was done, because it could not be recorded for the audit log: {error}"
            ) from error

    def record(self, action: str, **about: str) -> None:
        """Append an action, with its user and time. Raises SetupError."""
        line = {"action": action, "by": _user(), "at": datetime.now(UTC).isoformat(timespec="seconds")}
        if (login := _login()) not in {None, line["by"]}:
            line["login"] = str(login)
        line |= {key: value[:_LONGEST] for key, value in about.items()}
        try:
            with self._locked(os.O_WRONLY | os.O_APPEND | os.O_CREAT) as file:
                os.write(file, json.dumps(line).encode() + b"\n")
        except OSError as error:
            raise SetupError(
                f"done, but it could not be recorded for the audit log: {self._path}: {error.strerror}"
            ) from error

    async def run(self, audit: Audit) -> None:
        """Move records to the audit log, until cancelled."""
        while True:
            self.pass_on(audit)
            await asyncio.sleep(_LOOK_SECONDS)

    def pass_on(self, audit: Audit) -> None:
        """Move the current records to the audit log."""
        try:
            if not self._path.exists() or not self._path.stat().st_size:
                return
            with self._locked(os.O_RDWR) as file:
                for line in os.pread(file, os.fstat(file).st_size, 0).splitlines():
                    audit.record(AuditEvent.OPERATOR_ACTION, **_fields(line))
                os.ftruncate(file, 0)
        except OSError as error:
            warn("operator_log_unreadable", why=str(error.strerror))

    @contextmanager
    def _locked(self, flags: int) -> Iterator[int]:
        file = os.open(self._path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)


def _fields(line: bytes) -> dict[str, str]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {"action": "unreadable"}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _user() -> str:
    """Return the name of the user who runs this process."""
    return _name(os.getuid())


def _login() -> str | None:
    """Return who logged in to the system, even behind `sudo`, if the kernel knows."""
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
