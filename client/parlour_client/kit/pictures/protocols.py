"""A preview as a terminal with graphics takes it: by Kitty's protocol, iTerm2's, or in sixels.

Each is made from the checked pixels only; no byte of the file is in it.
"""

import re
import struct
import zlib
from base64 import b64encode
from enum import StrEnum
from typing import Final

from parlour_client.kit.language import _
from parlour_client.kit.pictures.preview import BROKEN, PictureError, Preview

CHUNK: Final = 4096
"""Characters in one escape sequence of Kitty's protocol, which allows no more."""
KITTY_ID: Final = 7007
"""The number of the one picture that is on the screen at a time."""

SIXEL_COLOURS: Final = 256
"""As many as most terminals with sixels can show at a time."""


class Protocol(StrEnum):
    """How a terminal is given pixels."""

    KITTY = "kitty"
    ITERM2 = "iterm2"
    SIXEL = "sixel"


def drawing(protocol: Protocol, preview: Preview, columns: int, rows: int) -> str:
    """Return what draws the preview over that many cells, from where the cursor is."""
    match protocol:
        case Protocol.KITTY:
            return _kitty(preview, columns, rows)
        case Protocol.ITERM2:
            return _iterm2(preview, columns, rows)
        case Protocol.SIXEL:
            return _sixel(preview)


def erasing(protocol: Protocol) -> str:
    """Return what removes the picture; cells drawn over it remove those of the other protocols."""
    return f"\x1b_Ga=d,d=I,i={KITTY_ID},q=2\x1b\\" if protocol is Protocol.KITTY else ""


def _kitty(preview: Preview, columns: int, rows: int) -> str:
    """Send compressed pixels, and leave the cursor: https://sw.kovidgoyal.net/kitty/graphics-protocol/."""
    data = b64encode(zlib.compress(preview.rgb, 1)).decode("ascii")
    parts = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    keys = f"a=T,f=24,o=z,q=2,C=1,i={KITTY_ID},p=1,s={preview.width},v={preview.height},c={columns},r={rows},"
    drawn = []
    for number, part in enumerate(parts, 1):
        drawn.append(f"\x1b_G{keys}m={int(number < len(parts))};{part}\x1b\\")
        keys = "q=2,"
    return "".join(drawn)


def _iterm2(preview: Preview, columns: int, rows: int) -> str:
    """Send a PNG that is made here: https://iterm2.com/documentation-images.html."""
    data = _png(preview)
    keys = f"inline=1;size={len(data)};width={columns};height={rows};preserveAspectRatio=0;doNotMoveCursor=1"
    return f"\x1b]1337;File={keys}:{b64encode(data).decode('ascii')}\x07"


def _png(preview: Preview) -> bytes:
    """Return a PNG of the pixels, each row unfiltered: RFC 2083."""
    stride = 3 * preview.width
    rows = (preview.rgb[at : at + stride] for at in range(0, len(preview.rgb), stride))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", preview.width, preview.height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _sixel(preview: Preview) -> str:
    """Return bands of six rows, a line of each band for every colour in it: DEC STD 070, chapter 9."""
    width, height = preview.width, preview.height
    colours, pixels = _few_colours(preview)
    drawn = [f'\x1bP0;1q"1;1;{width};{height}']
    drawn += [
        f"#{number};2;{red * 100 // 255};{green * 100 // 255};{blue * 100 // 255}"
        for number, (red, green, blue) in enumerate(colours)
    ]
    for top in range(0, height, 6):
        rows = [pixels[at : at + width] for at in range(top * width, min(top + 6, height) * width, width)]
        for number in sorted(set().union(*rows)):
            only = bytearray(256)
            bits = 0
            for bit, row in enumerate(rows):
                only[number] = 1 << bit
                bits |= int.from_bytes(row.translate(bytes(only)), "big")
            line = bits.to_bytes(width, "big").translate(_SIXELS)
            drawn.append(f"#{number}{_RUN.sub(_shortened, line).decode('ascii')}$")
        drawn.append("-")
    drawn.append("\x1b\\")
    return "".join(drawn)


def _few_colours(preview: Preview) -> tuple[list[tuple[int, int, int]], bytes]:
    """Return the colours, and the number of each pixel's. Raises PictureError for more than 256."""
    pixels = list(zip(preview.rgb[::3], preview.rgb[1::3], preview.rgb[2::3], strict=True))
    numbers = {colour: number for number, colour in enumerate(sorted(set(pixels)))}
    if len(numbers) > SIXEL_COLOURS:
        raise PictureError(_(BROKEN))
    return list(numbers), bytes(map(numbers.__getitem__, pixels))


_SIXELS: Final = bytes((63 + value) % 256 for value in range(256))
_RUN: Final = re.compile(rb"(.)\1{3,}")


def _shortened(run: re.Match[bytes]) -> bytes:
    return b"!%d%b" % (len(run[0]), run[1])
