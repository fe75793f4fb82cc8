"""What the ticker's page may not have in its files."""

import re
from pathlib import Path
from typing import Final

import pytest

import ticker

FILES: Final = Path(ticker.__file__).parents[1] / "ticker_page" / "static"
_UNSAFE: Final = (
    r"\w+HTML\b|document\.write|\beval\b|\bFunction\(|localStorage|sessionStorage|indexedDB|\.cookie"
)


@pytest.mark.parametrize("file", sorted(FILES.glob("*.js")), ids=lambda file: file.name)
def test_its_scripts_are_short_write_no_markup_and_keep_nothing(file: Path) -> None:
    """They set text, and the session is in memory only."""
    text = file.read_text("utf-8")
    assert len(text.splitlines()) <= 150
    assert re.findall(_UNSAFE, text) == []


def test_it_has_no_script_in_its_markup() -> None:
    """So that its policy can refuse all of those."""
    text = (FILES / "index.html").read_text("utf-8")
    assert re.findall(r"<script(?! type=\"module\" src=)|\son\w+=|javascript:|style=", text) == []
