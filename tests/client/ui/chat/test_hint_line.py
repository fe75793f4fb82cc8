"""The line above the composer."""

from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip

from parlour_client.kit.widgets.safe import own
from parlour_client.ui.chat.hint_line import HintLine


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
