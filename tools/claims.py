"""The claims of docs/security.md: the index from threat to control, code, test and attack.

It reads the table of that page: a row in bold opens a group, the others are claims. Their columns for code
and attack are written from the laboratory's rows: links to the line where a defence begins, and to its
attack. Each row has an anchor: that of K3 is `#k3`. It refuses a row with other columns.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parlour_lab.rows import Defence, Row, place, rows
from parlour_lab.source import Source, find_source, is_of_library

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = Path("docs/security.md")
_ID: Final = re.compile(r"[A-Z][0-9]+")
_ANCHOR: Final = re.compile(r'<a id="[^"]*"></a>')
_QUOTED: Final = re.compile(r"`([^`]+)`")
_COLUMNS: Final = 6
_AREAS: Final = "<!-- generated: areas -->\n"
_TABLE: Final = "| id | threat |"


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

    @property
    def anchor(self) -> str:
        """The anchor of its row."""
        return _anchor(self.title)


def groups() -> list[Group]:
    """Return the groups of claims as the page has them. Raises ValueError for a row that is none."""
    found: list[Group] = []
    for row in _rows(_table((ROOT / PAGE).read_text(encoding="utf-8"))):
        if _ID.fullmatch(row[0]):
            claim = Claim(row[0], row[1], tuple(_QUOTED.findall(row[3])), tuple(_QUOTED.findall(row[4])))
            last = found.pop()
            found.append(Group(last.title, last.sentence, (*last.claims, claim)))
        elif row[0].startswith("**"):
            found.append(Group(row[1].strip("*"), row[2], ()))
    return found


def files() -> dict[Path, str]:
    """Return the page with its columns for code and attack as the laboratory's rows have them."""
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    table = _table(text)
    head, _, rest = text.replace("\n".join(table), "\n".join(_written(table))).partition(_AREAS)
    return {PAGE: f"{head}{_AREAS}\n{_areas()}\n<!-- end -->{rest.partition('<!-- end -->')[2]}"}


def _areas() -> str:
    """Return the groups as a table, each with a link to its rows."""
    rows = [
        f"| [{one.title}]({PAGE.name}#{one.anchor}) | {one.sentence} | {len(one.claims)} |\n"
        for one in groups()
    ]
    return f"| area | what holds | claims |\n| --- | --- | --- |\n{''.join(rows)}"


def _anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", text.lower()).replace(" ", "-")


def _table(text: str) -> list[str]:
    lines = text.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith(_TABLE))
    end = next(number for number in range(begin, len(lines)) if not lines[number].startswith("|"))
    return lines[begin:end]


def _written(table: list[str]) -> list[str]:
    source, by_line = find_source(), dict[str, list[Row]]()
    for row in rows().values():
        by_line.setdefault(row.line, []).append(row)
    found = ["| id | threat | what Parlour does | code | test | attack |", "|" + " --- |" * _COLUMNS]
    for cells in _rows(table[2:]):
        anchor = _anchor(cells[0] if _ID.fullmatch(cells[0]) else cells[1])
        if _ID.fullmatch(cells[0]):
            attacks = by_line.get(cells[0], [])
            cells[3] = _code(cells[3], [one for row in attacks for one in row.defences], source)
            cells[5] = "<br>".join(dict.fromkeys(_attack(row) for row in attacks))
        cells[0] = f'<a id="{anchor}"></a>{cells[0]}'
        found.append("| " + " | ".join(cells) + " |")
    return found


def _code(cell: str, defences: list[Defence], source: Source) -> str:
    """Return links to the files of a cell, and to the lines of the defences that are taken out of them."""
    written = [path for path in _QUOTED.findall(cell) if not is_of_library(path)]
    paths = list(dict.fromkeys([*written, *(one.file for one in defences)]))
    begins = {one.file: place(one, source) for one in reversed(defences)}
    links = [
        f"`{path}`"
        if is_of_library(path)
        else f"[`{path}`](../{path}{f'#L{begins[path]}' if path in begins else ''})"
        for path in paths
    ]
    return "<br>".join(links)


def _attack(row: Row) -> str:
    module, _, function = row.attack.partition(".")
    path = f"lab/parlour_lab/attacks/{module}.py"
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    begins = [number for number, line in enumerate(lines, 1) if re.match(rf"(async )?def {function}\(", line)]
    if len(begins) != 1:
        raise ValueError(f"{row.id}: {path} has no attack {function}")
    return f"[`{row.attack}`](../{path}#L{begins[0]})"


def _rows(table: list[str]) -> list[list[str]]:
    found = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table]
    for row in found:
        row[0] = _ANCHOR.sub("", row[0])
        if len(row) == _COLUMNS - 1:  # as a person writes it: the attack is filled in
            row.append("")
        if len(row) != _COLUMNS:
            raise ValueError(f"{PAGE}: this row does not have {_COLUMNS} columns: {row}")
    return found
