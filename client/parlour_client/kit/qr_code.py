"""QR codes as text: for another device to scan from a terminal."""

from collections.abc import Sequence
from typing import Final

_BLOCKS: Final = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def qr_rows(text: str) -> Sequence[str]:
    """Return a picture in half blocks, with its quiet border: show it dark on light."""
    import segno  # noqa: PLC0415 - seldom needed, costs start-up time

    matrix = segno.make_qr(text, error="l").matrix_iter(border=2)
    rows = [[bool(module) for module in row] for row in matrix]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    return [
        "".join(_BLOCKS[pair] for pair in zip(rows[at], rows[at + 1], strict=True))
        for at in range(0, len(rows), 2)
    ]
