"""Wraps safe text to a width, never inside a cluster, by the wider of two measures.

Textual counts cells one way and terminals that draw mark by mark another; a row is cut by the larger, so that
it fits on either. It never drops a cluster. ``rows`` calls it.
"""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from parlour_protocol.kit.text import SafeText, Span
from parlour_protocol.kit.text.cell_width import clusters

SpanRow = tuple[Span, ...]


def wrapped(safe: SafeText, width: int) -> Iterator[SpanRow]:
    """Yield the rows of the text, each at most ``width`` cells (but at least one cluster)."""
    for line in safe.spans:
        yield from wrapped_line(line, width)


def wrapped_line(line: Sequence[Span], width: int) -> Iterator[SpanRow]:
    """Yield the rows of one line of a SafeText."""
    if len(line) == 1 and line[0].text.isascii():
        text, is_escape = line[0].text, line[0].is_escape
        yield from ((Span(row, is_escape),) for row in _ascii_rows(text, width))
    else:
        yield from _cluster_rows(line, width)


def _ascii_rows(text: str, width: int) -> Iterator[str]:
    start = 0
    while len(text) - start > width:
        cut = text.rfind(" ", start, start + width + 1)
        end = start + width if cut <= start else cut
        yield text[start:end]
        start = end + 1 if cut > start else end
    yield text[start:]


def _cluster_rows(line: Sequence[Span], width: int) -> Iterator[SpanRow]:
    row: list[tuple[str, int, bool]] = []
    cells = break_at = 0
    for text, is_escape in line:
        for cluster, claimed in clusters(text, max(1, width)):
            size = 1 if cluster.isascii() else max(claimed, cell_len(cluster))
            while row and cells + size > width:
                cut = break_at or len(row)
                yield _joined(row[:cut])
                row, break_at = row[cut:], 0
                cells = sum(part[1] for part in row)
            row.append((cluster, size, is_escape))
            cells += size
            if cluster == " ":
                break_at = len(row)
    yield _joined(row)


def _joined(parts: list[tuple[str, int, bool]]) -> SpanRow:
    spans: list[Span] = []
    for cluster, _, is_escape in parts:
        if spans and spans[-1].is_escape == is_escape:
            spans[-1] = Span(spans[-1].text + cluster, is_escape)
        else:
            spans.append(Span(cluster, is_escape))
    return tuple(spans)
