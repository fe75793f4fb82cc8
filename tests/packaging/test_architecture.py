"""The walks of docs/explanation/architecture.md lead through code that is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STOP = re.compile(r"^\| [^|]*\| `([^`|]+\.py)` \| (?:`(\w+)`)? *\|$", re.MULTILINE)
STOPS = sorted(set(STOP.findall((ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8"))))


def test_there_are_walks() -> None:
    """The page has the three of them, so that no stop is left out silently."""
    assert len(STOPS) > 50


def test_every_stop_is_there() -> None:
    """Each stop names a file, and a function or class that it defines."""
    for file, function in STOPS:
        code = (ROOT / file).read_text(encoding="utf-8")
        found = re.search(rf"^\s*(?:async )?(?:def|class) {function}\b", code, re.MULTILINE)
        assert not function or found, (file, function)
