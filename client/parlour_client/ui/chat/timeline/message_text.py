"""Lays out a message's text: safe text and the spans of its formatting become rows of pieces.

The rows have no gutter: ``rows`` puts it before each but those that begin with ``OWN``, which are our words.
Every character of the text is drawn, in its order, but for markers, of which a bar or a bullet takes the
place of some, and covered spoilers, which have a sign; with ``markers`` really every one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from rich.cells import cell_len

from parlour_client.kit.language import _, ngettext
from parlour_client.text.code_colours import LANGUAGES, code_colours
from parlour_client.text.formatting import StyleKind, StyleSpan
from parlour_client.ui.chat.timeline.pieces import OWN, Look, Piece, Row
from parlour_client.ui.chat.timeline.wrap import cut_ranges, row_ranges, wrapped
from parlour_protocol.kit.text import SafeText
from parlour_protocol.kit.text.cell_width import cell_width, clusters
from parlour_protocol.kit.text.sanitiser import Line

BAR: Final = "▌"
BULLET: Final = "•"
CODE_FOLD_AT: Final = 16
"""Rows of a code block above which it is folded."""
CODE_FOLDED: Final = 10
"""Rows of a folded code block."""
_CODE_INDENT: Final = "  "
"""Before each row of code: it is told from text without colour, too."""
_ROOM_FOR_INDENT: Final = 8
_REPLACED: Final = {StyleKind.BAR: BAR, StyleKind.BULLET: BULLET}


@dataclass(frozen=True, slots=True)
class TextView:
    """How a message's text is shown."""

    actor: Piece | None = None
    """The person whom a message that begins with `/me` is about."""
    markers: bool = False
    """Draw each character that was sent, the markers as well."""
    covered: bool = True
    """Cover spoilers."""
    opened: bool = False
    """Show long code blocks whole."""


def text_rows(
    safe: SafeText, spans: Sequence[StyleSpan], width: int, view: TextView = TextView()
) -> Iterator[Row]:
    """Yield the rows of the text, each at most ``width`` cells (but at least one cluster)."""
    if not spans:
        for row in wrapped(safe, width):
            yield tuple(Piece(span.text, Look.ESCAPE if span.is_escape else Look.TEXT) for span in row)
        return
    lines = list(_lines(safe, spans))
    at = 0
    while at < len(lines):
        line = lines[at]
        block = line.of(StyleKind.CODE_BLOCK)
        if block is not None:
            end = at
            while end < len(lines) and lines[end].offset <= block.end:
                end += 1
            fence = lines[at - 1]
            yield from _code_rows(lines[at:end], block, fence, width, view)
            at = end
            continue
        if line.of(StyleKind.FENCE) is None and not (line.is_marker and not view.markers):
            yield from _line_rows(line, width, view)
        at += 1


class _Line(NamedTuple):
    """One line of the text, with the spans that reach into it, outer ones first."""

    line: Line
    offset: int
    spans: Sequence[StyleSpan]

    @property
    def end(self) -> int:
        return self.offset + sum(len(span.text) for span in self.line)

    def of(self, kind: StyleKind) -> StyleSpan | None:
        return next((span for span in self.spans if span.kind is kind), None)

    @property
    def is_marker(self) -> bool:
        end = self.end
        return self.offset < end and any(
            span.kind is StyleKind.MARKER and span.start <= self.offset and span.end >= end
            for span in self.spans
        )


def _lines(safe: SafeText, spans: Sequence[StyleSpan]) -> Iterator[_Line]:
    offset = next_span = 0
    reaching: list[StyleSpan] = []
    for line in safe.spans:
        end = offset + sum(len(span.text) for span in line)
        reaching = [span for span in reaching if span.end >= offset]
        while next_span < len(spans) and spans[next_span].start <= end:
            reaching.append(spans[next_span])
            next_span += 1
        yield _Line(line, offset, reaching)
        offset = end + 1


class _Part(NamedTuple):
    """A stretch of a line in one style."""

    start: int
    text: str
    look: Look
    spans: tuple[StyleSpan, ...]

    def has(self, kind: StyleKind) -> bool:
        return any(span.kind is kind for span in self.spans)


def _parts(line: Line, offset: int, spans: Sequence[StyleSpan]) -> Iterator[_Part]:
    """Cut a line where a style begins or ends, but never within a cluster."""
    cuts = sorted({at for span in spans for at in (span.start, span.end)})
    next_cut = next_span = 0
    around: list[StyleSpan] = []
    for text, is_escape in line:
        end = offset + len(text)
        inner: list[int] = []
        while next_cut < len(cuts) and cuts[next_cut] < end:
            if cuts[next_cut] > offset:
                inner.append(cuts[next_cut])
            next_cut += 1
        if inner and not text.isascii():
            inner = _between_clusters(text, offset, inner)
        for start, stop in zip([offset, *inner], [*inner, end], strict=True):
            around = [span for span in around if span.end > start]
            while next_span < len(spans) and spans[next_span].start <= start:
                if spans[next_span].end > start:
                    around.append(spans[next_span])
                next_span += 1
            whole = tuple(span for span in around if span.end >= stop)
            look = Look.ESCAPE if is_escape else Look.TEXT
            yield _Part(start, text[start - offset : stop - offset], look, whole)
        offset = end


def _between_clusters(text: str, offset: int, cuts: Sequence[int]) -> list[int]:
    starts: set[int] = set()
    for cluster, _cells in clusters(text):
        starts.add(offset)
        offset += len(cluster)
    return [at for at in cuts if at in starts]


def _drawn(parts: Iterator[_Part], view: TextView) -> Iterator[tuple[Piece, bool]]:
    """Yield what is drawn of each part, and whether it leads the line."""
    covered: StyleSpan | None = None
    for part in parts:
        kinds = tuple(span.kind for span in part.spans)
        leads = StyleKind.LEAD in kinds
        spoiler = next((span for span in part.spans if span.kind is StyleKind.SPOILER), None)
        if spoiler is not None and view.covered:
            if spoiler is not covered:
                yield Piece(_("[spoiler, Enter: show]"), Look.META, (StyleKind.SPOILER,)), leads
            covered = spoiler
        elif view.markers or part.look is Look.ESCAPE:
            yield Piece(part.text, part.look, kinds), leads
        elif StyleKind.MARKER not in kinds:
            replaced = next((_REPLACED[kind] for kind in kinds if kind in _REPLACED), part.text)
            yield Piece(replaced, part.look, kinds), leads
        elif kinds[0] is StyleKind.ACTION and part.start == part.spans[0].start and view.actor is not None:
            yield view.actor, leads


def _line_rows(line: _Line, width: int, view: TextView) -> Iterator[Row]:
    """Yield the rows of one line; those after the first begin below its text, not below its bullet or bar."""
    lead: list[Piece] = []
    body: list[Piece] = []
    for piece, leads in _drawn(_parts(line.line, line.offset, line.spans), view):
        (lead if leads else body).append(piece)
    cells = sum(_cells(piece.text) for piece in lead)
    if not lead or cells > width // 2:
        pieces = (*lead, *body)
        yield from _cut(pieces, row_ranges([piece.text for piece in pieces], width))
        return
    below = lead if line.of(StyleKind.CITED) is not None else [Piece(" " * cells, Look.TEXT)]
    rows = _cut(body, row_ranges([piece.text for piece in body], width - cells))
    yield (*lead, *next(rows, ()))
    for row in rows:
        yield (*below, *row)


def _cut(pieces: Sequence[Piece], ranges: Iterable[tuple[int, int]]) -> Iterator[Row]:
    """Yield the pieces of each row; rows follow each other, so no piece is looked at twice for nothing."""
    number = begin = 0
    for start, end in ranges:
        row: list[Piece] = []
        while number < len(pieces):
            piece = pieces[number]
            if part := piece.text[max(0, start - begin) : max(0, end - begin)]:
                row.append(piece._replace(text=part))
            if begin + len(piece.text) > end:
                break  # the next row goes on with it
            begin += len(piece.text)
            number += 1
        yield tuple(row)


def _cells(text: str) -> int:
    return len(text) if text.isascii() else max(cell_len(text), cell_width(text))


# --- code blocks


def _code_rows(
    code: Sequence[_Line], block: StyleSpan, fence: _Line, width: int, view: TextView
) -> Iterator[Row]:
    language = "".join(
        part.text for part in _parts(fence.line, fence.offset, fence.spans) if not part.has(StyleKind.MARKER)
    ).strip()
    count = ngettext("{count} line", "{count} lines", len(code)).format(count=len(code))
    if view.markers:
        yield from _line_rows(fence, width, view)
    else:
        yield from _label(language, count, width)
    text = "\n".join("".join(span.text for span in line.line) for line in code)
    colours = [
        StyleSpan(block.start + start, block.start + end, kind)
        for start, end, kind in code_colours(text[: block.end - block.start], language)
    ]
    rows: list[Row] = []
    hidden = 0
    for coloured in _with(code, colours):
        before = len(rows)
        rows += _rows_of_code(coloured, width, view)
        hidden += len(rows) > CODE_FOLDED and before < len(rows)
    if len(rows) > CODE_FOLD_AT and not view.opened:
        yield from rows[:CODE_FOLDED]
        more = ngettext(
            "… {count} more line of code (Enter: show)", "… {count} more lines of code (Enter: show)", hidden
        ).format(count=hidden)
        yield (OWN, Piece(more if len(more) <= width else f"… {hidden}", Look.META))
    else:
        yield from rows


def _label(language: str, count: str, width: int) -> Iterator[Row]:
    """Yield what a block is. A language that we know is a word of ours, any other one the author's text."""
    known = language.lower() in LANGUAGES
    name, hint = language if known else _("code"), _("c: copy")
    words = next(
        title for title in (f"{name} · {count} ({hint})", f"{name} · {count}", name[:width])
        if len(title) <= width
    )  # fmt: skip
    yield OWN, Piece(words, Look.META)
    if not known:
        for start, end in cut_ranges([language], width):
            if language[start:end]:
                yield (Piece(language[start:end], Look.META, (StyleKind.FENCE,)),)


def _with(code: Sequence[_Line], colours: Sequence[StyleSpan]) -> Iterator[_Line]:
    """Add the colours to the lines that they are in."""
    at = 0
    for line in code:
        end = line.end
        while at < len(colours) and colours[at].end <= line.offset:
            at += 1
        inside: list[StyleSpan] = []
        index = at
        while index < len(colours) and colours[index].start < end:
            inside.append(colours[index])
            index += 1
        spans = sorted((*line.spans, *inside), key=lambda span: (span.start, -span.end))
        yield _Line(line.line, line.offset, spans)


def _rows_of_code(line: _Line, width: int, view: TextView) -> Iterator[Row]:
    """Yield the rows of one line of code, each filled up to the width, so that the block is a block."""
    pieces = [piece for piece, _leads in _drawn(_parts(line.line, line.offset, line.spans), view)]
    indent = Piece(_CODE_INDENT if width >= _ROOM_FOR_INDENT else "", Look.TEXT, (StyleKind.CODE_BLOCK,))
    room = width - len(indent.text)
    for row in _cut(pieces, cut_ranges([piece.text for piece in pieces], room)):
        left = room - sum(_cells(piece.text) for piece in row)
        yield (indent, *row, Piece(" " * max(0, left), Look.TEXT, (StyleKind.CODE_BLOCK,)))
