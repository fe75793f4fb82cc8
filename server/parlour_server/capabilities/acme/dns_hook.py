"""Answers for dns-01: TXT records that a program of the operator's adds and removes."""

import os
import shlex
import signal
import subprocess
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from parlour_server.core.errors import SetupError

_SECONDS: Final = 120
_SHOWN: Final = 200


class DnsHook:
    """Runs the program as `PROGRAM add NAME VALUE`, later `PROGRAM remove NAME VALUE`, without a shell."""

    def __init__(self, command: str, folder: Path) -> None:
        """``folder`` is where what it says is kept while it runs: a container may have no /tmp."""
        self._command = shlex.split(command)
        self._folder = folder
        self._added: list[tuple[str, str]] = []

    def add(self, name: str, value: str) -> None:
        """Add a record. Raises SetupError."""
        self._added.append((name, value))  # also if it fails: it may have come half of the way
        self._run("add", name, value)

    def remove(self) -> None:
        """Remove all records. Raises SetupError for the first that stays, after trying all."""
        failures = []
        while self._added:
            name, value = self._added.pop()
            try:
                self._run("remove", name, value)
            except SetupError as error:
                failures.append(error)
        for failure in failures:
            raise failure

    def _run(self, *words: str) -> None:
        program = Path(self._command[0]).name
        with TemporaryFile(dir=self._folder) as errors:
            try:
                process = subprocess.Popen(  # noqa: S603 - the operator's own program
                    [*self._command, *words],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
                )
            except OSError as error:
                raise SetupError(f"acme.dns_command: cannot run {program}: {error.strerror}") from error
            try:
                status = process.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                raise SetupError(
                    f"acme.dns_command: `{program} {words[0]}` ran for more than {_SECONDS} seconds"
                ) from None
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
            if status:
                errors.seek(0)
                said = " ".join(errors.read(_SHOWN * 4).decode("utf-8", "replace").split())[:_SHOWN]
                raise SetupError(
                    f"acme.dns_command: `{program} {words[0]} {words[1]} …` ended with status {status}"
                    f"{f' ({said})' if said else ''}"
                )
