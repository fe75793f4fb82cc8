"""A preview on the screen: half blocks in two colours, and nothing else."""

from textual.app import App, ComposeResult

from parlour_client.kit.pictures.preview import Preview
from parlour_client.kit.widgets.picture import PictureView, has_colors_for_pictures

SHOWN = Preview(2, 3, bytes(range(18)))


class Showing(App[None]):
    """An app with one picture."""

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield PictureView(SHOWN)


async def test_each_cell_is_a_half_block_of_two_pixels() -> None:
    """The upper one is its colour, the lower one its background; an odd last row has none below."""
    app = Showing()
    async with app.run_test():
        view = app.query_one(PictureView)
        assert view.size == (2, 2)
        cells = [(cell.text, cell.style) for y in (0, 1) for cell in view.render_line(y)]
        assert [text for text, _style in cells] == ["▀"] * 4
        assert [str(style) for _text, style in cells] == [
            "#000102 on #060708",
            "#030405 on #090a0b",
            "#0c0d0e",
            "#0f1011",
        ]
        assert view.render_line(2).text.strip() == ""


async def test_without_colours_there_is_no_picture() -> None:
    """NO_COLOR, 16 colours and none."""
    app = Showing()
    async with app.run_test():
        found = []
        for system in ("truecolor", "256", "standard", None):
            app.console._color_system = (
                None if system is None else type(app.console)(color_system=system)._color_system
            )
            found.append(has_colors_for_pictures(app))
        assert found == [True, True, False, False]
        app.console._color_system = type(app.console)(color_system="truecolor")._color_system
        app.no_color = True
        assert not has_colors_for_pictures(app)
