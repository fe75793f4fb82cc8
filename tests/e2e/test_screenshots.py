"""`make screenshots`: the pictures of the documentation can be drawn."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools import screenshots


@pytest.fixture
def umask() -> Iterator[None]:
    """Give the tests after this one their umask back: the demo's server changes it."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.long
@pytest.mark.usefixtures("umask")
async def test_the_pictures_are_drawn_of_a_client_that_is_connected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first scene is enough: server, people and the app start, and what they said is on it."""
    monkeypatch.setattr(screenshots, "DOCS", tmp_path)
    monkeypatch.setattr(screenshots, "SCENES", (screenshots.the_chat,))
    await screenshots.main()
    for name in ("screenshot.svg", "pictures/small.svg"):
        picture = (tmp_path / name).read_text("utf-8")
        assert "Write" in picture
        assert "not connected" not in picture
        assert "mallory" in picture
