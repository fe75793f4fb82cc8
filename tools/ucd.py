"""Read the Unicode Character Database from ICU's preparsed form, `ppucd.txt`.

It never guesses: an unknown line type or a missing file ends the run. Only `tools.unicode_tables` calls it.
The format is told at the head of the file and in ICU's `preparseucd.py`: `defaults`, `block`, `cp` and
`unassigned` lines, each a list of `property=value`, `Binary` or `-Binary`; a code point inherits from its
block, a block from the defaults.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

Properties = dict[str, str]
LAST_CODE_POINT = 0x10FFFF
_IGNORED = frozenset({"property", "binary", "value", "algnamesrange"})


@dataclass(frozen=True)
class Database:
    """The properties of every code point; `version` is the Unicode version, as in `16.0.0`."""

    version: str
    properties: list[Properties]

    def where(self, test: Callable[[Properties], bool]) -> list[int]:
        """Return the code points whose properties pass the test, in order."""
        return [point for point, properties in enumerate(self.properties) if test(properties)]


def read_database(folder: Path) -> Database:
    """Read `ppucd.txt` from the folder."""
    version = ""
    defaults: Properties = {}
    table: list[Properties] = []
    block_of: dict[int, Properties] = {}
    for kind, fields in _lines(folder / "ppucd.txt"):
        if kind == "ucd":
            version = fields[0]
        elif kind in _IGNORED:
            continue
        elif kind == "defaults":
            defaults = _changed({}, fields[1:])
            table = [defaults] * (LAST_CODE_POINT + 1)
        elif kind == "block":
            start, end = _range(fields[0])
            block = _changed(defaults, fields[1:])
            # Holds for code points without a line of their own: what is unassigned in it has a line.
            table[start : end + 1] = [block] * (end + 1 - start)
            block_of.update(dict.fromkeys(range(start, end + 1), block))
        elif kind in {"cp", "unassigned"}:
            start, end = _range(fields[0])
            inherited = block_of.get(start, defaults) if kind == "cp" else defaults
            table[start : end + 1] = [_changed(inherited, fields[1:])] * (end + 1 - start)
        else:
            raise ValueError(f"ppucd.txt: unknown line type {kind!r}")
    return Database(version, table)


def read_confusables(folder: Path) -> tuple[str, dict[int, str]]:
    """Read `confusables.txt` (UTS #39): its version, and code point -> prototype."""
    version = ""
    prototypes: dict[int, str] = {}
    for line in (folder / "confusables.txt").read_text("utf-8-sig").splitlines():
        if line.startswith("# Version:"):
            version = line.removeprefix("# Version:").strip()
        content = line.split("#", 1)[0].strip()
        if content:
            source, target, _kind = (part.strip() for part in content.split(";"))
            prototypes[int(source, 16)] = "".join(chr(int(point, 16)) for point in target.split())
    return version, prototypes


def _lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            content = line.split("#", 1)[0].strip() if line.startswith("#") else line.strip()
            if content:
                kind, *fields = content.split(";")
                yield kind, fields


def _range(field: str) -> tuple[int, int]:
    start, _, end = field.partition("..")
    return int(start, 16), int(end or start, 16)


def _changed(inherited: Properties, fields: list[str]) -> Properties:
    properties = dict(inherited)
    for field in fields:
        name, equals, value = field.partition("=")
        if equals:
            properties[name] = value
        elif name.startswith("-"):
            properties.pop(name[1:], None)
        else:
            properties[name] = "Y"
    return properties
