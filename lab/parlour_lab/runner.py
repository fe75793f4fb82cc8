"""Plays attacks and tests in forked processes, some at a time, each for a bounded time."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from parlour_lab.attack import Outcome, Stage, Verdict, load, shown

ATTACK_SECONDS: Final = 60
"""The longest that one attack may take with what it needs around it."""
ALL_SECONDS: Final = 300
"""The longest that preparing, and all tests in one process, may take."""


@dataclass(frozen=True)
class Tests:
    """How some tests ended."""

    status: int
    """Pytest's, or the process's if it was ended."""
    said: str
    passed: frozenset[str]
    failed: frozenset[str]
    """They failed in their own body."""

    def has_passed(self, node: str) -> bool:
        """Return whether this test was run and passed, with all its parameters."""
        return any(_is_of(node, one) for one in self.passed) and not self.has_failed(node)

    def has_failed(self, node: str) -> bool:
        """Return whether this test failed itself."""
        return any(_is_of(node, one) for one in self.failed)


def _is_of(node: str, one: str) -> bool:
    return one == node or one.startswith(f"{node}[")


class Runner:
    """The process that forks, a temporary folder, and what was prepared in it."""

    def __init__(self, *, tests: bool = False) -> None:
        """Start the process; ``tests`` lets it import pytest as well."""
        self.folder = Path(tempfile.mkdtemp(prefix="parlour-lab-"))
        self._ended: dict[str, Future[int]] = {}
        self._lock = threading.Lock()
        self._count = 0
        configured = os.fspath(_openssl_configuration())
        environment = {**os.environ, "PYTHONHASHSEED": "0", "OPENSSL_CONF": configured}
        for name in list(environment):  # own settings are not for the laboratory
            if name in _NOT_PASSED_ON or name.startswith(("PARLOUR_", "PG")):
                del environment[name]
        command = [sys.executable, "-m", "parlour_lab.zygote", *(["--tests"] if tests else [])]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process that forks."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End everything that still runs, and remove the folder."""
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        assert self._process.stdout is not None  # noqa: S101 - the same
        self._process.stdin.close()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def prepare(self, stages: set[Stage]) -> None:
        """Make what the attacks of these stages are given copies of. Raises RuntimeError."""
        what = ["people"] if Stage.PEOPLE in stages else []
        what += ["server"] if stages & {Stage.SERVER, Stage.OWN_SERVER, Stage.FOLDER} else []
        (self.folder / "prepared").mkdir()
        status, said, _ = self._run(
            {"prepare": what, "folder": str(self.folder / "prepared"), "paths": []}, ALL_SECONDS
        )
        if status:
            raise RuntimeError(said)

    def play(
        self, names: Sequence[str], paths: Sequence[str] = (), seconds: float = ATTACK_SECONDS
    ) -> list[Outcome]:
        """Play these attacks in one process, on the copy at ``paths`` or on Parlour as installed.

        Each has so many seconds. What has none left because another took them is played again by itself.
        """
        job = {
            "attacks": list(names),
            "paths": list(paths),
            "prepared": str(self.folder / "prepared"),
        }
        found, why = self._outcomes(job, seconds)
        if len(names) == 1:
            return [found.get(name, Outcome(name, Verdict.ERROR, why, 0)) for name in names]
        return [found[name] if name in found else self.play([name], paths, seconds)[0] for name in names]

    def _outcomes(self, job: dict[str, Any], seconds: float) -> tuple[dict[str, Outcome], str]:
        """Return what ended, and why the others did not."""
        status, said, done = self._run(job, seconds)
        outcomes = [Outcome.from_json(json.loads(line)) for line in done.splitlines()]
        slow = f"it took longer than {seconds:g} seconds"
        why = slow if status < 0 else f"its process ended with {status}: {said[-1500:]}"
        return {one.attack: one for one in outcomes}, shown(why)

    def play_all(
        self,
        names: Sequence[str],
        *,
        workers: int = 0,
        told: Callable[[Outcome], None] = lambda _: None,
    ) -> list[Outcome]:
        """Play attacks on Parlour as installed: those that share a server in one process, others beside them.

        ``told`` hears of each process's outcomes when it has ended.
        """
        workers = workers or workers_here()
        shared = [name for name in names if load(name).stage is Stage.SERVER]
        special = [name for name in shared if load(name).settings]
        usual = [name for name in shared if not load(name).settings]
        others = [name for name in names if load(name).stage is not Stage.SERVER]
        parts = [special, usual, *(others[first::workers] for first in range(workers))]
        with ThreadPoolExecutor(workers) as threads:
            found: dict[str, Outcome] = {}
            for played in as_completed([threads.submit(self.play, part) for part in parts if part]):
                for outcome in played.result():
                    found[outcome.attack] = outcome
                    told(outcome)
        return [found[name] for name in names]

    def play_remotely(self, names: Sequence[str], permit: Mapping[str, Any]) -> list[Outcome]:
        """Play attacks on a server elsewhere, by its operator's permit; only those that are made for it."""
        wanted = [name for name in names if load(name).remote]
        job = {"attacks": wanted, "paths": [], "permit": dict(permit)}
        found, why = self._outcomes(job, ATTACK_SECONDS)
        return [found.get(name, Outcome(name, Verdict.ERROR, why, 0)) for name in wanted]

    def test(
        self, nodes: Sequence[str], root: Path, paths: Sequence[str], seconds: float = ATTACK_SECONDS
    ) -> Tests:
        """Run tests in a copy of the repository."""
        job = {"test": list(nodes), "root": str(root), "paths": list(paths)}
        status, said, done = self._run(job, seconds)
        heard = json.loads(done or '{"passed": [], "failed": []}')
        return Tests(status, said, frozenset(heard["passed"]), frozenset(heard["failed"]))

    def _run(self, job: dict[str, Any], seconds: float) -> tuple[int, str, str]:
        with self._lock:
            self._count += 1
            count = self._count
            file = self.folder / f"job-{count}"
            ended: Future[int] = Future()
            self._ended[str(file)] = ended
        place = self.folder / f"work-{count}" if "folder" not in job else Path(job["folder"])
        place.mkdir(exist_ok=True)
        file.write_text(json.dumps({"folder": str(place), **job}))
        self._say({"job": str(file)})
        done = Path(f"{file}.done")
        status = self._wait(ended, done, seconds)
        if status is None:
            self._say({"end": str(file)})
            status = ended.result(30)
        said = Path(f"{file}.out").read_text(errors="backslashreplace")
        if "prepare" not in job:
            shutil.rmtree(place, ignore_errors=True)
        return status, said, done.read_text() if done.exists() else ""

    @staticmethod
    def _wait(ended: Future[int], done: Path, seconds: float) -> int | None:
        """Return the status of a process; None when for so many seconds none of its attacks has ended."""
        size = 0
        while True:
            try:
                return ended.result(seconds)
            except TimeoutError:
                now = done.stat().st_size if done.exists() else 0
                if now == size:
                    return None
                size = now

    def _say(self, order: dict[str, str]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        with self._lock:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        for line in self._process.stdout:
            answer = json.loads(line)
            self._ended.pop(answer["job"]).set_result(answer["status"])


_NOT_PASSED_ON: Final = {
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPATH",
    "PYTHONWARNINGS",
    *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"),
}


def _openssl_configuration() -> Path:
    """Return the file that a server's command would set: OpenSSL reads it once, in the process that forks."""
    from parlour_server.core.net import tls_groups  # noqa: PLC0415 - nothing else of the server is needed here

    name = "openssl.cnf" if tls_groups.HAS_HYBRID else "openssl-before-3.5.cnf"
    return Path(tls_groups.__file__).with_name(name)


def workers_here() -> int:
    """Return how many processes play at a time on this machine."""
    return max(2, os.cpu_count() or 1)


def stages_of(names: Sequence[str]) -> set[Stage]:
    """Return what these attacks need."""
    return {load(name).stage for name in names}
