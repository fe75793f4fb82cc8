"""Check a corpus of hostile and legitimate texts: `python tests/protocol/text/corpus.py FILE`.

Every entry is judged by its `expect` and by what must hold for any text at all (nothing forbidden comes out,
every row has the gutter, nothing raises). It prints one line per failure and `N passed, M failed`, and ends
with 0 only when all passed. It never skips: an unknown `expect` or an absent file is a failure.
"""

# ruff: noqa: T201 - a script that people read
import json
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wcwidth import iter_graphemes

from parlour_protocol.limits import MESSAGE_BYTES, MESSAGE_LINES
from parlour_protocol.names import NameRefusedError, UserName, parse_user_name, skeleton
from parlour_protocol.text import BLANK_LABEL, SafeText, WireTextError, check_wire_text, safe_text
from parlour_protocol.text.guard import FORBIDDEN
from parlour_protocol.text.inspect import MAX_INSPECTED, inspect_text
from parlour_protocol.text.layout import GUTTER, RowKind, visual_rows

SIZES = ((20, 8), (80, 24), (4, 2))
FOLD_SIZE = (20, 8)
DOTTED_CIRCLE = "\u25cc"
MAX_CLUSTER = 24
"""Code points: six linked letters with their marks. Counted by the tables of another library."""
OWN_CELLS = str.maketrans("\uff9e\uff9f", "xx")
"""Halfwidth voicing marks are drawn in cells of their own, though UAX #29 counts them to the letter."""


@dataclass(frozen=True)
class Entry:
    """One text with what must become of it."""

    id: str
    text: str
    expect: str
    context: str


class CorpusError(Exception):
    """The file is no corpus; the message says what to do."""


def load(path: Path) -> list[Entry]:
    """Read a corpus; raise CorpusError in words when there is none."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CorpusError(
            f"No corpus at {path} ({error.strerror}). Name the file, or set PARLOUR_SHARED."
        ) from error
    except ValueError as error:
        raise CorpusError(f"{path} is not JSON: {error}") from error
    items = data["entries"] if isinstance(data, dict) and "entries" in data else data
    if not isinstance(items, list) or not items:
        raise CorpusError(f"{path} holds no entries.")
    try:
        return [
            Entry(item["id"], item["text"], item["expect"], item.get("context", "message")) for item in items
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise CorpusError(f"{path} has an entry without id, text or expect: {error}") from error


def problems(entry: Entry) -> list[str]:
    """Return what is wrong with the treatment of an entry; empty when all is well."""
    try:
        safe = safe_text(entry.text)
        found = _always(entry.text, safe)
    except Exception as error:  # noqa: BLE001 - a crash on one text is that entry's failure, not the runner's
        return [f"raised {type(error).__name__}"]
    if entry.context == "name":
        check = _NAME_CHECKS.get(entry.expect, _unknown_name)
        return found + check(entry.text)
    return found + _TEXT_CHECKS.get(entry.expect, _unknown)(entry.text, safe)


# --- what holds for any text


def _always(text: str, safe: SafeText) -> list[str]:
    found = []
    if any(FORBIDDEN.search(line) for line in safe.lines):
        found.append("a forbidden code point came through")
    if any(len(c) > MAX_CLUSTER for line in safe.lines for c in iter_graphemes(line.translate(OWN_CELLS))):
        found.append("a cluster of any size came through")
    if safe.hidden != 0 and not any(span.is_escape for line in safe.spans for span in line):
        found.append("hidden characters leave no trace")
    if len(inspect_text(text)) != min(len(text), MAX_INSPECTED):
        found.append("the inspector does not show every code point")
    for width, height in SIZES:
        rows = visual_rows(safe, width, height)
        if not 1 <= len(rows) <= height:
            found.append(f"{len(rows)} rows at {width}x{height}")
        if any(not row.text.startswith(GUTTER) for row in rows):
            found.append("a row without the gutter")
        if any(row.cells + len(GUTTER) > width for row in rows):
            found.append(f"a row wider than {width}")
        if any("\n" in row.text or FORBIDDEN.search(row.text) for row in rows):
            found.append("a row with a forbidden code point")
    return found


# --- one check for each expectation


def _escape(_text: str, safe: SafeText) -> list[str]:
    return [] if safe.hidden else ["nothing was escaped"]


def _reject(text: str, _safe: SafeText) -> list[str]:
    try:
        check_wire_text(text, max_bytes=MESSAGE_BYTES.value, max_lines=MESSAGE_LINES.value)
    except WireTextError:
        return []
    return ["the wire let it through"]


def _limit_marks(_text: str, safe: SafeText) -> list[str]:
    found = [] if safe.hidden else ["nothing was limited"]
    base, marks, nonspacing = "", 0, 0
    for char in safe.plain:
        category = unicodedata.category(char)
        if not category.startswith("M"):
            base, marks, nonspacing = char, 0, 0
            continue
        marks += 1
        nonspacing += category != "Mc"
        tibetan = "\u0f00" <= base <= "\u0fff"
        if marks > (8 if tibetan else 6) or nonspacing > (8 if tibetan else 4):
            return [*found, "too many marks on one base"]
    return found


def _unchanged(text: str, safe: SafeText) -> list[str]:
    intact = safe.plain == text.replace("\r\n", "\n") and not safe.hidden and not safe.truncated
    return [] if intact else ["it was changed"]


def _gutter(text: str, safe: SafeText) -> list[str]:
    rows = visual_rows(safe, 40, 1000)
    expected = text.replace("\r\n", "\n").count("\n") + 1
    return [] if len(rows) >= expected or safe.blank else ["lines were lost"]


def _fold(_text: str, safe: SafeText) -> list[str]:
    rows = visual_rows(safe, *FOLD_SIZE)
    return [] if rows[-1].kind is RowKind.FOLD and any(c.isdigit() for c in rows[-1].text) else ["not folded"]


def _expand(text: str, safe: SafeText) -> list[str]:
    return [] if text.replace("\t", "    ") == safe.plain else ["the tab was not expanded"]


def _dotted_circle(_text: str, safe: SafeText) -> list[str]:
    return [] if safe.plain.startswith(DOTTED_CIRCLE) else ["a mark without base has no circle"]


def _mark_blank(_text: str, safe: SafeText) -> list[str]:
    rows = visual_rows(safe, 20, 8)
    marked = safe.blank and rows[0].kind is RowKind.BLANK and rows[0].text == GUTTER + BLANK_LABEL
    return [] if marked else ["it looks empty and is not marked"]


def _either(_text: str, _safe: SafeText) -> list[str]:
    return []


def _unknown(_text: str, _safe: SafeText) -> list[str]:
    return ["the runner does not know this `expect`"]


_TEXT_CHECKS: dict[str, Callable[[str, SafeText], list[str]]] = {
    "escape": _escape,
    "reject": _reject,
    "limit-marks": _limit_marks,
    "limit-cluster": _escape,
    "verbatim": _unchanged,
    "unchanged": _unchanged,
    "gutter": _gutter,
    "fold": _fold,
    "expand": _expand,
    "dotted-circle": _dotted_circle,
    "mark-blank": _mark_blank,
    "either": _either,
}


# --- names


def _parsed(text: str) -> UserName | None:
    try:
        return parse_user_name(text)
    except NameRefusedError:
        return None


def _reject_or_skeleton(text: str) -> list[str]:
    """Pass when it is refused, or collides with a name that it could be taken for."""
    name = _parsed(text)
    if name is None or any(skeleton(other) == skeleton(name) for other in _taken_for(text, name)):
        return []
    return ["the name could stand beside the one that it imitates"]


def _taken_for(text: str, name: str) -> set[str]:
    """Return the ordinary names that a person could read in this one, itself left out."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    readings = {bare, str(skeleton(name)), *({str(name)} if name != text else set())}
    for seen, meant in (("rn", "m"), ("vv", "w"), ("1", "l"), ("1", "i"), ("0", "o"), ("l", "i"), ("i", "l")):
        readings |= {reading.replace(seen, meant) for reading in readings}
        readings.add(name.replace(seen, meant))
    return {reading for reading in readings if reading.isascii()} - {text}


def _name_unchanged(text: str) -> list[str]:
    expected = unicodedata.normalize("NFC", text).lower()
    return [] if _parsed(text) == expected else ["a legitimate name was refused or changed"]


def _name_refused(text: str) -> list[str]:
    return [] if _parsed(text) is None else ["the name was taken"]


def _unknown_name(_text: str) -> list[str]:
    return ["the runner does not know this `expect` for a name"]


_NAME_CHECKS: dict[str, Callable[[str], list[str]]] = {
    "reject-or-skeleton": _reject_or_skeleton,
    "unchanged": _name_unchanged,
    "reject": _name_refused,
    "escape": _name_refused,
    "either": lambda _text: [],
}


def main(arguments: list[str]) -> int:
    """Check the file; return the exit status."""
    if len(arguments) != 1:
        print("usage: python tests/protocol/text/corpus.py FILE", file=sys.stderr)
        return 2
    try:
        entries = load(Path(arguments[0]))
    except CorpusError as error:
        print(error, file=sys.stderr)
        return 2
    failed = 0
    for entry in entries:
        if found := problems(entry):
            failed += 1
            print(f"FAILED {entry.id!a} ({entry.expect}): {'; '.join(found)}")
    print(f"{len(entries) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
