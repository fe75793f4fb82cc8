"""Dialogs: another's text is behind a mark in each row, and no title is cut."""

import pytest
from textual.app import ComposeResult
from textual.content import Content

from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.widgets.box import ALERT, Box, blocks, quoted
from parlour_client.kit.widgets.safe import join, lines, own, peer_line

LIES = "! Nothing is wrong here. │ Opens │ https://example.org" + " and so on" * 6


class Shown(SafeApp):
    """An app with one dialog."""

    CSS = "Box { border: round white; width: 40; height: auto; }"

    def __init__(self, title: Content) -> None:
        super().__init__()
        self.title_of_box = title

    def compose(self) -> ComposeResult:
        """Show our words, another's text, and an alert."""
        with Box(self.title_of_box):
            theirs = quoted(peer_line(LIES))
            yield from blocks(lines(own("Ours"), theirs, join(own(ALERT), own("It begins like " + "a" * 40))))


async def rows(title: Content) -> list[str]:
    """Return the rows of the dialog."""
    app = Shown(title)
    async with app.run_test(size=(40, 24)) as pilot:
        await pilot.pause()
        return [strip.text.strip() for strip in app.screen._compositor.render_strips()]


async def test_each_row_of_anothers_text_is_behind_our_mark() -> None:
    """Also those that wrap; an alert of ours goes on below its first word."""
    shown = [row.removeprefix("│").removesuffix("│").strip() for row in await rows(own("Link"))]
    begin = shown.index("Ours") + 1
    end = next(at for at, row in enumerate(shown) if row.startswith("! It begins"))
    assert end - begin > 2
    assert all(row.startswith("│") for row in shown[begin:end])


@pytest.mark.parametrize("words", ["Link", "A link in a message of someone whose name is as long as may be"])
async def test_the_title_is_in_the_frame_or_in_the_first_rows(words: str) -> None:
    """Whole, wherever it is."""
    shown = await rows(own(words))
    text = " ".join(row.strip("│╭╮─╰╯ ") for row in shown)
    assert words in " ".join(text.split())
    assert (words in shown[0]) == (len(words) < 30)


async def test_in_a_title_anothers_text_is_behind_our_mark() -> None:
    """It is in rows of its own, however short both are."""
    shown = await rows(lines(own("Yours"), quoted(peer_line("tea"))))
    assert "Yours" not in shown[0]
    assert "tea" not in shown[0]
    assert any(row.removeprefix("│").strip().startswith("│ tea") for row in shown)
