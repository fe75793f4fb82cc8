"""The themes, beside the screen that they colour: moving previews, Enter keeps, Esc goes back to what was."""

from typing import Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import OptionList

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.box import Box
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.questions import Choices
from parlour_client.kit.widgets.safe import SafeStatic, option, own, peer_line
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.registry import Closed
from parlour_client.ui.theming import Theming
from parlour_client.ui.toasts import Toast, toast


def choose(app: App[Any], name: str = "", closed: Closed = lambda: None) -> None:
    """Use a theme, or let the person choose one by looking. Raises SetupError."""
    assert isinstance(app, ParlourApp)  # noqa: S101 - no other app has settings to keep it in

    def answered(chosen: str | None) -> None:
        if chosen is not None:
            try:
                app.set_setting("theme", chosen)
            except SetupError:
                toast(app, Toast.NOT_SAVED)
        app.call_later(closed)

    if name:
        app.set_setting("theme", name)
    elif not isinstance(app.screen, ThemeScreen):
        app.call_later(app.push_screen, ThemeScreen(app.theming), answered)


class ThemeScreen(Overlay[str | None]):
    """Every theme; returns the name of the chosen one."""

    CSS = """
    ThemeScreen { background: transparent; align: right top; }  /* the screen shows the theme meanwhile */
    ThemeScreen.dialog .box { width: 27; height: 1fr; }
    ThemeScreen.dialog Choices { height: 1fr; max-height: 100%; }
    """
    HELP: ClassVar[str | None] = N_("Up and Down show a theme, Enter keeps it, Esc goes back.")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", N_("Cancel"), id="theme.leave"),
        Binding("j", "move(1)", N_("Down"), show=False, id="theme.down"),
        Binding("k", "move(-1)", N_("Up"), show=False, id="theme.up"),
    ]

    def __init__(self, theming: Theming) -> None:
        super().__init__(classes="dialog")
        self._theming = theming

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Box(own(_("Theme"), "bold")):
            yield Choices(*(option(peer_line(name), id=name) for name in self._theming.names))
            yield SafeStatic(own(_("Enter: keep"), "dim"))
            yield SafeStatic(own(_("Esc: cancel"), "dim"))

    def on_mount(self) -> None:
        """Begin at the theme that is used."""
        themes = self.query_one(Choices)
        if self._theming.current in self._theming.names:
            themes.highlighted = self._theming.names.index(self._theming.current)
        themes.focus()

    @on(OptionList.OptionHighlighted)
    def _show(self, event: OptionList.OptionHighlighted) -> None:
        self._theming.preview(event.option_id or "")

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        _ = self.dismiss(event.option_id)

    def on_unmount(self) -> None:
        """End the preview; a theme that was chosen is applied by its setting."""
        self._theming.end_preview()

    def action_move(self, step: int) -> None:
        """Move in the list."""
        themes = self.query_one(Choices)
        themes.action_cursor_down() if step > 0 else themes.action_cursor_up()
