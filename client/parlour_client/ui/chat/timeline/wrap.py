"""Wraps safe text to a width, never inside a cluster, by the wider of two measures.

Textual counts cells one way and terminals that draw mark by mark another; a row is cut by the larger, so that
it fits on either. It never drops a cluster. ``rows`` and ``message_text`` call it.
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
        yield from ((Span(text[start:end], is_escape),) for start, end in _ascii_ranges(text, width))
        return
    for start, end in row_ranges([span.text for span in line], width):
        row: list[Span] = []
        at = 0
        for text, is_escape in line:
            if part := text[max(0, start - at) : max(0, end - at)]:
                row.append(Span(part, is_escape))
            at += len(text)
        yield tuple(row)


def row_ranges(parts: Sequence[str], width: int) -> Iterator[tuple[int, int]]:
    """Yield where each row of a line begins and ends; the line is made of parts, each of whole clusters."""
    if all(part.isascii() for part in parts):
        return _ascii_ranges("".join(parts), width)
    return _cluster_ranges(parts, width)


def _ascii_ranges(text: str, width: int) -> Iterator[tuple[int, int]]:
    start = 0
    while len(text) - start > width:
        cut = text.rfind(" ", start, start + width + 1)
        end = start + width if cut <= start else cut
        yield start, end
        start = end + 1 if cut > start else end
    yield start, len(text)


def _cluster_ranges(parts: Sequence[str], width: int) -> Iterator[tuple[int, int]]:
    row: list[tuple[int, int]] = []  # (end, cells) of each cluster
    start = end = cells = break_at = 0
    for text in parts:
        for cluster, claimed in clusters(text, max(1, width)):
            size = 1 if cluster.isascii() else max(claimed, cell_len(cluster))
            while row and cells + size > width:
                cut = break_at or len(row)
                yield start, row[cut - 1][0]
                start = row[cut - 1][0]
                row, break_at = row[cut:], 0
                cells = sum(part[1] for part in row)
            end += len(cluster)
            row.append((end, size))
            cells += size
            if cluster == " ":
                break_at = len(row)
    yield start, end


def cut_ranges(parts: Sequence[str], width: int) -> Iterator[tuple[int, int]]:
    """Yield the rows of a line of code: cut where it is full, with every blank in its place."""
    start = end = cells = 0
    for text in parts:
        for cluster, claimed in clusters(text, max(1, width)):
            size = 1 if cluster.isascii() else max(claimed, cell_len(cluster))
            if cells + size > width and end > start:
                yield start, end
                start, cells = end, 0
            end += len(cluster)
            cells += size
    yield start, end
