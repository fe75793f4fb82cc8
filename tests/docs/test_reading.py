"""`docs/explanation/reading.md` leads through the core: each file is there, once, and none is left out."""

from collections import Counter
from pathlib import Path
from typing import Final

from tools.code_lines import ROOT, listed

LISTED: Final = listed((ROOT / "docs/explanation/reading.md").read_text("utf-8"))
SERVER: Final = Path("server/parlour_server/core")
CORE: Final = [SERVER / name for name in ("net", "connections", "accounts", "https", "store/engine")]
"""The folders in which guarantees are enforced."""


def test_every_file_that_is_listed_is_there() -> None:
    """A file that was moved is listed at its new place; one that was taken out of the core is not listed."""
    assert [file for file in LISTED if not (ROOT / file).is_file()] == []
    assert len(LISTED) > 50


def test_no_file_is_listed_twice() -> None:
    """Once is enough to read it."""
    assert [file for file, times in Counter(LISTED).items() if times > 1] == []


def test_no_file_of_the_core_is_left_out() -> None:
    """What is new in its folders is read with the rest."""
    there = {path.relative_to(ROOT) for folder in CORE for path in (ROOT / folder).rglob("*.py")}
    left_out = {path for path in there if path.name != "__init__.py"} - {Path(file) for file in LISTED}
    assert sorted(map(str, left_out)) == []
