"""Read the Unicode Character Database from ICU's preparsed form, `ppucd.txt`, and the variation sequences.

It never guesses: an unknown line type or a missing file ends the run. Only `tools.unicode_tables` calls it.
The format is described at the head of the file and in ICU's `preparseucd.py`: `defaults`, `block`, `cp` and
`unassigned` lines, each a list of `property=value`, `Binary` or `-Binary`; a code point inherits from its
block, a block from the defaults.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
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


@dataclass(frozen=True)
class Variations:
    """The registered variation sequences of FE00-FE02 (selector -> bases) and of ideographs (base -> count).

    The selectors of an ideograph are registered from U+E0100 on without a gap (UTS #37), so a count says all.
    """

    sources: tuple[str, ...]
    standardized: dict[int, list[int]]
    ideographic: dict[int, int]


MOJIDATA = "1.8.1"
STANDARDIZED = "StandardizedVariants-17.0.0.txt"
SOURCES = (f"IVD_Sequences.txt of 2022-09-13 (npm: @mandel59/mojidata {MOJIDATA})", STANDARDIZED)
_SELECTORS = range(0xFE00, 0xFE03)
_FIRST_IDEOGRAPHIC = 0xE0100


def read_variations(folder: Path) -> Variations:
    """Read the Standardized Variants and the Ideographic Variation Database.

    The folder holds StandardizedVariants.txt (in Debian: the package unicode-data) beside the unpacked npm
    package `@mandel59/mojidata`, whose `dist/moji.db` has every row of the Unicode Consortium's
    IVD_Sequences.txt; its `download.txt` names the version.
    """
    version = json.loads((folder / "package.json").read_text("utf-8"))["version"]
    lines = (folder / "StandardizedVariants.txt").read_text("utf-8").splitlines()
    if version != MOJIDATA or lines[0] != f"# {STANDARDIZED}":
        raise ValueError(
            f"{folder} holds mojidata {version} and {lines[0][2:]}; pinned are {MOJIDATA} and {STANDARDIZED}"
        )
    standardized: dict[int, list[int]] = {selector: [] for selector in _SELECTORS}
    for line in lines:
        sequence, _, rest = line.partition(";")
        if rest and not line.startswith("#"):
            base, selector = (int(point, 16) for point in sequence.split())
            if selector in _SELECTORS:
                standardized[selector].append(base)
    selectors: dict[int, set[int]] = {}
    with closing(sqlite3.connect(f"file:{folder / 'dist' / 'moji.db'}?mode=ro", uri=True)) as database:
        for (sequence,) in database.execute("SELECT IVS FROM ivs"):
            selectors.setdefault(ord(sequence[0]), set()).add(ord(sequence[1]) - _FIRST_IDEOGRAPHIC)
    for base, found in selectors.items():
        if found != set(range(len(found))):
            raise ValueError(f"the selectors of U+{base:04X} are registered with a gap")
    return Variations(SOURCES, standardized, {base: len(found) for base, found in selectors.items()})


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
