"""A process that has imported what Parlour needs, but no Parlour, and forks one that plays attacks.

Most of a start is imports of libraries. Each fork gets its own copy of Parlour on its path (as installed, or
the scratch copy without a defence) and ends with everything that it started.
Lines of JSON on standard input: `{"job": FILE}` plays it, `{"end": FILE}` ends one that takes too long. Each
is answered with `{"job": FILE, "status": N}` when it has ended.
"""

import importlib
import json
import os
import selectors
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

LIBRARIES: Final = (
    "aiofastnet",
    "alembic.command",
    "alembic.migration",
    "alembic.operations",
    "apsw",
    "argon2",
    "asyncio",
    "bidi.algorithm",
    "click.testing",
    "concurrent.futures.thread",
    "cryptography.hazmat.primitives.serialization.pkcs12",
    "cryptography.x509",
    "ctypes",
    "emoji",
    "grp",
    "h11",
    "http.client",
    "mnemonic",
    "msgspec",
    "nacl.bindings",
    "nacl.signing",
    "platformdirs",
    "precis_i18n",
    "prometheus_client",
    "segno",
    "sqlalchemy",
    "sqlalchemy.dialects.sqlite",
    "sqlite3",
    "starlette.applications",
    "starlette.routing",
    "textual.app",
    "textual.widgets",
    "tomlkit",
    "uvloop",
    "websockets.client",
    "websockets.frames",
    "websockets.protocol",
    "websockets.server",
    "websockets.uri",
    "xml.etree.ElementTree",
    "zxcvbn",
)
TESTING: Final = (
    "pytest",
    "_pytest.assertion.rewrite",
    "pytest_asyncio.plugin",
    "pytest_timeout",
    "xdist.plugin",
    "hypothesis",
    "_hypothesis_pytestplugin",
    "psutil",
    "pyte",
    "PIL",
)
"""What tests need besides; only where they are run."""


def main() -> None:
    """Fork until standard input ends."""
    for name in (*LIBRARIES, *(TESTING if "--tests" in sys.argv else ())):
        with suppress(ImportError):
            importlib.import_module(name)
    pids: dict[int, str] = {}
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = selectors.DefaultSelector()
    waiting.register(0, selectors.EVENT_READ)
    waiting.register(woken, selectors.EVENT_READ)
    rest = b""
    while True:
        for key, _ in waiting.select():
            if key.fd == woken:
                os.read(woken, 4096)
                _reap(pids)
                continue
            data = os.read(0, 65_536)
            if not data:
                for pid in pids:
                    _end(pid)
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                _obey(json.loads(line), pids)


def _obey(order: dict[str, Any], pids: dict[int, str]) -> None:
    if "end" in order:
        for pid, job in pids.items():
            if job == order["end"]:
                _end(pid)
        return
    pid = os.fork()
    if pid == 0:
        _play(Path(order["job"]))
    with suppress(OSError):
        os.setpgid(pid, pid)
    pids[pid] = order["job"]


def _reap(pids: dict[int, str]) -> None:
    while pids:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _end(pid)  # what it has left running
        if pid in pids:
            answer = {"job": pids.pop(pid), "status": os.waitstatus_to_exitcode(status)}
            os.write(1, json.dumps(answer).encode() + b"\n")


def _end(group: int) -> None:
    with suppress(OSError):
        os.killpg(group, signal.SIGKILL)


def _play(file: Path) -> None:
    status = 70
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        job = json.loads(file.read_text())
        out = os.open(f"{file}.out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.closerange(3, 256)
        paths = job["paths"]
        if paths:
            sys.path[:0] = paths
            os.environ["PYTHONPATH"] = os.pathsep.join(paths)
        from parlour_lab.job import copied_libraries, work  # noqa: PLC0415 - after the path was set

        for library in copied_libraries(paths):
            for name in [one for one in sys.modules if one.partition(".")[0] == library]:
                del sys.modules[name]  # the fork imports the copy
        status = work(job, Path(f"{file}.done"))
    except BaseException:  # noqa: BLE001 - the end of a process
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
