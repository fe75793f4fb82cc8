"""The walks of docs/architecture.md lead through code that is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STOP = re.compile(r"^\| [^|]*\| `([^`|]+\.py)` \| (?:`(\w+)`)? *\|$", re.MULTILINE)
STOPS = sorted(set(STOP.findall((ROOT / "docs/architecture.md").read_text(encoding="utf-8"))))


def test_there_are_walks() -> None:
    """The page has the three of them, so that no stop is left out silently."""
    assert len(STOPS) > 50


@pytest.mark.parametrize(("file", "function"), STOPS)
def test_a_stop_is_there(file: str, function: str) -> None:
    """Each stop names a file, and a function or class that it defines."""
    code = (ROOT / file).read_text(encoding="utf-8")
    assert not function or re.search(rf"^\s*(?:async )?(?:def|class) {function}\b", code, re.MULTILINE)
