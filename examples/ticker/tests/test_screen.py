"""The screen, on a real server."""

from functools import partial
from pathlib import Path

from parlour_client.kit.testing import joined
from parlour_client.kit.unsafe_text import unsafe_lines
from parlour_server.testing.server import running

import ticker
from ticker.frames import WIRE, Price
from ticker.screen import PriceScreen, Row
from ticker.server import app


async def test_the_table_shows_prices(tmp_path: Path) -> None:
    """Each symbol has its row; a price that was not asked for has none."""
    async with (
        running(app, tmp_path / "data") as world,
        joined(WIRE, PriceScreen, tmp_path / "home", await world.link()) as client,
    ):
        await client.shows("ACME")
        client.screen.pushed(Price("ACME", 123_456))
        await client.shows("1,234.56")
        client.screen.pushed(Price("ENRON", 777_777))
        await client.pilot.pause()
        assert "7,777.77" not in client.text


async def test_a_refusal_is_shown(tmp_path: Path) -> None:
    """As a sentence, where the table is."""
    screen = partial(PriceScreen, symbols=("ENRON",))
    async with (
        running(app, tmp_path / "data") as world,
        joined(WIRE, screen, tmp_path / "home", await world.link()) as client,
    ):
        await client.shows("There is no ENRON")


def test_change_is_since_the_first_price() -> None:
    """It is signed."""
    row = Row("ACME")
    for cents in (10_000, 10_050, 9_900):
        row.show(cents)
    assert (str(row._price.content), str(row._change.content)) == ("99.00", "-1.00")


def test_no_text_is_taken_for_markup() -> None:
    """Titles and tooltips would; the linter knows the widgets that do."""
    assert unsafe_lines(ticker) == []
