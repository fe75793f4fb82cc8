"""L11: images are decoded by one process without rights, by no other code, and drawn from its pixels only."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DECODERS = {
    "cairosvg", "cv2", "imageio", "matplotlib", "numpy", "opencv-python", "pil", "pillow", "pygame", "pyvips",
    "rich-pixels", "rich_pixels", "term-image", "term_image", "textual-image", "textual_image", "wand",
}  # fmt: skip
PIXELS = ROOT / "client/parlour_client/kit/pictures/protocols.py"
ONLY_IN = ROOT / "client/parlour_client/kit/pictures/decoder.py"
IMPORT = re.compile(r"^\s*(?:from|import) ([A-Za-z0-9_]+)", re.MULTILINE)
GRAPHICS = re.compile(r"\\(?:x1b|033|e)(?:_Ga=T|_G\{|P[0-9;]*q|\]1337;File)")
"""How a terminal is told to draw an image: by kitty, in sixels, by iTerm2."""


@pytest.mark.parametrize("name", ["run.txt", "server.txt"])
def test_no_image_library_is_installed_unless_it_is_asked_for(name: str) -> None:
    """L11: not even by something that is installed for another reason; the extra `pictures` asks for one."""
    pins = re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements" / name).read_text(), re.MULTILINE)
    assert len(pins) > 10
    assert DECODERS.isdisjoint(pins)


def test_images_are_decoded_in_one_process_only_and_drawn_from_its_pixels() -> None:
    """L11: no other module imports a decoder; the one that makes images for a terminal gets a ``Preview``."""
    importing, drawing = set(), set()
    for package in ("protocol", "server", "client"):
        for path in (ROOT / package).rglob("*.py"):
            source = path.read_text("utf-8")
            if not DECODERS.isdisjoint(name.lower() for name in IMPORT.findall(source)):
                importing.add(path)
            if GRAPHICS.search(source):
                drawing.add(path)
    assert importing == {ONLY_IN}
    assert drawing == {PIXELS}
