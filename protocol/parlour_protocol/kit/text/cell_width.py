"""How many terminal cells a piece of shown text takes at most, by the tables of the pinned Unicode version.

Terminals disagree about Indic scripts and emoji sequences, and no table fixes that: this counts as the widest
of them do (every emoji of a family and every spacing mark for itself), so that a row cut by it spills over on
none. It never draws. `rows.py` calls it, and so do the client's rows, which also anchor the cursor.
"""

from collections.abc import Iterator
from typing import Final

from parlour_protocol.kit.text import unicode_data
from parlour_protocol.kit.text.unicode_data import Kind

_ZERO: Final = frozenset({
    Kind.HIDDEN, Kind.NONSPACING, Kind.ENCLOSING, Kind.JAMO_V, Kind.JAMO_T, Kind.EMOJI_VARIATION,
    Kind.VARIATION, Kind.MONGOLIAN_VARIATION, Kind.MONGOLIAN_SEPARATOR, Kind.JOINER,
    Kind.ZERO_WIDTH_SPACE, Kind.DIRECTION_MARK, Kind.INKLESS,
})  # fmt: skip
_ATTACHED: Final = _ZERO | {Kind.SPACING}
_ZWJ: Final = "\u200d"
_WIDE_VARIATION: Final = "\ufe0f"


def clusters(text: str, most: int = 1_000_000) -> Iterator[tuple[str, int]]:
    """Yield (cluster, cells): the pieces between which a line may be broken, close to UAX #29.

    A cluster of more than ``most`` cells does not fit into a row of that width: it is split.
    """
    for cluster, cells in _clusters(text):
        if cells <= most:
            yield cluster, cells
        else:
            yield from _pieces(cluster, most)


def _pieces(cluster: str, most: int) -> Iterator[tuple[str, int]]:
    kinds = unicode_data.kinds()
    piece, cells = "", 0
    for char in cluster:
        grown = _grown(cells, char, Kind(kinds(ord(char))), piece[-1:], attached=False)
        if grown > most and piece:
            yield piece, cells
            piece, grown = "", _grown(0, char, Kind(kinds(ord(char))), "", attached=False)
        piece, cells = piece + char, grown
    yield piece, cells


def _clusters(text: str) -> Iterator[tuple[str, int]]:
    if text.isascii():
        yield from ((char, 1) for char in text)
        return
    kinds = unicode_data.kinds()
    start = cells = 0
    before = Kind.HIDDEN
    flags = 0  # regional indicators in the open cluster
    for index, char in enumerate(text):
        kind = Kind(kinds(ord(char)))
        flags = flags + 1 if kind is Kind.REGIONAL else 0
        attached = index > start and (
            kind in _ATTACHED
            or (kind is Kind.TONE and before in {Kind.PICTOGRAPH, Kind.EMOJI_VARIATION})
            or (kind is Kind.PICTOGRAPH and text[index - 1] == _ZWJ)
            or before is Kind.PREPENDED
            or flags == 2  # noqa: PLR2004 - two regional indicators are one flag
        )
        if not attached and index > start:
            yield text[start:index], cells
            start, cells, flags = index, 0, min(flags, 1)
        cells = _grown(cells, char, kind, text[index - 1] if index > start else "", attached=attached)
        before = kind
    if start < len(text):
        yield text[start:], cells


def _grown(cells: int, char: str, kind: Kind, base: str, *, attached: bool) -> int:
    """Return the cells of a cluster after one more code point, which follows ``base``."""
    if char == _WIDE_VARIATION and cells:
        return cells + (
            unicode_data.one_of("WIDE").match(base) is None
        )  # only that base is drawn wider by it
    latest = unicode_data.one_of("LATEST").match(char) is not None  # unknown to many terminals
    if kind in _ZERO:  # but a terminal with older tables gives a mark that it does not know a cell or two
        return cells + (2 if latest else unicode_data.one_of("LATE_MARKS").match(char) is not None)
    wide = latest or unicode_data.one_of("WIDE").match(char) is not None
    own = 2 if wide or kind is Kind.REGIONAL else 1
    is_second_half = attached and kind is Kind.REGIONAL and unicode_data.kinds()(ord(base)) == Kind.REGIONAL
    return max(cells, own) if is_second_half else cells + own


def beginning(text: str, most: int) -> str:
    """Return the whole clusters within the first ``most`` code points: a cut flag would be bare tags."""
    if len(text) <= most or text.isascii():
        return text[:most]
    end = 0
    for cluster, _ in _clusters(text):
        if end + len(cluster) > most:
            break
        end += len(cluster)
    return text[:end]


def cell_width(text: str) -> int:
    """Return the cells that the text takes on one line, on the terminal that draws it widest."""
    return len(text) if text.isascii() else sum(cells for _, cells in clusters(text))


def most_cells(text: str) -> int:
    """Return the cells on a terminal that joins nothing: one for each code point, marks included, or two."""
    if text.isascii():
        return len(text)
    wide, latest, kinds = unicode_data.one_of("WIDE"), unicode_data.one_of("LATEST"), unicode_data.kinds()
    return sum(
        2 if wide.match(char) or latest.match(char) or kinds(ord(char)) == Kind.REGIONAL else 1
        for char in text
    )
