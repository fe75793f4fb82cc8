"""Pictures: all that a page shows are there, all that are there are shown, and none fetches anything."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def shown() -> set[Path]:
    """Return the files of all pictures in the pages."""
    found = set()
    for page in PAGES:
        for link in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
            found.add((page.parent / link).resolve())
    return found


def test_the_pictures_are_the_ones_that_are_shown() -> None:
    """No dead link, no picture that no one sees."""
    kept = {*(ROOT / "docs").glob("*.svg"), *(ROOT / "docs" / "pictures").glob("*.svg")}
    assert shown() == kept
    assert len(kept) > 5


def test_a_picture_fetches_nothing() -> None:
    """No font, no style and no image from elsewhere; no address but of the format itself."""
    for picture in shown():
        text = picture.read_text(encoding="utf-8")
        assert not re.search(r"@font-face|@import|url\((?!#)|<image|<script|href=", text), picture.name
        addresses = set(re.findall(r"https?://[^\s\"'<>]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}, addresses
