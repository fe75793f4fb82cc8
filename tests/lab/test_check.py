"""Rows that are played: what is reported, and what the laboratory leaves alone."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner

from parlour_lab.attack import Outcome, Verdict
from parlour_lab.check import Checked, _checked, check, summary
from parlour_lab.commands import lab
from parlour_lab.rows import Defence, Row, rows, sample
from parlour_lab.runner import Runner
from parlour_lab.source import find_source
from parlour_lab.target import LabServer

ROWS = rows()
SOURCE = find_source()


def installed() -> str:
    """Return a digest of every source file that is installed."""
    files = sorted(path for folder in SOURCE.packages.values() for path in folder.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def test_rows_as_they_must_be_and_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replacement that changes nothing is reported, and one that breaks the program, too."""
    own = ("PARLOUR_DATABASE_URL", "PARLOUR_LISTEN_ADDRESS", "PGHOST", "HTTPS_PROXY", "PYTHONPATH")
    for name in own:
        monkeypatch.setenv(name, "/nowhere")
    passed_on: set[str] = set()
    play_all = Runner.play_all

    def noted(runner: Runner, *given: Any, **how: Any) -> list[Outcome]:
        if (environment := Path(f"/proc/{runner.pid}/environ")).exists():  # on Linux
            passed_on.update(one.partition("=")[0] for one in environment.read_text().split("\0"))
        return play_all(runner, *given, **how)

    monkeypatch.setattr(Runner, "play_all", noted)
    before, good = installed(), ROWS["T4"]
    (defence,) = good.defences
    harmless = replace(
        good, id="T40", defences=(replace(defence, replacement=defence.text + "    # a comment\n"),)
    )
    broken = replace(good, id="T41", defences=(replace(defence, replacement="\n    raise OSError\n"),))
    missing = replace(good, id="T42", defences=(Defence(defence.file, "no such text", "x"),))
    told: list[str] = []
    found = check([good, harmless, broken, missing], SOURCE, told=lambda one: told.append(one.row.id))
    assert [one.ok for one in found] == [True, False, False, False]
    assert found[0].without is not None
    assert "CANARY-password" in str(found[0].without.steps)
    assert found[1].problem.startswith("without the defence the attack ended as held")
    assert found[2].problem.startswith("without the defence the attack ended as error")
    assert "0 times, not once" in found[3].problem
    assert summary(found) == "3 of 4 rows failed: T40, T41, T42"
    assert sorted(told) == ["T4", "T40", "T41", "T42"]
    assert installed() == before
    assert not passed_on & set(own)


def test_an_attack_that_had_no_time_among_many_is_played_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine does not make the last ones look as if the defence were missing."""
    row = ROWS["T4"]
    late = Outcome(row.attack, Verdict.ERROR, "it took too long", 0)
    monkeypatch.setattr(Runner, "play_all", lambda *_, **__: [late])
    (found,) = check([row], SOURCE)
    assert found.ok, found.problem
    assert found.with_defence is not None
    assert found.with_defence.verdict is Verdict.HELD


def test_the_last_line() -> None:
    """It is this sentence only if every row is as it must be."""
    row = ROWS["T4"]
    held = Outcome(row.attack, Verdict.HELD, "", 0)
    good = Checked(row, held, replace(held, verdict=Verdict.BROKEN))
    assert summary([good] * 3) == "3 defences: each attack succeeded without and failed with it"
    assert "failed: T4" in summary([good, replace(good, problem="something")])
    missing = replace(good, with_defence=Outcome(row.attack, Verdict.NOT_TRIED, "There is no PostgreSQL.", 0))
    bare = replace(good, row=replace(row, id="T41", defences=(), absent="Nothing."), without=None)
    assert summary([good, missing, bare]).splitlines() == [
        "not tried: T4 (There is no PostgreSQL)",
        "nothing to take out, and the attack failed: T41",
        "1 defences: each attack succeeded without and failed with it",
    ]


@pytest.mark.long
def test_a_defence_of_a_library_is_taken_out_of_a_copy_of_it() -> None:
    """The process has imported the library before it forks, and plays on the copy nevertheless.

    A server's check, and what a client does: an old proxy takes a frame that is not masked for a request.
    """
    for found in check([ROWS["F2"], ROWS["F1-proxy"]], SOURCE):
        assert found.ok, found.problem


@pytest.mark.long
def test_a_few_rows() -> None:
    """Others in each run: their attacks and tests, with the defence and without. `make lab-check` has all."""
    said = CliRunner().invoke(lab, ["--check", "--tests", "--workers", "1", "--sample", "3"])
    assert said.exit_code == 0, said.output


def test_a_sample_is_the_same_for_a_seed() -> None:
    """It has only rows with something to take out, and at most all of them."""
    every = list(ROWS.values())
    assert sample(every, 5, 7) == sample(every, 5, 7) != sample(every, 5, 8)
    assert len(sample(every, 1000, 1)) == sum(bool(row.defences) for row in every)
    said = CliRunner().invoke(lab, ["--list", "--sample", "5"])
    assert "--sample need --check" in said.output


def test_what_an_attack_needs_is_not_here() -> None:
    """The row is not as it should not be: nothing was played, and nothing failed."""
    row = ROWS["T4"]
    nothing = cast("Any", None)
    found = _checked(
        nothing, nothing, row, Outcome(row.attack, Verdict.NOT_TRIED, "no OpenSSL 3.5", 0), tests=False
    )
    assert found.ok
    assert found.not_tried == "no OpenSSL 3.5"


def test_an_attack_that_does_not_hold_with_the_defence() -> None:
    """The row is reported, and nothing is played without the defence."""
    row = ROWS["T4"]
    error = Outcome(row.attack, Verdict.ERROR, "it failed", 0)
    nothing = cast("Any", None)
    found = _checked(nothing, nothing, row, error, tests=False)
    assert found.problem == "with the defence the attack ended as error: it failed"
    assert found.without is None


def test_a_server_of_the_laboratory_listens_on_loopback_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever the configuration says, the command line names loopback, and an attack can't name another."""
    monkeypatch.setenv("PARLOUR_LISTEN_ADDRESS", "0.0.0.0:0")
    begun: list[list[str]] = []
    server = LabServer(tmp_path, None, "")
    monkeypatch.setattr(server, "_begin", lambda arguments, *_: begun.append(arguments) or os.getpid())
    monkeypatch.setattr(server, "is_running", lambda: False)
    with pytest.raises(RuntimeError, match="did not start"):
        server.start()
    assert begun[0][begun[0].index("--listen") + 1] == "127.0.0.1:0"
    for start in (server.start, server.run_to_end):
        with pytest.raises(ValueError, match="loopback only"):
            start("--listen", "0.0.0.0:8443")
        with pytest.raises(ValueError, match="loopback only"):
            start("--listen=0.0.0.0:8443")


def test_replacements_are_python() -> None:
    """Every row's replacement keeps a file that Python compiles."""
    for row in ROWS.values():
        _compiles(row)


def _compiles(row: Row) -> None:
    texts: dict[str, str] = {}
    for defence in row.defences:
        text = texts.get(defence.file) or SOURCE.read(defence.file)
        texts[defence.file] = text.replace(defence.text, defence.replacement)
    for name, text in texts.items():
        if name.endswith(".py"):
            compile(text, f"{row.id}: {name}", "exec")
