"""`docs/explanation/audit.md` is true: its files, folders, tests and states are there, with none left out."""

import re
from collections import Counter
from typing import Final

from tools.code_lines import ROOT, listed

from parlour_client.core.e2ee.group.store import GroupStatus

TEXT: Final = (ROOT / "docs/explanation/audit.md").read_text("utf-8")
LISTED: Final = listed(TEXT)
COVERED: Final = re.findall(r"^<!-- covers: (\S+) -->$", TEXT, re.MULTILINE)
"""The folders whose every file has a row."""


def _rows(heading: str) -> list[list[str]]:
    """Return the rows of the table under a heading, without its head."""
    part = re.split(r"^##+ ", TEXT.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    return [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")][2:]


def test_every_file_that_is_listed_is_there_once() -> None:
    """A file that was moved is listed at its new place."""
    assert [file for file in LISTED if not (ROOT / file).is_file()] == []
    assert [file for file, times in Counter(LISTED).items() if times > 1] == []
    assert len(LISTED) > 100


def test_no_file_of_a_covered_folder_is_left_out() -> None:
    """What is new there has to be read, too: give it a row in its part, in reading order."""
    there = {str(path.relative_to(ROOT)) for folder in COVERED for path in (ROOT / folder).rglob("*.py")}
    assert sorted(path for path in there - set(LISTED) if not path.endswith("__init__.py")) == []
    assert len(COVERED) > 5


def test_every_assumption_question_and_state_has_a_test_that_exists() -> None:
    """An auditor finds the test of each row; a renamed one is renamed here."""
    rows = [
        row
        for heading in (
            "A device in a room's group",
            "What is taken for granted",
            "What we are least sure of",
        )
        for row in _rows(heading)
    ]
    assert len(rows) > 25
    assert [row[0] for row in rows if "`test_" not in row[-1]] == []
    found = set[str]()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found.update(re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"`(test_\w+)`", TEXT)) - found == set()


def test_every_state_of_a_device_in_a_group_is_explained() -> None:
    """The states are those of the code, which has no table to draw."""
    assert [row[0].strip("`") for row in _rows("A device in a room's group")] == [
        one.value for one in GroupStatus
    ]


def test_the_rows_are_numbered_in_order() -> None:
    """So that a report can name them."""
    for letter, heading in (("A", "What is taken for granted"), ("Q", "What we are least sure of")):
        assert [row[0] for row in _rows(heading)] == [f"{letter}{n + 1}" for n in range(len(_rows(heading)))]
