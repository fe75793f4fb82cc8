"""`docs/explanation/reading.md` leads through files that are there, each once."""

from collections import Counter
from pathlib import Path

from tools.code_lines import ROOT, listed

LISTED = listed(Path("docs/explanation/reading.md"))


def test_every_file_that_is_listed_is_there() -> None:
    """A file that was moved is listed at its new place; one that was taken out of the core is not listed."""
    assert [file for file in LISTED if not (ROOT / file).is_file()] == []
    assert len(LISTED) > 50


def test_no_file_is_listed_twice() -> None:
    """What is read was read."""
    assert [file for file, times in Counter(LISTED).items() if times > 1] == []
