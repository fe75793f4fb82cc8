"""What the operator's commands did, kept until the running server has written it into its log (M7).

A command is a process of its own, whose output no one keeps: it appends a line here, with the system's user
who ran it, and the server takes the lines within a second, or at its next start. They end in the audit log
beside all other events.
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

from parlour_server.audit import Audit, AuditEvent
from parlour_server.errors import SetupError
from parlour_server.logs import warn

_LOOK_SECONDS: Final = 0.5
_LONGEST: Final = 200  # characters of one field
_UNSET: Final = 4_294_967_295  # what the kernel says of a process that no one logged in for


class OperatorLog:
    """The file between commands and the server."""

    def __init__(self, path: Path) -> None:
        """Use this file; it need not be there."""
        self._path = path

    def record(self, action: str, **about: str) -> None:
        """Append what was done, by whom and when. Raises SetupError."""
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
        """Pass on what commands record, until cancelled."""
        while True:
            self.pass_on(audit)
            await asyncio.sleep(_LOOK_SECONDS)

    def pass_on(self, audit: Audit) -> None:
        """Give what is there to the audit log, and empty the file."""
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
    """Return who logged in to the system, also behind `sudo`, where the kernel tells."""
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
