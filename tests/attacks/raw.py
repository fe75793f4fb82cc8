"""A server process for a test, which the laboratory's client attacks."""

import json
import os
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.e2e.processes import DEADLINE, Server

from parlour_lab.process_memory import holds, resident
from parlour_lab.wire import PASSWORD, ServerAddress

PATIENCE = DEADLINE


class RunningServer(Server, ServerAddress):
    """A server process, and what an attacker with an account can have."""

    def __init__(self, folder: Path) -> None:
        ServerAddress.__init__(self)
        self.patience = PATIENCE
        Server.__init__(self, folder)
        self._codes: list[str] = []

    def begin(self, settings: str = "") -> None:
        """Make its folder, with ``settings`` as its configuration, and start it."""
        self.command("init")
        (self.data / "parlour.toml").write_text(settings)
        self.start()

    @property
    def pid(self) -> int:
        """The process."""
        assert self.process is not None
        return self.process.pid

    def context(self) -> ssl.SSLContext:
        """Return the context of a good client for the test to change."""
        return ssl.create_default_context(cafile=os.fspath(self.data / "ca.pem"))

    def code(self) -> str:
        """Return an invite's code that makes one more account: five share an invite, to save processes."""
        if not self._codes:
            self._codes += [urlsplit(self.invite()).fragment.split("code=")[1].split("&")[0]] * 5
        return self._codes.pop()

    def session(self, user: str = "mallory", *, invite: str = "") -> str:
        """Log someone in, after making the account where an invite's code is given; return the session."""
        if invite:
            body = {"invite": invite, "username": user, "password": PASSWORD}
            assert self.api("POST", "/v1/accounts", body).status == 201
        return self.log_in(user)

    def newcomer(self, user: str) -> str:
        """Make an account and log it in; return the session."""
        return self.session(user, invite=self.code())

    def memory(self) -> int:
        """Return the server's resident memory in bytes."""
        return resident(self.pid)

    def holds(self, needle: bytes) -> bool:
        """Tell whether it stands anywhere in the server's memory that can be written, in use or not."""
        return holds(self.pid, needle)

    def cpu(self) -> float:
        """Return the seconds of CPU that it has used: work, whatever else the machine does."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stop the process in the block: it finds all of what is sent meanwhile when it goes on."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def logged(self) -> list[dict[str, Any]]:
        """Return the lines of its log, of which it may be writing one more."""
        lines = self.log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def stop(self) -> None:
        """Stop it."""
        self.kill(signal.SIGTERM)
