"""The process that decodes one picture: bytes in, at most so many pixels out.

``preview`` runs this file as a script. It is the only code that imports Pillow. Before it reads a byte of the
picture it takes from itself what a decoder does not need: memory, time, files and processes. On Linux the
kernel then refuses every system call but the few that decoding needs, so there is no network either. The exit
status says why there is no preview.
"""

import contextlib
import copy  # noqa: F401 - Pillow loads it for palettes, when no file can be opened any more
import errno
import io
import os
import struct
import sys
import warnings
from typing import Any

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
MOST_PIXELS = 24_000_000
"""Pixels of a picture: a photo of a telephone has 12 million."""
MEMORY = 640 * 1024 * 1024
"""Bytes of addresses for all of the process; Python and Pillow take 150 MiB of them."""
CPU_SECONDS = 6
NO_PILLOW, NO_PICTURE, TOO_LARGE, DAMAGED, TOO_MUCH_MEMORY = 10, 11, 12, 13, 14
HEAD = struct.Struct(">HH")
"""Before the pixels: width and height."""
_SYSTEM_CALLS = {
    "x86_64": (0xC000003E, (0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 25, 28, 60, 202, 228, 231, 318)),
    "aarch64": (
        0xC00000B7,
        (63, 64, 57, 80, 62, 222, 226, 215, 214, 134, 135, 139, 216, 233, 93, 98, 113, 94, 278),
    ),
}
"""By machine: its number for seccomp, and the system calls that decoding needs; no other is allowed.

They are read, write, close, fstat, lseek, mmap, mprotect, munmap, brk, rt_sigaction, rt_sigprocmask,
rt_sigreturn, mremap, madvise, exit, futex, clock_gettime, exit_group and getrandom.
"""


def confine() -> None:
    """Give up what a decoder does not need; each as far as the system can."""
    if sys.platform == "win32":
        return
    import ctypes  # noqa: PLC0415 - while files can be opened
    import resource  # noqa: PLC0415 - not on Windows

    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (
            resource.RLIMIT_NOFILE,
            3,
        ),  # the three that are open: no file and no socket can be opened beside them
    ):
        with contextlib.suppress(OSError, ValueError):  # macOS knows no limit of addresses
            resource.setrlimit(what, (most, most))
    with contextlib.suppress(OSError, AttributeError):
        _ = allow_few_system_calls(ctypes.CDLL(None).prctl)


def allow_few_system_calls(prctl: Any) -> bool:
    """Let the kernel refuse every other system call (seccomp); False where that can't be had."""
    if sys.platform != "linux" or os.uname().machine not in _SYSTEM_CALLS:
        return False
    import ctypes  # noqa: PLC0415 - for Linux only

    machine, calls = _SYSTEM_CALLS[os.uname().machine]
    load, equal, end = 0x20, 0x15, 0x06  # of a word, compare and jump, return: linux/filter.h
    allow, refuse = 0x7FFF0000, 0x00050000 | errno.EPERM
    steps = [(load, 0, 0, 4), (equal, 0, len(calls) + 1, machine), (load, 0, 0, 0)]
    steps += [(equal, len(calls) - at, 0, call) for at, call in enumerate(calls)]
    steps += [(end, 0, 0, refuse), (end, 0, 0, allow)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = struct.pack("@HP", len(steps), ctypes.addressof(code))
    no_new_privileges, seccomp, by_filter = 38, 22, 2
    if prctl(no_new_privileges, 1, 0, 0, 0):
        return False
    return bool(prctl(seccomp, by_filter, ctypes.c_char_p(program), 0, 0) == 0)


def decode(data: bytes, width: int, height: int, colours: int = 0) -> bytes:
    """Return the first frame, at most so large, on black: width, height, and three bytes for each pixel.

    ``colours`` is the most that it may have; 0 stands for all.
    """
    from PIL import Image, ImageOps  # noqa: PLC0415 - the caller says it if Pillow is missing

    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise Image.DecompressionBombError
        image.draft("RGB", (2 * width, 2 * height))  # a photo is decoded at a fraction of its size
        shown = ImageOps.exif_transpose(image)
        shown.thumbnail((width, height))
        pixels = Image.new("RGB", shown.size)
        layer = shown.convert("RGBA")
        pixels.paste(layer, mask=layer)
        if colours:
            pixels = pixels.quantize(colours).convert("RGB")
    return HEAD.pack(*pixels.size) + pixels.tobytes()


def main() -> int:
    """Decode the picture of the standard input to the standard output."""
    warnings.simplefilter("ignore")
    try:
        # all that decoding loads, before no file can be opened
        from PIL import (  # noqa: PLC0415
            GifImagePlugin,
            Image,
            ImageOps,
            JpegImagePlugin,
            MpoImagePlugin,
            PngImagePlugin,
            TiffImagePlugin,
            UnidentifiedImageError,
            WebPImagePlugin,
        )
    except ImportError:
        return NO_PILLOW
    del (
        GifImagePlugin,
        ImageOps,
        JpegImagePlugin,
        MpoImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )
    Image.preinit()
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    confine()
    try:
        width, height, colours = (int(text) for text in sys.argv[1:])
        preview = decode(sys.stdin.buffer.read(), width, height, colours)
    except UnidentifiedImageError:
        return NO_PICTURE
    except Image.DecompressionBombError:
        return TOO_LARGE
    except MemoryError:
        return TOO_MUCH_MEMORY
    except Exception:  # noqa: BLE001 - a decoder may fail in any way, and nothing else is told
        return DAMAGED
    sys.stdout.buffer.write(preview)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    os._exit(main())
