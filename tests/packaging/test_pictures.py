"""Pictures: all that a page shows are there, all that are there are shown, and none fetches anything."""

import re
from pathlib import Path

from tools.cast import Cast

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))


def shown() -> set[Path]:
    """Return the files of all pictures in the pages."""
    found = set()
    for page in PAGES:
        for link in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            found.add((page.parent / link).resolve())
    return found


def test_the_pictures_are_the_ones_that_are_shown() -> None:
    """No dead link, no picture that no one sees."""
    kept = {
        *(ROOT / "docs").glob("*.svg"),
        *(one for one in (ROOT / "docs" / "pictures").rglob("*") if one.is_file()),
    }
    assert shown() == kept
    assert len(kept) > 5


def test_a_cast_shows_each_cell_in_its_frames() -> None:
    """What stays is drawn once and always there; without motion the last frame is seen."""

    def frame(words: str) -> str:
        return (
            '<svg viewBox="0 0 100 50"><style>.terminal-1-r1 { fill: #fff }</style><g clip-path="url(#c)">'
            '<rect fill="#000" x="0" y="1.5" width="24.4" height="24.65"/>'
            '<text class="terminal-1-r1" x="0" y="20" textLength="24.4" clip-path="url(#l)">Rooms</text>'
            f'<text class="terminal-1-r1" x="30" y="20" textLength="24.4">{words}</text></g></svg>'
        )

    cast = Cast()
    cast.add(frame("one"), 1)
    cast.add(frame("two"), 3)
    picture = cast.svg()
    assert picture.count("<g") == picture.count("</g>")
    assert picture.count("Rooms") == 1
    (name,) = re.findall(r'<g class="(t\d+)"><text[^>]*>two', picture)
    assert (
        f"@keyframes {name} {{ 0.00% {{ visibility: hidden }} 25.00% {{ visibility: visible }} }}" in picture
    )
    assert f".{name} {{ animation: none; visibility: visible }}" in picture


def test_a_picture_fetches_nothing() -> None:
    """No font, no style and no image from elsewhere; no address but of the format itself."""
    for picture in shown():
        if picture.read_bytes().startswith(b"\x89PNG\r\n"):
            continue  # a format that can't
        text = picture.read_text(encoding="utf-8")
        assert not re.search(r"@font-face|@import|url\((?!#)|<image|<script|href=", text), picture.name
        addresses = set(re.findall(r"https?://[^\s\"'<>]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}, addresses
