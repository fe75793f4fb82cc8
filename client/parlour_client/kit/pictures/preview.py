"""Makes a preview of a picture from a stranger, without a decoder in this process.

The bytes go to ``decoder`` by its input. What comes back is a width, a height and exactly three bytes for
each pixel, checked before use; anything else is an error, and so is a decoder that is not done in time.
"""

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.kit.pictures import decoder
from parlour_client.kit.programs import end_program

PATIENCE: Final = 10.0
"""Seconds of waiting for the decoder."""
MOST_BYTES: Final = 8 * 1024 * 1024
"""Bytes of a file that is decoded."""
MOST_SIDE: Final = 1200
"""Pixels: a preview need not fill the largest screen, and over SSH each of them travels."""
DECODER: Final = (sys.executable, "-I", "-B", decoder.__file__)
"""The command: isolated from the environment and the working folder."""


class PictureError(SetupError):
    """There is no preview; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Preview:
    """Rows of pixels, from the top; ``rgb`` has exactly three bytes for each."""

    width: int
    height: int
    rgb: bytes

    def color(self, x: int, y: int) -> tuple[int, int, int]:
        """Return the red, green and blue of one pixel."""
        at = 3 * (y * self.width + x)
        red, green, blue = self.rgb[at : at + 3]
        return red, green, blue


_WHY: Final = {
    decoder.NO_PILLOW: N_("Previews need the extra pictures: docs/how-to/install.md"),
    decoder.NO_PICTURE: N_("This is not a PNG, JPEG, GIF or WebP picture."),
    decoder.TOO_LARGE: N_("This picture is too large for a preview: more than 24 million pixels."),
    decoder.DAMAGED: N_("This picture is damaged, so there is no preview."),
    decoder.TOO_MUCH_MEMORY: N_("This picture needs too much memory, so there is no preview."),
}
BROKEN: Final = N_("The decoder failed on this picture, so there is no preview.")
_TOO_SLOW: Final = N_("This picture takes too long to decode, so there is no preview.")


async def make_preview(data: bytes, width: int, height: int, colours: int = 0) -> Preview:
    """Decode a picture to at most this many pixels, and colours unless it is 0. Raises PictureError."""
    if len(data) > MOST_BYTES:
        raise PictureError(_("This file is too large for a preview."))
    width, height = (max(1, min(side, MOST_SIDE)) for side in (width, height))
    try:
        process = await asyncio.create_subprocess_exec(
            *DECODER, str(width), str(height), str(colours),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env=_environment(), cwd=Path(sys.executable).anchor, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise PictureError(_(BROKEN)) from error
    most = decoder.HEAD.size + 3 * width * height
    try:
        async with asyncio.timeout(PATIENCE):
            output = await _exchange(process, data, most)
            status = await process.wait()
    except TimeoutError as error:
        raise PictureError(_(_TOO_SLOW)) from error
    finally:
        await end_program(process)
    if status:
        raise PictureError(_(_WHY.get(status, BROKEN)))
    return checked(output, width, height)


def checked(output: bytes, width: int, height: int) -> Preview:
    """Return what a decoder wrote if it is a preview of at most this size. Raises PictureError."""
    if len(output) >= decoder.HEAD.size:
        wide, high = decoder.HEAD.unpack_from(output)
        pixels = output[decoder.HEAD.size :]
        if 0 < wide <= width and 0 < high <= height and len(pixels) == 3 * wide * high:
            return Preview(wide, high, pixels)
    raise PictureError(_(BROKEN))


def _environment() -> dict[str, str]:
    """Return an environment with nothing of the person in it; Windows starts nothing without its folder."""
    return {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}


async def _exchange(process: asyncio.subprocess.Process, data: bytes, most: int) -> bytes:
    """Write the picture and read the answer, at most one byte more than it may have."""
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - both are pipes
    feeding = asyncio.create_task(_feed(process.stdin, data))
    try:
        output = b""
        while len(output) <= most and (part := await process.stdout.read(most + 1 - len(output))):
            output += part
        if len(output) > most:
            await end_program(process)
        return output
    finally:
        _ = feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await feeding


async def _feed(pipe: asyncio.StreamWriter, data: bytes) -> None:
    with contextlib.suppress(OSError):  # a decoder that has ended reads no more
        pipe.write(data)
        await pipe.drain()
        pipe.close()
