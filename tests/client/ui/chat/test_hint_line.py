"""The line above the composer."""

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.sentences import longest
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient
from textual.app import App, ComposeResult
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip

from parlour_client.kit.language import ENGLISH, language
from parlour_client.kit.widgets.safe import own
from parlour_client.ui.chat.hint_line import HintLine
from parlour_client.ui.chat.screen import ChatScreen


class Counting(HintLine):
    """Counts how often it is drawn."""

    drawn = 0

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw."""
        self.drawn += 1
        return super().render_lines(crop)


class Hinting(App[None]):
    """Shows a hint alone."""

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield Counting()


async def test_what_is_refused_again_is_drawn_again() -> None:
    """Two refusals may have the same words, as where the server's reasons have no ink: each is told."""
    app = Hinting()
    async with app.run_test() as pilot:
        hint = app.query_one(Counting)
        hint.refuse(own("not allowed"))
        await pilot.pause()
        before = hint.drawn
        hint.refuse(own("not allowed"))
        await pilot.pause()
        assert hint.drawn > before


def shown_in(screen: ChatScreen) -> str:
    """Return what stands in the rows of the hint."""
    region = screen.pane.hint.region
    rows = [strip.crop(region.x, region.right).text for strip in screen._compositor.render_strips()]
    return " ".join(row.strip() for row in rows[region.y : region.bottom])


async def test_only_what_was_not_done_is_in_the_colour_of_trouble(
    client: FakeClient, open_app: OpenApp
) -> None:
    """The sign before it says the same without a colour."""
    async with open_app(client) as pilot:
        hint = (await lobby(pilot)).pane.hint

        def sign() -> tuple[str, bool]:
            content = hint.render()
            assert isinstance(content, Content)
            return content.plain[:1], "$error" in str(content.spans[0].style)

        hint.say(own("Pinned."))
        assert sign() == ("·", False)
        hint.refuse(own("Not pinned."))
        assert sign() == ("!", True)


@pytest.mark.parametrize("code", ["en", "de", "he"])
@pytest.mark.parametrize("size", [(80, 24), (40, 15)])
async def test_no_notice_is_cut(
    client: FakeClient, open_app: OpenApp, code: str, size: tuple[int, int]
) -> None:
    """The longest sentences of each language are there to the last word, and the composer below them."""
    sentences = longest(code)
    assert min(map(len, sentences)) > 140
    async with open_app(client, size=size) as pilot:
        screen = await lobby(pilot)
        for sentence in sentences:
            screen.pane.interaction.refuse(sentence)
            await settled(pilot)
            assert shown_in(screen).split() == ["!", *sentence.split()]
            assert screen.pane.composer.region.bottom <= size[1] - 1
            screen.pane.hint.forget()


async def test_a_notice_without_room_is_opened_by_a_key(client: FakeClient, open_app: OpenApp) -> None:
    """It is said that there is one, and the key shows all of it."""
    words = " ".join(f"word{number}" for number in range(120))
    async with open_app(client, size=(40, 15)) as pilot:
        screen = await lobby(pilot)
        screen.pane.interaction.refuse(words)
        await settled(pilot)
        assert "A long message (Alt+G: go there)" in shown_in(screen)
        await pilot.press("alt+g")
        await settled(pilot)
        assert "word0 word1 " in screen_text(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert screen.pane.hint.region.height == 0


async def test_what_is_new_below_is_said_with_the_key(client: FakeClient, open_app: OpenApp) -> None:
    """Until someone goes there; a changed key is the one that is named, in the person's language."""
    for number in range(60):
        client.say(LOBBY, BOB, f"line {number}")
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press("pageup", "pageup")
        client.say(LOBBY, BOB, "one more")
        await settled(pilot)
        assert "1 new below (Ctrl+End)" in shown_in(screen)
        language.use(["de"])
        try:
            screen.pane.hint.below(2)
            await settled(pilot)
            assert "2 neue unten (Strg+Ende)" in shown_in(screen)
        finally:
            language.use([ENGLISH])
        await pilot.press("ctrl+end")
        await settled(pilot)
        assert shown_in(screen).strip() == ""
