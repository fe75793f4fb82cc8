"""Check a corpus of hostile and legitimate texts: `python tests/protocol/kit/text/corpus.py FILE`.

Every entry is judged by its `expect` and by what must hold for any text at all (nothing forbidden comes out,
every row has the gutter, nothing raises). It prints one line per failure and `N passed, M failed`, and ends
with 0 only when all passed. It never skips: an unknown `expect` or `context` fails its entry, and a file that
is not a corpus ends it with 2 and a sentence.
"""

# ruff: noqa: T201 - a script that people read
import json
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from wcwidth import iter_graphemes

from parlour_client.core.model import Entry as TimelineEntry
from parlour_client.ui.chat.timeline.layout import Layout
from parlour_client.ui.chat.timeline.pieces import OWN_MARK
from parlour_client.ui.chat.timeline.rows import (
    FIRST_GUTTER,
    FIRST_MENTION_GUTTER,
    GUTTER,
    MENTION_GUTTER,
    Setting,
    rows_of,
)
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import (
    NameRefusedError,
    UserName,
    parse_device_name,
    parse_user_name,
    skeleton,
)
from parlour_protocol.kit.text import BLANK_LABEL, SafeText, WireTextError, check_wire_text, safe_text
from parlour_protocol.kit.text.cell_width import cell_width
from parlour_protocol.kit.text.forbidden import FORBIDDEN
from parlour_protocol.kit.text.inspector import MAX_INSPECTED, inspect_text
from parlour_protocol.limits import MESSAGE_BYTES, MESSAGE_LINES

CORPUS = Path(__file__).parents[3] / "data" / "text" / "corpus.json"
"""The corpus that the tests use; the script takes any other."""
WIDTHS = (10, 20, 80)
MANY_LINES = 8
DOTTED_CIRCLE = "\u25cc"
AUTHOR, READER = parse_user_name("ada"), parse_user_name("bob")
DEVICE = parse_device_name("laptop")
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
    """The file is not a corpus; the message says what to do."""


def load(path: Path) -> list[Entry]:
    """Read a corpus; raise CorpusError in words when there is none."""
    try:
        data = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise CorpusError(
            f"No corpus at {path} ({error.strerror}). Name another file, such as {CORPUS}."
        ) from error
    except ValueError as error:
        raise CorpusError(f"{path} is not JSON: {error}") from error
    except RecursionError as error:
        raise CorpusError(f"{path} is nested too deep to be a corpus.") from error
    items = data["entries"] if isinstance(data, dict) and "entries" in data else data
    if not isinstance(items, list) or not items:
        raise CorpusError(f"{path} holds no entries.")
    return [_entry(item, f"entry {number} of {path}") for number, item in enumerate(items, start=1)]


def _entry(item: object, place: str) -> Entry:
    if not isinstance(item, dict):
        raise CorpusError(f"{place} is no object with id, text and expect.")
    fields = {"context": "message", **item}
    if not isinstance(fields.get("id"), str | int):
        raise CorpusError(f"{place} has no `id`.")
    for name in ("text", "expect", "context"):
        if not isinstance(fields.get(name), str):
            raise CorpusError(f"{place} has no string `{name}`.")
    return Entry(str(fields["id"]), fields["text"], fields["expect"], fields["context"])


def problems(entry: Entry) -> list[str]:
    """Return what is wrong with the treatment of an entry; empty when all is well."""
    known = {"message": list(_TEXT_CHECKS), "name": list(_NAME_CHECKS)}
    if entry.context not in known:
        return [f"unknown `context` {entry.context!a}; known are {', '.join(known)}"]
    if entry.expect not in known[entry.context]:
        expectations = ", ".join(known[entry.context])
        return [f"unknown `expect` {entry.expect!a} for a {entry.context}; known are {expectations}"]
    try:
        safe = safe_text(entry.text)
        found = _always(entry.text, safe)
        if entry.context == "name":
            return found + _NAME_CHECKS[entry.expect](entry.text)
        return found + _TEXT_CHECKS[entry.expect](entry.text, safe)
    except Exception as error:  # noqa: BLE001 - a crash on one text is that entry's failure, not the runner's
        return [f"raised {type(error).__name__}"]


# --- what holds for any text


def _always(text: str, safe: SafeText) -> list[str]:
    found = []
    if any(FORBIDDEN.search(line) for line in safe.lines):
        found.append("a forbidden code point came through")
    if any(len(c) > MAX_CLUSTER for line in safe.lines for c in iter_graphemes(line.translate(OWN_CELLS))):
        found.append("a cluster of any size came through")
    if any(unicodedata.category(span.text[0]).startswith("M") for line in safe.spans for span in line):
        found.append("a mark attaches to the client's own text")
    if safe.hidden != 0 and not any(span.is_escape for line in safe.spans for span in line):
        found.append("hidden characters leave no trace")
    if len(inspect_text(text)) != min(len(text), MAX_INSPECTED):
        found.append("the inspector does not show every code point")
    return found + _rows_always(text)


def _rows_always(text: str) -> list[str]:
    found = []
    for width in WIDTHS:
        rows = _rows(text, width)
        theirs = list(_theirs(rows))
        if theirs and not theirs[0].startswith((FIRST_GUTTER, FIRST_MENTION_GUTTER)):
            found.append("a message that does not begin like one")
        if any(not row.startswith((GUTTER, MENTION_GUTTER)) for row in theirs[1:]):
            found.append("a row without the gutter")
        if any(cell_width(row) > width for row in rows):
            found.append(f"a row wider than {width}")
        if any("\n" in row or FORBIDDEN.search(row) for row in rows):
            found.append("a row with a forbidden code point")
    return found


def _theirs(rows: list[str]) -> Iterator[str]:
    """Yield the rows that are not the client's own words: these have a mark, and go on indented."""
    is_ours = False
    for row in rows:
        is_ours = row.startswith(OWN_MARK) or (is_ours and row.startswith("  "))
        if not is_ours:
            yield row


def _rows(text: str, width: int, *, opened: bool = False) -> list[str]:
    """Return the rows of a message with this text in the timeline, without its author's name."""
    body = Message(str.__new__(MessageText, text))
    entry = TimelineEntry(RoomId("r" * 22), Millis(0), AUTHOR, DEVICE, body, text=body.text)
    layout = Layout(style="cosy", timestamps="off")  # no columns: the rows are only the text's
    header, *rows = rows_of(entry, Setting(width, READER, opened=opened, layout=layout))
    del header  # the author's name
    return ["".join(piece.text for piece in row) for row in rows]


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
    expected = text.replace("\r\n", "\n").count("\n") + 1
    return [] if len(_rows(text, 40, opened=True)) >= expected or safe.blank else ["lines were lost"]


def _fold(text: str, safe: SafeText) -> list[str]:
    if safe.blank and text.count("\n") >= MANY_LINES:  # thousands of empty lines are one row, "(blank)"
        return _mark_blank(text, safe)
    return [] if len(_rows(text, WIDTHS[0])) < len(_rows(text, WIDTHS[0], opened=True)) else ["not folded"]


def _expand(text: str, safe: SafeText) -> list[str]:
    expanded = text.replace("\r\n", "\n").replace("\t", "    ")
    return [] if "\t" in text and expanded == safe.plain else ["the tab was not expanded"]


def _dotted_circle(text: str, safe: SafeText) -> list[str]:
    added = safe.plain.count(DOTTED_CIRCLE) > text.count(DOTTED_CIRCLE)
    return [] if added else ["a mark without base has no circle"]


def _mark_blank(text: str, safe: SafeText) -> list[str]:
    peer = "".join(span.text for line in safe.spans for span in line if not span.is_escape)
    if safe.hidden and safe_text(peer).blank:  # it does not look empty: what no one could see is written out
        return []
    return (
        []
        if safe.blank and _rows(text, 20) == [OWN_MARK + BLANK_LABEL.strip("()")]
        else ["it looks empty and is not marked"]
    )


def _either(_text: str, _safe: SafeText) -> list[str]:
    return []


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
    """Return the valid names that a person could read in this one, itself left out."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    readings = {bare, str(skeleton(name)), *({str(name)} if name != text else set())}
    for seen, meant in (("rn", "m"), ("vv", "w"), ("1", "l"), ("1", "i"), ("0", "o"), ("l", "i"), ("i", "l")):
        readings |= {reading.replace(seen, meant) for reading in readings}
        readings.add(name.replace(seen, meant))
    return {reading for reading in readings - {text} if _parsed(reading) == reading}


def _name_unchanged(text: str) -> list[str]:
    expected = unicodedata.normalize("NFC", text).lower()
    return [] if _parsed(text) == expected else ["a legitimate name was refused or changed"]


def _name_refused(text: str) -> list[str]:
    return [] if _parsed(text) is None else ["the name was taken"]


_NAME_CHECKS: dict[str, Callable[[str], list[str]]] = {
    "reject-or-skeleton": _reject_or_skeleton,
    "unchanged": _name_unchanged,
    "verbatim": _name_unchanged,
    "reject": _name_refused,  # and so is every name that could only be shown with escapes, circles or labels
    "escape": _name_refused,
    "limit-marks": _name_refused,
    "limit-cluster": _name_refused,
    "dotted-circle": _name_refused,
    "mark-blank": _name_refused,
    "either": lambda _text: [],
}


def main(arguments: list[str]) -> int:
    """Check the file; return the exit status."""
    if len(arguments) != 1:
        print("usage: python tests/protocol/kit/text/corpus.py FILE", file=sys.stderr)
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
            print(f"FAILED {entry.id!a} ({entry.expect!a}): {'; '.join(found)}")
    print(f"{len(entries) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
