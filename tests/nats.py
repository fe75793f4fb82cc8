"""A real NATS server on loopback, from a wheel: one for each process of the tests that needs it."""

import atexit
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

from tools.cluster.process import START_SECONDS, reserved_port
from tools.cluster.watchdog import Watchdog


class NatsServer:
    """A process that a test may end, stop and start again: it keeps its port."""

    def __init__(self, config: str = "") -> None:
        """Start one; ``config`` is text of its configuration file."""
        self._folder = Path(tempfile.mkdtemp(prefix="nats"))
        self._config = self._folder / "server.conf"
        self._config.write_text(config)
        self._port = reserved_port(self)
        self._process = self._start()
        atexit.register(self.close)

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    def kill(self) -> None:
        """End it as kill -9 does."""
        self._watchdog.release()
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Let it hang."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def start(self) -> None:
        """Start it again."""
        self._process = self._start()

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> "subprocess.Popen[bytes]":
        command = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or "nats-server"
        arguments = ("-a", "127.0.0.1", "-p", str(self._port), "-c", str(self._config))
        process = subprocess.Popen(  # noqa: S603 - ours
            [command, *arguments, "--ports_file_dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._watchdog = Watchdog(process.pid, self._folder)
        deadline = time.monotonic() + START_SECONDS
        while not self._listens(process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nats-server did not start: {process.poll()}")
            time.sleep(0.01)
        return process

    def _listens(self, pid: int) -> bool:
        path = self._folder / f"nats-server_{pid}.ports"
        return path.exists() and path.stat().st_size > 0


@cache
def server() -> NatsServer:
    """Start the one that the tests of this process share; none of them may end it."""
    return NatsServer()
