"""`docs/explanation/encryption.md` promises nothing that no test shows.

Its sentences are in this folder's README.

A sentence that is changed, added or taken out there is one here, too, beside the tests that hold it.
"""

import re
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SECTIONS = ("What is promised, and against whom", "When the server was restored")


def plain(text: str) -> str:
    """Return a text without its line ends and marks."""
    return re.sub(r"\s+", " ", re.sub(r"\*\*|^\* |^> ", "", text, flags=re.MULTILINE)).strip()


def rows() -> list[tuple[str, str]]:
    """Return the promises of the README with what is beside each."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if " | `test_" in line]
    return [(plain(promise), tests) for promise, tests in cells]


def promised(section: str) -> str:
    """Return a section of `docs/explanation/encryption.md`."""
    text = (ROOT / "docs/explanation/encryption.md").read_text(encoding="utf-8")
    return plain(text.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0])


def test_each_promise_is_held_by_a_test() -> None:
    """Nothing is left of the sections once every sentence of the README is taken out."""
    for section in SECTIONS:
        left = promised(section)
        for promise, _ in sorted(rows(), key=lambda row: -len(row[0])):
            left = left.replace(promise, "")
        assert not re.search(r"\w", left), f"promised without a test: {left.strip()}"


def test_each_sentence_is_promised() -> None:
    """The README promises nothing that the document does not."""
    whole = plain((ROOT / "docs/explanation/encryption.md").read_text(encoding="utf-8"))
    assert not [promise for promise, _ in rows() if promise not in whole]


def test_each_test_exists() -> None:
    """What is named beside a promise is defined somewhere under `tests`."""
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        code = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"^\s*(?:async )?def (test_\w+)", code, re.MULTILINE))
    named = {name for _, tests in rows() for name in re.findall(r"`(test_\w+)`", tests)}
    assert named <= found, named - found
