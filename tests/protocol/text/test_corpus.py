"""The shared corpus passes, and the runner cannot pass by accident."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
RUNNER = Path(__file__).with_name("corpus.py")
SHARED = Path(os.environ.get("PARLOUR_SHARED", ROOT.parent / "shared"))
CORPUS = SHARED / "text" / "corpus.json"


def _load_runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("corpus_runner", RUNNER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


runner = _load_runner()


def _run(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(RUNNER), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own script


def _write(tmp_path: Path, *entries: dict[str, str]) -> Path:
    path = tmp_path / "corpus.json"
    path.write_text(json.dumps(entries), "utf-8")
    return path


def test_every_entry_of_the_shared_corpus_passes():
    """Each text of the corpus is treated as its author says it must be."""
    assert CORPUS.exists(), (
        f"The corpus is not at {CORPUS}: put it there or set PARLOUR_SHARED to its folder."
    )
    failures = {entry.id: found for entry in runner.load(CORPUS) if (found := runner.problems(entry))}
    assert failures == {}


def test_the_script_counts_and_ends_with_0_only_when_all_passed(tmp_path: Path):
    """One failing entry makes the script fail and is named in its output."""
    good = {"id": "good", "text": "hello", "expect": "unchanged", "context": "message"}
    bad = {"id": "bad", "text": "hello", "expect": "escape", "context": "message"}
    passed = _run(_write(tmp_path, good))
    assert (passed.returncode, passed.stdout) == (0, "1 passed, 0 failed\n")
    failed = _run(_write(tmp_path, good, bad))
    assert failed.returncode == 1
    assert "'bad'" in failed.stdout
    assert failed.stdout.endswith("1 passed, 1 failed\n")


@pytest.mark.parametrize("content", [None, "not json", "[]", '[{"id": "x"}]'], ids=str)
def test_a_file_that_is_no_corpus_fails_in_words(tmp_path: Path, content: str | None):
    """An absent or empty file is never a pass."""
    path = tmp_path / "none.json"
    if content is not None:
        path.write_text(content, "utf-8")
    result = _run(path)
    assert result.returncode == 2
    assert str(path) in result.stderr


@pytest.mark.parametrize(
    ("expect", "text", "context"),
    [
        ("escape", "plain", "message"),
        ("reject", "plain", "message"),
        ("limit-marks", "e\u0301", "message"),
        ("limit-cluster", "\U0001f44b\U0001f3fb", "message"),
        ("unchanged", "a\u202eb", "message"),
        ("verbatim", "a\x07", "message"),
        ("fold", "short", "message"),
        ("expand", "a\tb\x00", "message"),
        ("dotted-circle", "e\u0301", "message"),
        ("mark-blank", "seen", "message"),
        ("no-such-thing", "text", "message"),
        ("reject-or-skeleton", "robert", "name"),
        ("unchanged", "\u0440\u043e\u0431erto", "name"),
        ("no-such-thing", "robert", "name"),
    ],
)
def test_each_check_can_fail(expect: str, text: str, context: str):
    """No expectation is met by a text to which it does not apply."""
    assert runner.problems(runner.Entry("x", text, expect, context))
