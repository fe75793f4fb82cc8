"""Previews: ordinary pictures have them, hostile ones leave a sentence, and the decoder has no rights."""

import asyncio
import sys
import time

import pytest
from tests.client.kit.pictures.pictures import hostile, ordinary, turned

from parlour_client.kit.pictures import decoder, preview
from parlour_client.kit.pictures.preview import MOST_BYTES, PictureError, Preview, checked, make_preview

BLACK = bytes(3)
SHOWN = {
    "a PNG with a ZIP behind it",
    "a GIF with 10,000 frames",
    "a PNG with 24 million pixels in 3 kB",
    "LA",
}
"""What is odd, and still a picture."""
PART = {
    "a truncated JPEG",
    "a WEBP with changed bytes",
    "an EPS, which Pillow would give to Ghostscript",
    "a PDF with a PNG behind it",
    "a PNG with 100 MB of text",
    "a GIF with 10,000 frames",
    "a GIF of 65,535 pixels a side",
    "a JPEG with a broken EXIF",
}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the decoder a minute: other tests have the cores, too."""
    monkeypatch.setattr(preview, "PATIENCE", 60.0)


async def outcomes(pictures: dict[str, bytes]) -> dict[str, Preview | str]:
    """Return the preview of each, or why there is none; two at a time."""
    found: dict[str, Preview | str] = {}
    two = asyncio.Semaphore(2)

    async def one(name: str, data: bytes) -> None:
        async with two:
            try:
                found[name] = await make_preview(data, 60, 40)
            except PictureError as error:
                found[name] = str(error)

    await asyncio.gather(*(one(name, data) for name, data in pictures.items()))
    return found


async def test_ordinary_pictures_have_previews() -> None:
    """Of all four kinds; a photo that lies on its side is turned."""
    kinds = {"GIF": "P", "JPEG": "CMYK", "PNG": "RGBA", "WEBP": "RGB"}
    pictures = {kind: ordinary(kind, mode=mode) for kind, mode in kinds.items()}
    found = await outcomes(pictures | {"turned": turned(300)})
    turn = found.pop("turned")
    assert isinstance(turn, Preview)
    assert (turn.width, turn.height) == (20, 40)
    for name, one in found.items():
        assert isinstance(one, Preview), (name, one)
        assert (one.width, one.height) == (60, 38)
        red, blue = one.color(2, 2), one.color(57, 35)
        assert red[0] > 200, (name, red)
        assert red[2] < 60, (name, red)
        assert blue[2] > 200, (name, blue)
        assert blue[0] < 60, (name, blue)


@pytest.mark.part
async def test_hostile_pictures_leave_a_calm_sentence() -> None:
    """L11: broken files, bombs and polyglots; each ends in a sentence or a preview, and in nothing else."""
    await judge({name: picture for name, picture in hostile().items() if name in PART})


@pytest.mark.long
async def test_every_hostile_picture_leaves_a_calm_sentence() -> None:
    """L11: the whole corpus, and pictures of odd kinds."""
    await judge(hostile() | {mode: ordinary("PNG", mode=mode) for mode in ("1", "L", "LA", "P")})


async def judge(pictures: dict[str, bytes]) -> None:
    """Decode them all, and look at what a person would read."""
    found = await outcomes(pictures)
    told = {name: one for name, one in found.items() if isinstance(one, str)}
    assert not told.keys() & SHOWN
    for name, sentence in told.items():
        assert sentence.endswith(("picture.", "preview.", "million pixels.")), (name, sentence)
        assert "decoder failed" not in sentence, name
        assert "too long" not in sentence, name
        assert "a side" not in name or "too large" in sentence, (name, sentence)


@pytest.mark.parametrize(
    "script",
    [
        "pass",
        "import sys; sys.exit(1)",
        "import os; os.abort()",
        "import sys; sys.stdout.buffer.write(b'\\0\\2\\0\\2' + bytes(11))",
        "import sys; sys.stdout.buffer.write(b'\\0\\2\\0\\2' + bytes(13))",
        "import sys; sys.stdout.buffer.write(b'\\0\\0\\0\\0')",
        "import sys; sys.stdout.buffer.write(b'\\xff\\xff\\0\\1' + bytes(3 * 65535))",
        "import sys\nwhile True: sys.stdout.buffer.write(bytes(100_000))",
    ],
)
async def test_a_decoder_that_was_taken_over_gets_nothing_drawn(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it writes is a picture of the size that was asked for, or an error; it can't fill the memory."""
    monkeypatch.setattr(preview, "DECODER", (sys.executable, "-I", "-S", "-c", script))
    with pytest.raises(PictureError, match="decoder failed"):
        await make_preview(bytes(1_000_000), 10, 10)


async def test_a_decoder_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock on the wall."""
    monkeypatch.setattr(preview, "PATIENCE", 0.2)
    monkeypatch.setattr(preview, "DECODER", ("/bin/sh", "-c", "exec sleep 60"))
    before = time.monotonic()
    with pytest.raises(PictureError, match="takes too long"):
        await make_preview(bytes(1_000_000), 10, 10)
    assert time.monotonic() - before < 30


async def test_what_is_too_large_starts_no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size is known before."""
    monkeypatch.setattr(preview, "DECODER", ("/nowhere",))
    with pytest.raises(PictureError, match="too large"):
        await make_preview(bytes(MOST_BYTES + 1), 10, 10)
    with pytest.raises(PictureError, match="decoder failed"):
        await make_preview(b"", 10, 10)


def test_only_an_exact_answer_is_a_preview() -> None:
    """Neither a byte less nor a byte more, and nothing larger than was asked for."""
    head = decoder.HEAD.pack(2, 1)
    assert checked(head + BLACK + b"abc", 2, 1).color(1, 0) == (97, 98, 99)
    for output in (b"", head[:3], head, head + BLACK, head + 3 * BLACK, decoder.HEAD.pack(0, 1)):
        with pytest.raises(PictureError):
            checked(output, 2, 1)
    with pytest.raises(PictureError):
        checked(head + 2 * BLACK, 1, 2)
