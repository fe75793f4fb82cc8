"""Start the servers that are measured: each a process of its own, pinned to one core, on a free port."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.programs import Program

SERVER_CORE = 0
LOAD_CORE = 1
BENCH = Path(__file__).parent

# Rates and caps are raised far above the load: what is measured is the work, not the refusal.
CONFIGURATION = """
[logins]
tickets_per_session = 1000000

[connections]
total = 60000
per_address = 60000
per_user = 60000

[rates]
messages_per_minute = 100000000
message_burst = 100000000
message_bytes_per_minute = 10000000000
message_bytes_per_day = 10000000000000
message_bytes_burst = 10000000000
requests_per_minute = 100000000
request_burst = 100000000
reads_per_minute = 100000000
read_burst = 100000000
read_bytes_per_minute = 10000000000
read_bytes_burst = 10000000000
bytes_per_minute = 2000000000
bytes_burst = 2000000000
http_per_minute = 100000000
http_burst = 100000000
"""


@dataclass(frozen=True)
class Running:
    """A server that is ready."""

    pid: int
    port: int

    def resident(self) -> float:
        """Return the process's resident memory in MiB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def pin(core: int) -> None:
    """Bind this process to one core, where there is a second one for the load."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})


def _await(ready: Path, process: "subprocess.Popen[bytes]") -> str:
    """Wait for the ready file of a process that is starting."""
    for _ in range(600):
        if ready.exists() and (text := ready.read_text()):
            return text
        if process.poll() is not None:
            raise SystemExit(f"the server ended with {process.returncode} before it was ready")
        time.sleep(0.05)
    raise SystemExit("the server was not ready within 30 s")


@contextmanager
def _process(command: list[str], ready: Path, folder: Path | None = None) -> Iterator[tuple[int, str]]:
    ready.unlink(missing_ok=True)
    log = ready.with_suffix(".log").open("wb")
    process = subprocess.Popen(
        command,
        stderr=log,
        cwd=folder,
        preexec_fn=lambda: pin(SERVER_CORE),  # noqa: PLW1509 - no thread of ours runs then
    )
    try:
        yield process.pid, _await(ready, process)
    finally:
        process.terminate()
        process.wait(10)
        log.close()


@contextmanager
def baseline(data: Path) -> Iterator[Running]:
    """Run the bare broadcast server with the certificate of the data folder."""
    ready = data.parent / "baseline.ready"
    command = [sys.executable, str(BENCH / "baseline.py"), "--port", "0", "--ready", str(ready)]
    command += ["--cert", str(data / "server.pem"), "--key", str(data / "server.key")]
    with _process(command, ready) as (pid, text):
        yield Running(pid, int(text))


@contextmanager
def running(program: Program, data: Path, *, loop: str = "auto", workers: int = 1) -> Iterator[Running]:
    """Run a program's server on the event loop of this name (`fast`, `asyncio`, `auto`)."""
    ready = data.parent / "server.ready"  # not in the data folder: the server refuses files of others there
    command = [sys.executable, "-m", program.module, "run", "--data", str(data)]
    command += ["--listen", "127.0.0.1:0", "--ready-file", str(ready)]
    command += ["--loop", loop, "--workers", str(workers)]
    with _process(command, ready, program.folder) as (pid, text):
        yield Running(pid, urlsplit(json.loads(text)["url"]).port or 0)


def make_data(program: Program, folder: Path) -> Path:
    """Make a data folder with a certificate and the raised limits."""
    data = folder / "data"
    command = [sys.executable, "-m", program.module, "init", "--data", str(data)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=program.folder)
    (data / f"{program.word}.toml").write_text(CONFIGURATION + program.rates)
    return data
