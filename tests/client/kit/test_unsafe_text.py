"""M3: text of others is shown as it is; what would read it as markup is found in the sources."""

from pathlib import Path
from types import ModuleType

import pytest
from textual.app import ComposeResult

from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.unsafe_text import unsafe_lines
from parlour_client.kit.widgets.questions import Choices
from parlour_client.kit.widgets.safe import SafeStatic, option, peer_line, title_pane

HOSTILE = "[/nope] [bold]x \x1b]52;c;ZXZpbA==\x07\u202e"


class Shown(SafeApp):
    """A program that shows one text wherever there is a place for it."""

    def compose(self) -> ComposeResult:
        """Lay out."""
        pane = SafeStatic(peer_line(HOSTILE))
        title_pane(pane, peer_line(HOSTILE))
        pane.styles.border = ("round", "red")
        yield pane
        yield Choices(option(peer_line(HOSTILE)))


def _drawn(app: SafeApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def test_no_stored_text_ends_the_program() -> None:
    """In a widget, a border, a list and a note: it is there, letter by letter."""
    app = Shown()
    async with app.run_test(size=(100, 20), notifications=True) as pilot:
        app.notify(HOSTILE, title=HOSTILE, markup=True)
        await pilot.pause()
        drawn = [_drawn(app)]
        app.screen.notify(HOSTILE)  # instead of the first one
        await pilot.pause()
        drawn.append(_drawn(app))
    assert [text.count("[/nope]") for text in drawn] == [5, 4]
    assert "\x1b" not in "".join(drawn)


@pytest.mark.parametrize(
    "line",
    [
        "pane.border_title = name",
        "pane.border_subtitle = f'{name}'",
        "self.query_one('#x').tooltip = name",
        "self.title, other = name, 1",
        "self.sub_title += name",
        "pane.border_title: str = name",
        "setattr(pane, 'border_title', name)",
        "Content.from_markup(name)",
        "row.with_tooltip(name)",
        "Choices(name, markup=True)",
        "from textual.widgets import Static",
        "from textual.widgets import Sparkline, DataTable as Table",
        "from textual.widgets._button import Button",
        "pane = widgets.Tree(name)",
        "pane = textual.widgets.Label(name)",
        "from rich.text import Text",
        "from rich import markup",
        "import textual.markup",
    ],
)
def test_what_reads_markup_is_found(line: str, tmp_path: Path) -> None:
    """However it is written; a program's own words are not."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/screen.py").write_text(
        f"def show(self, pane, name):\n    pane.border_title = 'mine'\n    {line}\n"
    )
    package = ModuleType("shop")
    package.__path__ = [str(tmp_path)]
    [found] = unsafe_lines(package)
    assert found.startswith("screen.py:3: ")
    assert "parlour_client.kit.widgets" in found or "rows of SafeStatic" in found
