"""L11: nothing decodes an image, so no hostile one finds a decoder; a file is bytes, a name and a size."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DECODERS = {
    "cairosvg", "cv2", "imageio", "matplotlib", "numpy", "opencv-python", "pil", "pillow", "pygame", "pyvips",
    "rich-pixels", "rich_pixels", "term-image", "term_image", "textual-image", "textual_image", "wand",
}  # fmt: skip
IMPORT = re.compile(r"^\s*(?:from|import) ([A-Za-z0-9_]+)", re.MULTILINE)
GRAPHICS = re.compile(r"\\(?:x1b|033|e)(?:_G|P[0-9;]*q|\]1337;File)")
"""How a terminal is told to draw an image: by kitty, in sixels, by iTerm2."""


@pytest.mark.parametrize("name", ["run.txt", "cluster.txt"])
def test_no_image_library_is_installed(name: str) -> None:
    """L11: not even by something that is installed for another reason."""
    pins = re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements" / name).read_text(), re.MULTILINE)
    assert len(pins) > 10
    assert DECODERS.isdisjoint(pins)


def test_no_image_is_decoded_or_drawn() -> None:
    """L11: no package of Parlour imports a decoder, or draws an image on a terminal."""
    for package in ("protocol", "server", "client"):
        for path in (ROOT / package).rglob("*.py"):
            source = path.read_text("utf-8")
            assert DECODERS.isdisjoint(name.lower() for name in IMPORT.findall(source)), path
            assert not GRAPHICS.search(source), path
