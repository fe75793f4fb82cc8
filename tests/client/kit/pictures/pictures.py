"""Pictures for tests: ordinary ones, and a corpus of broken ones and bombs, all made here."""

import io
import random
import struct
import zlib
from functools import cache

from PIL import Image


def ordinary(kind: str, size: tuple[int, int] = (320, 200), mode: str = "RGB") -> bytes:
    """Return a picture: red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    image.paste((0, 0, 255), (size[0] // 2, 0, *size))
    out = io.BytesIO()
    image.convert(mode).save(out, kind)
    return out.getvalue()


def turned(side: int) -> bytes:
    """Return a photo that says it lies on its side."""
    image, out = Image.new("RGB", (2 * side, side), "red"), io.BytesIO()
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


def _chunk(name: bytes, data: bytes, checksum: int | None = None) -> bytes:
    found = zlib.crc32(name + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", found)


def png(width: int, height: int, *chunks: bytes, depth: int = 1, color: int = 0) -> bytes:
    """Return a PNG of these chunks."""
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + b"".join(chunks) + _chunk(b"IEND", b"")


@cache
def zeros(count: int) -> bytes:
    """Return so many compressed zeros."""
    packer, left, out = zlib.compressobj(9), count, []
    while left:
        part = min(left, 1 << 20)
        out.append(packer.compress(bytes(part)))
        left -= part
    return b"".join((*out, packer.flush()))


def gif(width: int, height: int, frames: int) -> bytes:
    """Return a GIF with so many frames of one pixel."""
    frame = (
        b"!\xf9\x04\x04\x01\x00\x00\x00" + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02D\x01\x00"
    )
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\xff\x00\x00\x00\x00\xff"
    return head + frame * frames + b";"


def _flipped(data: bytes, seed: int) -> bytes:
    chance, broken = random.Random(seed), bytearray(data)  # noqa: S311 - the test's own
    for _ in range(40):
        broken[chance.randrange(20, len(broken))] = chance.randrange(256)
    return bytes(broken)


def hostile() -> dict[str, bytes]:
    """Return the corpus by name."""
    kinds = {kind: ordinary(kind) for kind in ("PNG", "JPEG", "GIF", "WEBP")}
    page = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n"
    exif = b"\xff\xd8\xff\xe1\x00\x10Exif\0\0MM\0*\xff\xff\xff\xff"
    canvas = b"\0\0\0\0\xff\x3f\0\xff\x3f\0"
    line = _chunk(b"IDAT", zeros(1_000))
    return (
        {f"a truncated {kind}": data[: len(data) // 2] for kind, data in kinds.items()}
        | {f"only the head of a {kind}": data[:26] for kind, data in kinds.items()}
        | {f"a {kind} with changed bytes": _flipped(data, 7) for kind, data in kinds.items()}
        | {
            "nothing": b"",
            "text": b"hello",
            "zeros": bytes(100_000),
            "a BMP": ordinary("BMP"),
            "a TIFF": ordinary("TIFF"),
            "an EPS, which Pillow would give to Ghostscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%EOF",
            "an SVG": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            "a PDF with a PNG behind it": page + kinds["PNG"],
            "a PNG with a ZIP behind it": kinds["PNG"] + b"PK\x05\x06" + bytes(18),
            "a GIF that is a script": b"GIF89a/*" + kinds["GIF"][8:] + b"*/=1;alert(1)",
            "a PNG of 0 pixels": png(0, 0, line),
            "a PNG of 2^31 pixels a side": png(2**31 - 1, 2**31 - 1, line),
            "a PNG of 65,535 pixels a side": png(65_535, 65_535, line),
            "a PNG with 24 million pixels in 3 kB": png(6_000, 4_000, _chunk(b"IDAT", zeros(751 * 4_000))),
            "a PNG with 24 million pixels of 16 bytes": png(
                6_000, 4_000, _chunk(b"IDAT", zeros(1_000_000)), depth=16, color=6
            ),
            "a PNG with 100 MB of pixels too many": png(8, 8, _chunk(b"IDAT", zeros(100_000_000))),
            "a PNG with 100 MB of text": png(8, 8, _chunk(b"zTXt", b"a\0\0" + zeros(100_000_000)), line),
            "a PNG with a profile of 100 MB": png(8, 8, _chunk(b"iCCP", b"a\0\0" + zeros(100_000_000)), line),
            "a PNG with wrong checksums": png(8, 8, _chunk(b"IDAT", zeros(1_000), checksum=7)),
            "a PNG with a chunk of 4 GB": b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR" + bytes(30),
            "a PNG with 100,000 chunks": png(8, 8, _chunk(b"tEXt", b"a\0b") * 100_000, line),
            "a GIF with 10,000 frames": gif(16, 16, 10_000),
            "a GIF of 65,535 pixels a side": gif(65_535, 65_535, 1),
            "a JPEG of 65,500 pixels a side": kinds["JPEG"].replace(
                struct.pack(">HH", 200, 320), struct.pack(">HH", 65_500, 65_500), 1
            ),
            "a JPEG with a broken EXIF": exif + kinds["JPEG"][2:],
            "a WebP of 16,384 pixels a side": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0" + canvas + b"VP8 \0\0\0\0",
        }
    )
