"""The README of these tests is true: what it names exists."""

import re
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parents[2]


def test_every_test_that_is_named_exists() -> None:
    """Each row has a test, and each test is defined somewhere under `tests`."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    bare = [row for row in rows if "`test_" not in row]
    assert len(bare) == 2, bare  # the heads of both tables
    found: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        found |= set(
            re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        )
    named = set(re.findall(r"`(test_\w+)`", text))
    assert len(named) > 80
    assert named <= found, named - found
