"""The screen, on a real server."""

from pathlib import Path

import pytest

from parlour_client.kit.testing import joined
from parlour_client.kit.unsafe_text import unsafe_lines
from parlour_server.testing.server import running

import blank
from blank.frames import WIRE
from blank.screen import CounterScreen
from blank.server import Counter, app


async def test_a_key_adds_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen shows the counter, and who added to it last."""
    monkeypatch.setattr(Counter, "total", 41)
    async with (
        running(app, tmp_path / "data") as world,
        joined(WIRE, CounterScreen, tmp_path / "home", await world.link()) as client,
    ):
        await client.shows("41  last: anna")
        await client.pilot.press("space")
        await client.shows("42  last: anna")


def test_no_text_is_taken_for_markup() -> None:
    """Titles and tooltips would; the linter knows the widgets that do."""
    assert unsafe_lines(blank) == []
