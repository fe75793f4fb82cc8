"""Lays out a message's text: safe text and the spans of its formatting become rows of pieces.

The rows have no gutter: ``rows`` puts it before each. Every character of the text is drawn, in its order.
"""

from collections.abc import Iterator, Sequence

from parlour_client.text.formatting import StyleSpan
from parlour_client.ui.chat.timeline.pieces import Look, Piece, Row
from parlour_client.ui.chat.timeline.wrap import row_ranges, wrapped
from parlour_protocol.kit.text import SafeText
from parlour_protocol.kit.text.cell_width import clusters
from parlour_protocol.kit.text.sanitiser import Line


def text_rows(safe: SafeText, spans: Sequence[StyleSpan], width: int) -> Iterator[Row]:
    """Yield the rows of the text, each at most ``width`` cells (but at least one cluster)."""
    if not spans:
        for row in wrapped(safe, width):
            yield tuple(Piece(span.text, _look(span.is_escape)) for span in row)
        return
    offset = 0
    for line in safe.spans:
        end = offset + sum(len(span.text) for span in line)
        inside = [span for span in spans if span.start < end and span.end > offset]
        yield from _line_rows(_styled(line, offset, inside), width)
        offset = end + 1


def _look(is_escape: bool) -> Look:  # noqa: FBT001 - a fact of a span, not a mode
    return Look.ESCAPE if is_escape else Look.TEXT


def _styled(line: Line, offset: int, spans: Sequence[StyleSpan]) -> list[Piece]:
    """Cut a line where a style begins or ends, but never within a cluster."""
    cuts = sorted({at for span in spans for at in (span.start, span.end)})
    pieces: list[Piece] = []
    for text, is_escape in line:
        end = offset + len(text)
        inner = [at for at in cuts if offset < at < end]
        if inner and not text.isascii():
            inner = _between_clusters(text, offset, inner)
        for start, stop in zip([offset, *inner], [*inner, end], strict=True):
            kinds = tuple(span.kind for span in spans if span.start <= start < span.end)
            pieces.append(Piece(text[start - offset : stop - offset], _look(is_escape), kinds))
        offset = end
    return pieces


def _between_clusters(text: str, offset: int, cuts: Sequence[int]) -> list[int]:
    starts: set[int] = set()
    for cluster, _ in clusters(text):
        starts.add(offset)
        offset += len(cluster)
    return [at for at in cuts if at in starts]


def _line_rows(pieces: Sequence[Piece], width: int) -> Iterator[Row]:
    for start, end in row_ranges([piece.text for piece in pieces], width):
        row: list[Piece] = []
        at = 0
        for piece in pieces:
            part = piece.text[max(0, start - at) : max(0, end - at)]
            if part:
                row.append(piece._replace(text=part))
            at += len(piece.text)
        yield tuple(row)
