"""A server of the laboratory's own: a process on loopback, from the packages that this process has imported.

``LabServer`` forks, so that the server is the same copy of the code (with its defences or without one), and
is started by the same command that an operator types. It never listens on anything but loopback.
"""

import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from parlour_lab.process_memory import holds, resident
from parlour_lab.wire import ALLOWED_ORIGIN, OTHER_ORIGIN, PATIENCE, ServerAddress

LOOPBACK: Final = "127.0.0.1"
PEOPLE: Final = ("mallory", "ada", "ben")
"""Who has an account and a session on every server. Mallory attacks."""
STRANGER: Final = "127.0.0.66"
"""Another address of this machine, for attacks that need one (Linux has all of 127.0.0.0/8)."""
SETTINGS: Final = f"""
[listen]
origins = ["{ALLOWED_ORIGIN}", "{OTHER_ORIGIN}"]
[connections]
tls_seconds = 2
request_seconds = 2
body_seconds = 2
[rates]
http_per_minute = 100000
http_burst = 10000
[logins]
tickets_per_session = 10000
"""
"""Of the server that attacks share: deadlines are short, and one address may ask the API a lot."""
_CREDENTIALS: Final = "credentials.json"
_STOP_SECONDS: Final = 15


class LabServer(ServerAddress):
    """`parlour-server` on a folder of its own, which was prepared with people in it."""

    def __init__(
        self, folder: Path, prepared: Path | None, settings: str = SETTINGS, *, as_command: bool = False
    ) -> None:
        """Copy what ``prepare`` made into ``folder``; ``as_command`` starts a new Python, not a fork."""
        super().__init__()
        self.folder = folder
        self.data = folder / "data"
        self.log_file = folder / "server.log"
        self._ready = folder / "ready.json"
        self._as_command = as_command
        self._pid = 0
        folder.mkdir(exist_ok=True)
        if prepared is not None:
            shutil.copytree(prepared / "data", self.data)
            credentials = json.loads((prepared / _CREDENTIALS).read_text())
            self.invite_code, self.sessions = credentials["invite"], credentials["sessions"]
            self.ca = (self.data / "ca.pem").read_text()
        if settings:
            (self.data / "parlour.toml").write_text(settings)
        self.log_file.touch()

    # the process
    @property
    def pid(self) -> int:
        """The process."""
        assert self._pid, "the server is not running"  # noqa: S101 - a wrong step of an attack
        return self._pid

    def start(self, *arguments: str) -> None:
        """Start it and wait until it is ready. Raises RuntimeError with its log if it ends instead."""
        _refuse_another_address(arguments)
        self._ready.unlink(missing_ok=True)
        command = ["run", "--data", str(self.data), "--listen", f"{LOOPBACK}:{self.port}"]
        self._pid = self._begin([*command, "--ready-file", str(self._ready), *arguments])
        end = time.monotonic() + PATIENCE
        while not self._ready.exists() or not self._ready.stat().st_size:
            if not self.is_running() or time.monotonic() > end:
                raise RuntimeError(f"the server did not start: {self.log_file.read_text()[-2000:]}")
            time.sleep(0.01)  # another process writes the file: there is no event to wait for
        self.port = urlsplit(json.loads(self._ready.read_text())["url"]).port or 0
        self.ca = (self.data / "ca.pem").read_text()

    def run_to_end(self, *arguments: str) -> tuple[int, str]:
        """Start another server on the same folder, which is expected to end; return its status and output."""
        _refuse_another_address(arguments)
        log = self.folder / "other.log"
        log.write_bytes(b"")
        command = ["run", "--data", str(self.data), "--listen", f"{LOOPBACK}:0", *arguments]
        pid = self._begin(command, log)
        return _wait(pid, PATIENCE), log.read_text()

    def operate(self, *arguments: str, data: Path | None = None) -> tuple[int, str]:
        """Run a command of the operator on its folder, or another; return its status and output."""
        log = self.folder / "command.log"
        log.write_bytes(b"")
        pid = _fork([*arguments, "--data", str(data or self.data)], log)
        return _wait(pid, PATIENCE), log.read_text()

    def _begin(self, arguments: list[str], log: Path | None = None) -> int:
        log = log or self.log_file
        if not self._as_command:
            return _fork(arguments, log)
        with log.open("ab") as out:
            line = [sys.executable, "-m", "parlour_server", *arguments]
            environment = {name: text for name, text in os.environ.items() if name != "OPENSSL_CONF"}
            told = [(os.POSIX_SPAWN_DUP2, out.fileno(), number) for number in (1, 2)]
            return os.posix_spawn(sys.executable, line, environment, file_actions=told)

    def is_running(self) -> bool:
        """Say whether the process has not ended."""
        if self._pid and _poll(self._pid) is not None:
            self._pid = 0
        return self._pid != 0

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal while it runs."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait until it ends; return its status. Raises TimeoutError."""
        pid, self._pid = self.pid, 0
        return _wait(pid, seconds)

    def stop(self) -> None:
        """End it as an operator does; it is killed if it doesn't end."""
        if self.is_running():
            self.send_signal(signal.SIGTERM)
            pid, self._pid = self._pid, 0
            try:
                _wait(pid, _STOP_SECONDS)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                _wait(pid, _STOP_SECONDS)

    def kill(self) -> None:
        """End it without a word."""
        if self.is_running():
            self.send_signal(signal.SIGKILL)
            self.wait()

    # its people
    def invite_people(self, *users: str) -> Mapping[str, Any]:
        """Make accounts by an invite for many, and log them in; return the invite's code and the sessions."""
        status, said = self.operate("invite", "create", "--uses", "1000", "--json")
        code = re.search(r"code=([A-Za-z0-9_-]+)", said)
        if status or code is None:
            raise RuntimeError(f"parlour-server invite create: {said}")
        self.invite_code = code[1]
        self.sessions = {user: self.newcomer(user) for user in users}
        return {"invite": self.invite_code, "sessions": self.sessions}

    # what can be seen of it from its own machine
    def log_text(self) -> str:
        """Return its log."""
        return self.log_file.read_text(errors="backslashreplace")

    def logged(self) -> list[dict[str, Any]]:
        """Return the lines of its log, of which it may be writing one more."""
        lines = self.log_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def memory(self) -> int:
        """Return its resident memory in bytes (Linux)."""
        return resident(self.pid)

    def holds(self, needle: bytes) -> bool:
        """Tell whether it stands anywhere in its writable memory, in use or not (Linux)."""
        return holds(self.pid, needle)


def prepare(folder: Path) -> None:
    """Make a data folder with people in it, of which every server gets a copy."""
    server = LabServer(folder, None, "")
    status, said = server.operate("init")
    if status:
        raise RuntimeError(f"parlour-server init: {said}")
    (server.data / "parlour.toml").write_text(SETTINGS)
    server.start()
    try:
        credentials = server.invite_people(*PEOPLE)
    finally:
        server.stop()
    (folder / _CREDENTIALS).write_text(json.dumps(credentials))


def _refuse_another_address(arguments: Sequence[str]) -> None:
    """Raise ValueError if an attack would have its server listen on more than loopback."""
    if any(one.startswith("--listen") for one in arguments):
        raise ValueError("the laboratory's servers listen on loopback only")


def _fork(arguments: list[str], log: Path) -> int:
    """Run `parlour-server ARGUMENTS` in a fork of this process; what it says goes to the log."""
    import_server()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        status = _be_server(arguments, log)
    except BaseException as error:  # noqa: BLE001 - the end of a process
        os.write(2, f"{error!r}\n".encode())
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def import_server() -> None:
    """Load all that a server is made of, so that those that are forked don't each load it."""


def _be_server(arguments: list[str], log: Path) -> int:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.closerange(3, min(os.sysconf("SC_OPEN_MAX"), 65_536))
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115 - as Python opens it
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", closefd=False)  # noqa: SIM115 - the same
    sys.argv = ["parlour-server", *arguments]
    sys.orig_argv = [sys.executable, "-m", "parlour_server", *arguments]
    from parlour_server.chat.cli.command_line import COMMAND_LINE  # noqa: PLC0415 - see ``import_server``

    return COMMAND_LINE.run(arguments)


def _poll(pid: int) -> int | None:
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return 0
    return None if not found else os.waitstatus_to_exitcode(status)


def _wait(pid: int, seconds: float) -> int:
    end = time.monotonic() + seconds
    while (status := _poll(pid)) is None:
        if time.monotonic() > end:
            raise TimeoutError(f"process {pid} did not end in {seconds:.0f} s")
        time.sleep(0.005)  # the end of another process
    return status
