"""How long attacks get that are played in one process."""

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from parlour_lab.attack import Outcome, Verdict
from parlour_lab.runner import Runner


class _Growing(Future[int]):
    """A process that ends after another of its attacks has ended, which took all of the time."""

    def __init__(self, done: Path) -> None:
        super().__init__()
        self._done, self.asked = done, 0

    def result(self, timeout: float | None = None) -> int:
        """Be late twice; only the first time an outcome has come."""
        self.asked += 1
        if self.asked == 1:
            self._done.write_text("an outcome\n")
        raise TimeoutError(timeout)


def test_each_attack_has_the_time_anew(tmp_path: Path) -> None:
    """A process goes on while its attacks end, and is given up when none has for so long."""
    ended = _Growing(tmp_path / "done")
    assert Runner._wait(ended, tmp_path / "done", 1.0) is None
    assert ended.asked == 2


def test_what_was_not_begun_is_played_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that hangs is an error; those behind it are not."""
    played: list[list[str]] = []

    def outcomes(_: Runner, job: dict[str, Any], seconds: float) -> tuple[dict[str, Outcome], str]:
        played.append(job["attacks"])
        done = [name for name in job["attacks"] if name == "first" or job["attacks"] == ["last"]]
        return {name: Outcome(name, Verdict.HELD, "", seconds) for name in done}, "it took longer"

    monkeypatch.setattr(Runner, "_outcomes", outcomes)
    runner = object.__new__(Runner)
    runner.folder = tmp_path
    found = runner.play(["first", "hangs", "last"])
    assert [one.verdict for one in found] == [Verdict.HELD, Verdict.ERROR, Verdict.HELD]
    assert played == [["first", "hangs", "last"], ["hangs"], ["last"]]
