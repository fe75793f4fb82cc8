"""Containers behind other widgets cost one row, and look as Textual draws them."""

from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from parlour_client.kit.widgets.backdrop import Columns, same_rows


class _App(App[None]):
    CSS = """
    Columns { height: 10; background: red; }
    #framed { border: solid blue; }
    #left { border-left: solid blue; }
    """

    def compose(self) -> ComposeResult:
        yield Columns(id="bare")
        yield Columns(id="framed")
        yield Columns(id="left")


async def test_one_row_is_drawn_for_all_of_them_and_looks_the_same() -> None:
    """Only a frame makes the rows of a container different."""
    async with _App().run_test(size=(40, 40)) as pilot:
        for name, expected in (("bare", 1), ("framed", 10), ("left", 1)):
            container = pilot.app.query_one(f"#{name}", Columns)
            asked: list[int] = []

            def draw(crop: Region, container: Columns = container, asked: list[int] = asked) -> list[Strip]:
                asked.append(crop.height)
                return Widget.render_lines(container, crop)

            region = container.size.region if name == "bare" else Region(0, 0, 40, 10)
            assert same_rows(container, draw, region) == Widget.render_lines(container, region)
            assert asked == [expected]
