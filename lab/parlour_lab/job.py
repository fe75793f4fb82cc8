"""What a forked process does: play attacks on the copy of Parlour that is on its path, or run a test."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parlour_lab.attack import Attack, Evidence, Outcome, Stage, Verdict, load, shown
from parlour_lab.source import LIBRARIES, PACKAGES

if TYPE_CHECKING:
    from parlour_lab.target import LabServer

Note = Callable[[Outcome], None]
_HANGS = 30
"""Seconds after which a test has failed that waits for what never comes."""
_LOG_LINES = 6
"""The most lines of a server's log that are shown with an attack."""


def work(job: dict[str, Any], done: Path) -> int:
    """Do the job and write outcomes, a line of JSON each; returns the exit status of the process."""
    if "test" in job:
        return _test(job, done)
    with done.open("a") as file:

        def note(outcome: Outcome) -> None:
            file.write(json.dumps(outcome.as_json()) + "\n")
            file.flush()

        folder = Path(job["folder"])
        if "prepare" in job:
            _prepare(job["prepare"], folder)
            return 0
        attacks = [load(name) for name in job["attacks"]]
        must_be_ours(job["paths"])
        if "permit" in job:
            play_remotely(attacks, job["permit"], note)
            return 0
        Players(folder, Path(job["prepared"]), note).play(attacks)
    return 0


def play_remotely(attacks: Sequence[Attack], permit: dict[str, Any], note: Note) -> None:
    """Play attacks on a server elsewhere. Raises ValueError if one is not made for that."""
    from parlour_lab.permit import Permit, RemoteServer  # noqa: PLC0415 - imports the product

    if not all(one.remote and one.stage is Stage.SERVER for one in attacks):
        raise ValueError("only attacks that harm nothing are tried on a server elsewhere")
    server = RemoteServer(Permit.from_json(permit))
    try:
        for one in attacks:
            note(one.play(server))
    finally:
        server.log_out()


def must_be_ours(paths: Sequence[str]) -> None:
    """Refuse to go on if a package came from anywhere but the scratch copy that this process was given."""
    if not paths:
        return
    copied = {*PACKAGES, *copied_libraries(paths)}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        is_copied = name.partition(".")[0] in copied
        if is_copied and file and not any(Path(file).is_relative_to(path) for path in paths):
            raise RuntimeError(f"{name} came from {file}, which is not the scratch copy")


def copied_libraries(paths: Sequence[str]) -> list[str]:
    """Return the libraries that lie in the scratch copy: a defence was taken out of them."""
    return [name for name in LIBRARIES if any((Path(path) / name).is_dir() for path in paths)]


def _prepare(what: Sequence[str], folder: Path) -> None:
    if "server" in what:
        from parlour_lab.target import prepare  # noqa: PLC0415 - imports the product

        prepare(folder / "server")
    if "people" in what:
        from parlour_lab.hostile.stage import prepare_people  # noqa: PLC0415 - the same

        prepare_people(folder / "people")


class _Heard:
    """Which tests passed, and which failed themselves: not in a fixture around them, nor while collecting."""

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Hear of a test."""
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)
        if report.when == "call" and report.failed:
            self.failed.add(report.nodeid)


def _test(job: dict[str, Any], done: Path) -> int:
    """Run tests, to the first that fails if only one is wanted; write which passed and failed."""
    import _hypothesis_pytestplugin  # noqa: PLC0415 - only where tests are run
    import pytest  # noqa: PLC0415
    import pytest_asyncio.plugin  # noqa: PLC0415
    import pytest_timeout  # noqa: PLC0415
    import xdist.plugin  # noqa: PLC0415

    os.chdir(job["root"])
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    given = ["-p", "no:cacheprovider", "-q", "--tb=line", "-m", "", f"--basetemp={job['folder']}/tests"]
    if len(job["test"]) == 1:  # without a defence it may wait for what never comes, which is a failure
        given += ["-x", f"--timeout={_HANGS}", "--timeout-method=signal"]
    heard = _Heard()
    plugins = [_hypothesis_pytestplugin, pytest_asyncio.plugin, pytest_timeout, xdist.plugin, heard]
    status = pytest.main([*given, *job["test"]], plugins=plugins)
    must_be_ours(job["paths"])
    done.write_text(json.dumps({"passed": sorted(heard.passed), "failed": sorted(heard.failed)}))
    return int(status)


class Players:
    """Attacks one after another, those that wait beside the others, each on the stage it needs."""

    def __init__(self, folder: Path, prepared: Path, note: Note) -> None:
        self._folder = folder
        self._prepared = prepared
        self._note = note
        self._count = 0

    def play(self, attacks: Sequence[Attack]) -> None:
        """Play them all."""
        shared: dict[tuple[str, bool], list[Attack]] = {}
        for one in attacks:
            if one.stage is Stage.SERVER:
                shared.setdefault((one.settings, one.command), []).append(one)
        for (settings, command), some in shared.items():
            self._on_one_server(some, settings, command=command)
        for one in attacks:
            if one.stage is not Stage.SERVER:
                self._note(self._alone(one))

    def _place(self) -> Path:
        self._count += 1
        place = self._folder / str(self._count)
        place.mkdir(parents=True)
        return place

    def _on_one_server(self, attacks: Sequence[Attack], settings: str, *, command: bool) -> None:
        from parlour_lab.target import SETTINGS, LabServer  # noqa: PLC0415 - imports the product

        place = self._place()
        server = LabServer(place, self._prepared / "server", settings or SETTINGS, as_command=command)
        try:
            server.start()
        except (RuntimeError, OSError) as error:
            for one in attacks:
                self._note(Outcome(one.id, Verdict.ERROR, shown(error), 0))
            return
        waiting = [one for one in attacks if one.waits]
        with ThreadPoolExecutor(max(1, len(waiting))) as threads:
            futures = [threads.submit(one.play, server) for one in waiting]
            for one in attacks:
                if not one.waits:
                    self._note(self._one_of_many(one, server))
            for future in futures:
                self._note(future.result())
        server.stop()
        shutil.rmtree(place, ignore_errors=True)

    @staticmethod
    def _one_of_many(one: Attack, server: "LabServer") -> Outcome:
        """Play an attack on a server that others need afterwards: it is started again if it has ended."""
        before = server.log_file.stat().st_size
        outcome = _with_log(one.play(server), server.log_text()[before:])
        if server.is_running():
            return outcome
        server.start()
        return replace(outcome, verdict=Verdict.ERROR, why="the attack ended the server that others share")

    def _alone(self, one: Attack) -> Outcome:
        place, start = self._place(), time.monotonic()
        try:
            return self._on_stage(one, place)
        except Exception as error:  # noqa: BLE001 - what stands around an attack failed, and others follow
            return one.outcome(Evidence(), start, error)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _on_stage(self, one: Attack, place: Path) -> Outcome:
        match one.stage:
            case Stage.NOTHING:
                return one.play(place)
            case Stage.UNIT:
                with _no_network():
                    return one.play(place)
            case Stage.PEOPLE:
                from parlour_lab.hostile.stage import play_among_people  # noqa: PLC0415 - imports the product

                return play_among_people(one, self._prepared / "people", place)
            case Stage.PAIR:
                from parlour_lab.cluster import Pair  # noqa: PLC0415 - the same

                with Pair(place) as pair:
                    return one.play(pair)
            case _:
                return self._on_own_server(one, place)

    def _on_own_server(self, one: Attack, place: Path) -> Outcome:
        from parlour_lab.target import SETTINGS, LabServer  # noqa: PLC0415 - imports the product

        server = LabServer(place, self._prepared / "server", one.settings or SETTINGS, as_command=one.command)
        try:
            if one.stage is Stage.OWN_SERVER:
                server.start()
            return _with_log(one.play(server), server.log_text())
        finally:
            server.kill()


@contextmanager
def _no_network() -> Iterator[None]:
    """Raise RuntimeError in the block for connecting to an address, and for listening on one."""
    if not _refused:
        sys.addaudithook(_refuse)  # for the rest of the process
        _refused.append(False)
    _refused[0] = True
    try:
        yield
    finally:
        _refused[0] = False


_refused: list[bool] = []
"""Whether the network is refused now; empty until the hook is there."""


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    is_network = event in {"socket.bind", "socket.connect"} and isinstance(arguments[1], tuple)
    if is_network and _refused[0]:
        raise RuntimeError(f"a unit used the network ({event})")


def _with_log(outcome: Outcome, log: str) -> Outcome:
    """Add what the server's log says, bounded: its last lines."""
    seen = Evidence(steps=list(outcome.steps), left_out=outcome.left_out)
    for line in log.splitlines()[-_LOG_LINES:]:
        seen.log(line)
    if outcome.verdict is Verdict.HELD and "Traceback" in log:
        outcome = replace(outcome, verdict=Verdict.ERROR, why="the server's log has a traceback")
    return replace(outcome, steps=tuple(seen.steps), left_out=seen.left_out)
