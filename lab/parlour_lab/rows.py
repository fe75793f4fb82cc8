"""The table of the laboratory: for each line of docs/security.md threat, defences, attack and test.

`rows/*.toml` has a table for each line. A defence is a text in a file and what stands in its place without
the defence; the text must be in the file exactly once, so that a changed defence can't be missed. What
stands in its place adds nothing (``removal.added``). Where no code defends, because what would be attacked is
not there, a row says so instead: its attack is played, and nothing can be taken out.
"""

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from parlour_lab.removal import added
from parlour_lab.source import Source

_MEMBERS: Final = {"threat", "attack", "test"}
_GROUPS: Final = "THKPSFRMDEOLNI"
"""The letters of lines, as docs/security.md begins with them."""
_ID: Final = re.compile(r"[A-Z][0-9]+(-[a-z]+)?")
_DEFENCE: Final = {"file", "text", "replacement"}


class RowError(Exception):
    """A row that can't be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Defence:
    """A piece of code, and what stands in its place in the copy without it."""

    file: str
    text: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of docs/security.md."""

    id: str
    threat: str
    """Two sentences: what someone does, and what they would gain."""
    defences: tuple[Defence, ...]
    """All of them are taken out at once."""
    attack: str
    """Its id: `module.function`."""
    test: str
    """The test that must fail without the defence."""
    group: str
    """The file of the row."""
    absent: str = ""
    """Why there is nothing to take out; empty if there are defences."""

    @property
    def line(self) -> str:
        """The line of docs/security.md: a row `K3-nodes` is a second one for K3."""
        return self.id.partition("-")[0]


def rows() -> Mapping[str, Row]:
    """Return all rows by their ids, by letter and number. Raises RowError."""
    found: dict[str, Row] = {}
    folder = resources.files("parlour_lab") / "rows"
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if not file.name.endswith(".toml"):
            continue
        try:
            tables = tomllib.loads(file.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise RowError(f"{file.name}: {error}.") from error
        for name, members in tables.items():
            if name in found:
                raise RowError(f"{file.name}: {name} is a row already, in {found[name].group}.toml.")
            found[name] = parse(name, members, file.name.removesuffix(".toml"))
    return dict(sorted(found.items(), key=lambda one: order(one[0])))


def order(name: str) -> tuple[int, int, str]:
    """Return what lines are sorted by: the groups of docs/security.md, and the number."""
    line, _, more = name.partition("-")
    return _GROUPS.find(line[:1]), int(line[1:]), more


def parse(name: str, members: Mapping[str, Any], group: str) -> Row:
    """Return a row. Raises RowError unless it has exactly the members it needs."""
    where = f"{group}.toml, {name}"
    if not _ID.fullmatch(name):
        raise RowError(f"{where}: this is not the id of a line.")
    if set(members) not in (_MEMBERS | {"defences"}, _MEMBERS | {"absent"}):
        raise RowError(f"{where}: it needs exactly {', '.join(sorted(_MEMBERS))}, and defences or absent.")
    found = members.get("defences", [])
    absent = " ".join(str(members.get("absent", "")).split())
    if not found and not absent:
        raise RowError(f"{where}: it has no defence.")
    for one in found:
        if set(one) != _DEFENCE or not all(isinstance(text, str) for text in one.values()):
            raise RowError(f"{where}: a defence has exactly the texts {', '.join(sorted(_DEFENCE))}.")
        if one["text"] == one["replacement"] or not one["text"].strip():
            raise RowError(f"{where}: the replacement changes nothing.")
        if more := added(one["text"], one["replacement"]):
            raise RowError(
                f"{where}: the replacement adds {' '.join(more)}: it may only take something away."
            )
    defences = tuple(Defence(**one) for one in found)
    threat = " ".join(str(members["threat"]).split())
    return Row(name, threat, defences, str(members["attack"]), str(members["test"]), group, absent)


def chosen(wanted: Sequence[str]) -> list[Row]:
    """Return these rows by id, line or topic (their file), or all. Raises RowError for an unknown one."""
    table = rows()
    found = []
    for name in wanted:
        some = [row for row in table.values() if name.casefold() in _names(row)]
        if not some:
            raise RowError(f"There is no line or topic {name}; `parlour lab --list` shows all.")
        found += some
    return list(dict.fromkeys(found)) if wanted else list(table.values())


def sample(of: Sequence[Row], count: int, seed: int) -> list[Row]:
    """Return so many rows with something to take out: the same for the same seed and table."""
    with_defences = [row for row in of if row.defences]
    return random.Random(seed).sample(with_defences, min(count, len(with_defences)))  # noqa: S311 - no secret


def _names(row: Row) -> set[str]:
    return {row.id.casefold(), row.line.casefold(), row.group.casefold()}


def place(defence: Defence, source: Source) -> int:
    """Return the line on which a defence begins, from 1. Raises RowError unless it is there exactly once."""
    text = source.read(defence.file)
    if (count := text.count(defence.text)) != 1:
        text = defence.text.strip()[:80]
        raise RowError(f"{defence.file} has this text {count} times, not once: {text!r}")
    return text[: text.index(defence.text)].count("\n") + leading(defence.text) + 1


def leading(text: str) -> int:
    """Return how many line breaks a text begins with."""
    return len(text) - len(text.lstrip("\n"))
