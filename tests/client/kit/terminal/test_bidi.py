"""Right-to-left text: the order of its clusters, the mark behind it, and what the terminal is told."""

import pytest
from msgspec import structs
from rich.console import Console
from rich.segment import Segment
from tests.client.ui.conftest import OpenApp
from tests.client.ui.ui_fake import FakeClient
from textual.strip import Strip

from parlour_client.core.settings import Settings
from parlour_client.kit.terminal.bidi import LEFT_TO_RIGHT_MARK, in_visual_order
from parlour_client.kit.terminal.column_anchoring import anchored
from parlour_client.ui.app import ParlourApp


@pytest.mark.parametrize(
    ("stored", "seen"),
    [
        ("plain", "plain"),
        ("שלום", "םולש"),
        ("abc שלום x", "abc םולש x"),
        ("שָׁלוֹם", "םוֹלשָׁ"),  # marks stay behind their letters
        ("א👨‍👩‍👧ב", "ב👨‍👩‍👧א"),  # a family stays a family
        ("السلام 12", "12 مالسلا"),
        ("א─ב", "ב─א"),  # a letter that replaces clusters represents itself as well
    ],
)
def test_clusters_are_reordered_whole(stored: str, seen: str):
    """The client's own order is that of UAX #9, cluster by cluster."""
    assert in_visual_order(stored) == seen


@pytest.mark.parametrize(("mode", "count"), [("terminal", 1), ("client", 0), ("off", 0)])
def test_a_mark_keeps_the_next_pane_out(mode: str, count: int):
    """Where the terminal orders text, a left-to-right mark ends a stranger's words; it has no width."""
    strip = anchored(Strip([Segment("שלום")]), 3, mode)
    assert strip.render(Console()).count(LEFT_TO_RIGHT_MARK) == count
    assert LEFT_TO_RIGHT_MARK not in anchored(Strip([Segment("héllo")]), 3, mode).render(Console())


async def test_the_terminal_gets_the_sequence(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
):
    """It orders text unless the person wants another to do it, and is left as it was."""
    async with open_app(client) as pilot:
        app, said = pilot.app, []
        assert isinstance(app, ParlourApp)
        assert app._driver is not None
        monkeypatch.setattr(type(app._driver), "is_headless", False)
        monkeypatch.setattr(app._driver, "write", said.append)
        for mode in ("client", "off", "terminal"):
            app.settings = structs.replace(app.settings or Settings(), bidi=mode)
            await pilot.pause()
        assert [words for words in said if words.endswith(("8l", "8h"))] == ["\x1b[8l", "\x1b[8h"]
        monkeypatch.undo()
