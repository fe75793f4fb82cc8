"""Count code lines: no blank lines, comments or docstrings (`python -m tools.code_lines [PATH …]`).

A line that has anything else counts once, and a text over five lines five times. The documents that tell such
counts tell them in round numbers, and `files` writes them again only when they are far off: who changes ten
lines of a file need not write a document again.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = (
    Path("README.md"),
    Path("docs/explanation/reading.md"),
    Path("docs/explanation/audit.md"),
)
"""The documents that tell counts."""
PACKAGES: Final = (
    "protocol/parlour_protocol",
    "protocol/parlour_mls",
    "server/parlour_server",
    "client/parlour_client",
)

_NO_CODE: Final = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}
_TOLD: Final = re.compile(r"(<!-- lines: (\S+) -->)([0-9,]*)(<!-- end -->)")
_PART: Final = re.compile(r"^(?=## )", re.MULTILINE)
_ROW: Final = re.compile(r"^(\| \[`[^`]+`\]\(\.\./\.\./([^)]+)\) \| )([0-9,]*)( \|)", re.MULTILINE)


def code_lines(source: str) -> int:
    """Return the number of code lines of a module. Raises SyntaxError."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        # A text that stands alone explains something: a module, a class, a function, or the name before it.
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def modules(place: Path) -> list[Path]:
    """Return the modules of a folder, or the one that ``place`` is."""
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]


def count(place: Path) -> int:
    """Return the code lines of a module, or of all modules of a folder."""
    return sum(code_lines(path.read_text(encoding="utf-8")) for path in modules(place))


def rounded(lines: int, told: str, step: int) -> str:
    """Return a count as documents tell it: ``told``, unless it is further off than two steps."""
    standing = int(told.replace(",", "") or 0)
    if standing and abs(lines - standing) <= 2 * step:
        return told
    return f"{max(step, round(lines / step) * step):,}"


def listed(text: str) -> list[str]:
    """Return the files whose counts a text has in a table, by their paths from the root."""
    return [row[2] for row in _ROW.finditer(text)]


def files(written: Mapping[Path, str]) -> dict[Path, str]:
    """Return the documents with their counts: a file's in tens, all others in hundreds.

    A table has them in its second column where the first links to a file. `<!-- lines: PATH --><!-- end -->`
    tells one in a sentence: of a folder, or of all files that a document lists; `part` stands for those that
    are listed in the same section. ``written`` are documents that other tools have written already.
    """
    found = {}
    for page in PAGES:
        parts = _PART.split(written.get(page) or (ROOT / page).read_text(encoding="utf-8"))
        found[page] = "".join(_with_counts(part) for part in parts)
    return found


def _with_counts(part: str) -> str:
    text = _TOLD.sub(lambda one: f"{one[1]}{_told(one[2], one[3], part)}{one[4]}", part)
    return _ROW.sub(lambda one: f"{one[1]}{_told(one[2], one[3], part)}{one[4]}", text)


def _told(place: str, told: str, part: str) -> str:
    path = ROOT / place
    if place == "part":
        return rounded(_all(part), told, 100)
    if path.suffix == ".md":
        return rounded(_all(path.read_text(encoding="utf-8")), told, 100)
    if not path.exists():
        return told  # tests/docs/test_reading.py says that it is gone
    return rounded(count(path), told, 100 if path.is_dir() else 10)


def _all(text: str) -> int:
    return sum(count(ROOT / file) for file in listed(text) if (ROOT / file).exists())


def _table(places: Sequence[Path]) -> str:
    """Return the folders in each place with their counts, or the place itself if it is a module."""
    lines = []
    for place in places:
        inside = (
            sorted(one for one in place.iterdir() if one.is_dir() or one.suffix == ".py")
            if place.is_dir()
            else []
        )
        rows = [(one, len(modules(one)), count(one)) for one in inside]
        lines += [f"{one.as_posix():<60}{files:>7,}{lines:>9,}" for one, files, lines in rows if files]
        lines.append(f"{place.as_posix():<60}{len(modules(place)):>7,}{count(place):>9,}\n")
    return "\n".join([f"{'':<60}{'files':>7}{'lines':>9}", *lines])


def main() -> None:
    """Print the code lines of the paths that are given, or of Parlour's packages."""
    print(_table([Path(place) for place in sys.argv[1:] or PACKAGES]))


if __name__ == "__main__":
    main()
