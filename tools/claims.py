"""The claims of docs/security.md: read for the README's short table and for the test that checks them.

It reads the one table of that page: a row in bold opens a group, the others are claims. It refuses a row
that does not have the five columns. `tables.py` and `tests/packaging/test_claims.py` call it.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = Path("docs/security.md")
_ID: Final = re.compile(r"[A-Z][0-9]+")
_QUOTED: Final = re.compile(r"`([^`]+)`")
_COLUMNS: Final = 5


@dataclass(frozen=True)
class Claim:
    """One row: what is enforced where, and by which tests it is held."""

    id: str
    threat: str
    code: tuple[str, ...]
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Rows that belong together, with the sentence that stands for them."""

    title: str
    sentence: str
    claims: tuple[Claim, ...]


def groups() -> list[Group]:
    """Return the groups of claims as the page has them. Raises ValueError for a row that is none."""
    found: list[Group] = []
    for row in _rows((ROOT / PAGE).read_text(encoding="utf-8")):
        if _ID.fullmatch(row[0]):
            claim = Claim(row[0], row[1], tuple(_QUOTED.findall(row[3])), tuple(_QUOTED.findall(row[4])))
            last = found.pop()
            found.append(Group(last.title, last.sentence, (*last.claims, claim)))
        elif row[0].startswith("**"):
            found.append(Group(row[1].strip("*"), row[2], ()))
    return found


def _rows(text: str) -> list[list[str]]:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]
    for row in rows:
        if len(row) != _COLUMNS:
            raise ValueError(f"{PAGE}: this row does not have {_COLUMNS} columns: {row}")
    return rows
