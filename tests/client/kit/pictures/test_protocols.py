"""What terminals with graphics are sent holds the pixels, and nothing else."""

import io
import re
import zlib
from base64 import b64decode

import pytest
from PIL import Image

from parlour_client.kit.pictures.preview import PictureError, Preview
from parlour_client.kit.pictures.protocols import CHUNK, Protocol, drawing, erasing

CORNERS = Preview(
    5, 13, b"".join(bytes((51 * x, 20 * y, 255 if x == y else 0)) for y in range(13) for x in range(5))
)
PALE = Preview(9, 8, bytes(range(216)))


def sixels(sent: str) -> tuple[int, int, dict[tuple[int, int], tuple[int, ...]]]:
    """Return width, height and the colour of each pixel, in hundredths: a reader of sixels."""
    found = re.fullmatch(r'\x1bP0;1q"1;1;(\d+);(\d+)((?:#\d+;2;\d+;\d+;\d+)+)([#!0-9?-~$-]*)\x1b\\', sent)
    assert found is not None
    palette = {
        int(number): (int(red), int(green), int(blue))
        for number, red, green, blue in re.findall(r"#(\d+);2;(\d+);(\d+);(\d+)", found[3])
    }
    pixels: dict[tuple[int, int], tuple[int, ...]] = {}
    x = top = colour = 0
    for word in re.findall(r"#\d+|!\d+.|[$-]|[?-~]", found[4]):
        match word[0]:
            case "#":
                colour = int(word[1:])
            case "$":
                x = 0
            case "-":
                x, top = 0, top + 6
            case _:
                run = int(word[1:-1]) if word[0] == "!" else 1
                bits = ord(word[-1]) - 63
                drawn = {(at, top + bit) for at in range(x, x + run) for bit in range(6) if bits >> bit & 1}
                assert pixels.keys().isdisjoint(drawn)
                pixels |= dict.fromkeys(drawn, palette[colour])
                x += run
    return int(found[1]), int(found[2]), pixels


@pytest.mark.parametrize("preview", [CORNERS, PALE, Preview(1, 1, b"abc"), Preview(40, 7, bytes(840))])
def test_a_reader_finds_the_same_pixels(preview: Preview) -> None:
    """In each of the three."""
    parts = re.findall(
        r"\x1b_G([a-zA-Z0-9=,]+);([A-Za-z0-9+/=]*)\x1b\\", drawing(Protocol.KITTY, preview, 3, 2)
    )
    assert "".join(f"\x1b_G{keys};{data}\x1b\\" for keys, data in parts) == drawing(
        Protocol.KITTY, preview, 3, 2
    )
    assert {"f=24", f"s={preview.width}", f"v={preview.height}", "c=3", "r=2", "q=2", "C=1"} < set(
        parts[0][0].split(",")
    )
    assert zlib.decompress(b64decode("".join(data for _, data in parts))) == preview.rgb

    sent = re.fullmatch(
        r"\x1b\]1337;File=([a-zA-Z0-9=;]+):([A-Za-z0-9+/=]+)\x07", drawing(Protocol.ITERM2, preview, 3, 2)
    )
    assert sent is not None
    with Image.open(io.BytesIO(b64decode(sent[2]))) as image:
        assert (image.width, image.height, image.mode) == (preview.width, preview.height, "RGB")
        assert image.tobytes() == preview.rgb

    width, height, pixels = sixels(drawing(Protocol.SIXEL, preview, 3, 2))
    assert (width, height, len(pixels)) == (preview.width, preview.height, width * height)
    for (x, y), colour in pixels.items():
        assert colour == tuple(part * 100 // 255 for part in preview.color(x, y))


def test_large_pictures_go_to_kitty_in_parts() -> None:
    """Of at most 4,096 characters, each but the last of which says that there is more."""
    noise = b"".join((zlib.crc32(bytes((n % 256, n // 256)))).to_bytes(4, "big") for n in range(15_000))
    parts = re.findall(r"\x1b_G(.*?);(.*?)\x1b\\", drawing(Protocol.KITTY, Preview(200, 100, noise), 3, 2))
    assert len(parts) > 3
    assert all(len(data) <= CHUNK for _, data in parts)
    assert [keys.endswith("m=1") for keys, _ in parts] == [True] * (len(parts) - 1) + [False]


def test_sixels_have_256_colours() -> None:
    """A decoder that gives more was taken over."""
    with pytest.raises(PictureError):
        _ = drawing(
            Protocol.SIXEL, Preview(257, 1, b"".join(bytes((n % 256, n // 256, 7)) for n in range(257))), 3, 2
        )


def test_only_kittys_pictures_have_to_be_erased() -> None:
    """Text drawn over the others removes them."""
    assert [bool(erasing(protocol)) for protocol in Protocol] == [True, False, False]
