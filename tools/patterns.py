"""The patterns of docs/patterns: what each page says that holds, and which rows of the laboratory test it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = Path("docs/patterns")
INDEX: Final = FOLDER / "README.md"
_BEGINNING: Final = re.compile(r"# (.+)\n\n((?:.+\n)+)")
_ATTACK: Final = re.compile(r"^parlour lab ([A-Z].*)$", re.MULTILINE)
_EXCERPT: Final = re.compile(r"<!-- excerpt: (\S+) (.+?) -->")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One page."""

    path: Path
    title: str
    sentence: str
    """Its first paragraph: what holds."""
    rows: tuple[str, ...]
    """The rows of the laboratory that its attack plays."""
    excerpts: tuple[tuple[str, tuple[str, ...]], ...]
    """The files that its code comes from, with the names of the definitions."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of docs/security.md that the rows are about."""
        return tuple(dict.fromkeys(row.partition("-")[0] for row in self.rows))


def patterns() -> list[Pattern]:
    """Return the pages as the index lists them. Raises ValueError for one without an attack."""
    order = re.findall(r"^\d+\. \[.*?\]\((.+?)\)", (ROOT / INDEX).read_text(encoding="utf-8"), re.MULTILINE)
    return [_read(FOLDER / name) for name in order]


def _read(path: Path) -> Pattern:
    text = (ROOT / path).read_text(encoding="utf-8")
    beginning, attack = _BEGINNING.match(text), _ATTACK.search(text)
    if beginning is None or attack is None:
        raise ValueError(f"{path} needs a title, a sentence and `parlour lab ID`")
    excerpts = tuple((file, tuple(names.split())) for file, names in _EXCERPT.findall(text))
    sentence = " ".join(beginning[2].split())
    return Pattern(path, beginning[1], sentence, tuple(attack[1].split()), excerpts)
