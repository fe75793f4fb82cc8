"""The corpus passes, and the runner cannot pass by accident."""

import importlib.util
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest

RUNNER = Path(__file__).with_name("corpus.py")


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
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as errors:
        status = runner.main([str(path)])
    return subprocess.CompletedProcess([], status, out.getvalue(), errors.getvalue())


def _run_script(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(RUNNER), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own script


def _write(tmp_path: Path, *entries: dict[str, str]) -> Path:
    path = tmp_path / "corpus.json"
    path.write_text(json.dumps(entries), "utf-8")
    return path


def test_every_entry_of_the_corpus_passes():
    """Each text of the corpus is treated as its author says it must be."""
    entries = runner.load(runner.CORPUS)
    assert len({entry.id for entry in entries}) == len(entries) >= 463
    assert {entry.id: found for entry in entries if (found := runner.problems(entry))} == {}


def test_every_entry_written_from_the_rule_passes():
    """Invisible characters are judged by their place: legitimate and hostile ones of each kind."""
    failures = {
        entry.id: found
        for entry in runner.load(runner.CORPUS.with_name("rule.json"))
        if (found := runner.problems(entry))
    }
    assert failures == {}


def test_the_script_counts_and_ends_with_0_only_when_all_passed(tmp_path: Path):
    """One failing entry makes the script fail and is named in its output."""
    good = {"id": "good", "text": "hello", "expect": "unchanged", "context": "message"}
    bad = {"id": "bad", "text": "hello", "expect": "escape", "context": "message"}
    passed = _run_script(_write(tmp_path, good))
    assert (passed.returncode, passed.stdout) == (0, "1 passed, 0 failed\n")
    failed = _run_script(_write(tmp_path, good, bad))
    assert failed.returncode == 1
    assert "'bad'" in failed.stdout
    assert failed.stdout.endswith("1 passed, 1 failed\n")


def test_one_entry_with_a_byte_order_mark_is_a_corpus(tmp_path: Path):
    """Some editors put the mark before a file."""
    path = _write(tmp_path, {"id": "one", "text": "hello", "expect": "unchanged"})
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert (_run(path).returncode, _run(path).stdout) == (0, "1 passed, 0 failed\n")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "No corpus at"),
        (b"not json", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "nested too deep"),
        (b"[]", "holds no entries"),
        (b'"text"', "holds no entries"),
        (b'{"entries": []}', "holds no entries"),
        (b'["x"]', "entry 1 of"),
        (b'[{"text": "x", "expect": "escape"}]', "no `id`"),
        (b'[{"id": "x", "expect": "escape"}]', "no string `text`"),
        (b'[{"id": "x", "text": 7, "expect": "escape"}]', "no string `text`"),
        (b'[{"id": "x", "text": "y", "expect": ["escape"]}]', "no string `expect`"),
        (b'[{"id": "x", "text": "y", "expect": "escape", "context": null}]', "no string `context`"),
    ],
    ids=str,
)
def test_a_file_that_is_no_corpus_fails_in_words(tmp_path: Path, content: bytes | None, sentence: str):
    """An absent, empty or malformed file is never a pass, and costs one sentence."""
    path = tmp_path / "none.json"
    if content is not None:
        path.write_bytes(content)
    result = _run(path)
    assert result.returncode == 2
    assert str(path) in result.stderr
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_unknown_word_is_named_with_the_known_ones(tmp_path: Path):
    """The error says how to fix the entry; the others are still judged."""
    good = {"id": "good", "text": "hello", "expect": "unchanged"}
    odd = {"id": "odd", "text": "hello", "expect": "\ud800"}
    other = {"id": "other", "text": "hello", "expect": "unchanged", "context": "room"}
    result = _run(_write(tmp_path, good, odd, other))
    assert (result.returncode, result.stderr) == (1, "")
    assert "unknown `expect` '\\ud800' for a message; known are escape, reject" in result.stdout
    assert "unknown `context` 'room'; known are message, name" in result.stdout
    assert result.stdout.endswith("1 passed, 2 failed\n")


@pytest.mark.parametrize(
    ("expect", "text", "context"),
    [
        ("dotted-circle", "seen\n\u0301x", "message"),
        ("dotted-circle", "\u202e\u0301x", "message"),
        ("fold", "\n" * 5000, "message"),
        ("gutter", "a\n" * 2000, "message"),
        ("expand", "a\r\n\tb", "message"),
        ("mark-blank", "\u3164", "message"),
        ("mark-blank", " \u200b\u2800", "message"),
        ("verbatim", "robert", "name"),
        ("limit-marks", "a\u0301\u0302\u0303\u0304\u0306\u0307", "name"),
        ("mark-blank", "\u3164\u3164", "name"),
        ("reject-or-skeleton", "\u043f\u0451\u0442\u0440", "name"),
        ("reject-or-skeleton", "\u7530\u30ed", "name"),
    ],
)
def test_each_check_takes_every_right_treatment(expect: str, text: str, context: str):
    """A treatment that the rule asks for is never called a failure."""
    assert runner.problems(runner.Entry("x", text, expect, context)) == []


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
        ("dotted-circle", "\u25cc\u0301", "message"),
        ("mark-blank", "seen \u3164", "message"),
        ("fold", " ", "message"),
        ("expand", "no tab", "message"),
        ("unchanged", "text", "room"),
        ("no-such-thing", "text", "message"),
        ("reject-or-skeleton", "robert", "name"),
        ("unchanged", "\u0440\u043e\u0431erto", "name"),
        ("reject-or-skeleton", "\u043d\u0435\u0442", "name"),
        ("limit-marks", "robert", "name"),
        ("no-such-thing", "robert", "name"),
    ],
)
def test_each_check_can_fail(expect: str, text: str, context: str):
    """No expectation is met by a text to which it does not apply."""
    assert runner.problems(runner.Entry("x", text, expect, context))
