"""The code of a defence as it lies in its file: some lines around it, with those of the defence marked."""

from dataclasses import dataclass
from typing import Final

from parlour_lab.rows import Defence, place
from parlour_lab.source import Source

_AROUND: Final = 6


@dataclass(frozen=True)
class Excerpt:
    """Some lines of a file."""

    file: str
    first: int
    """The number of the first line that is shown."""
    lines: tuple[str, ...]
    marked: range
    """The numbers of the defence's lines."""
    instead: tuple[str, ...]
    """What stands in the place of the marked lines in the copy without the defence."""


def excerpt(defence: Defence, source: Source, around: int = _AROUND) -> Excerpt:
    """Return a defence with the lines around it. Raises RowError unless its text is in the file once."""
    begin = place(defence, source)
    text = source.read(defence.file)
    lines = text.splitlines()
    end = begin + defence.text.strip("\n").count("\n")
    first, last = max(1, begin - around), min(len(lines), end + around)
    without = text.replace(defence.text, defence.replacement).splitlines()
    removed = len(lines) - len(without)
    instead = tuple(without[begin - 1 : end - removed])
    if not "".join(instead).strip():
        instead = ()
    return Excerpt(defence.file, first, tuple(lines[first - 1 : last]), range(begin, end + 1), instead)


def shown_lines(one: Excerpt) -> list[str]:
    """Return the excerpt as text: line numbers, and a bar beside the defence."""
    width = len(str(one.first + len(one.lines)))
    found = []
    for number, line in enumerate(one.lines, one.first):
        mark = "▌" if number in one.marked else " "
        found.append(f"{number:>{width}} {mark} {line}".rstrip())
    return found
