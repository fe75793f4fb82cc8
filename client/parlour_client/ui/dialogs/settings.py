"""The settings as a list made from their table: each with its value and its help, changed in place.

A change takes effect at once and is written to `settings.toml`; if it cannot be written, the screen says so
and nothing changes. Keys are a list of their own.
"""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList

from parlour_client.core.settings import TABLE, Setting, Value, values
from parlour_client.kit.errors import SetupError
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.questions import AskScreen, Choices, ChooseScreen
from parlour_client.kit.widgets.safe import SafeStatic, join, lines, option, own, peer_line
from parlour_client.ui.app_settings import SettingsApp, settings_of
from parlour_client.ui.input.keymap import keymap, known, problems


class SettingsScreen(Overlay[None]):
    """Every setting."""

    HELP: ClassVar[str | None] = "Up and Down choose a setting, Enter changes it, Esc closes."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f10", "leave", "Close", id="settings.close"),
        Binding("j", "move(1)", "Down", show=False, id="settings.down"),
        Binding("k", "move(-1)", "Up", show=False, id="settings.up"),
    ]

    def __init__(self, wrong: Sequence[str] = (), key: str = "") -> None:
        super().__init__(classes="page")
        self._wrong, self._key = wrong, key

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical(classes="box"):
            yield SafeStatic(own("Settings", "bold"))
            yield SafeStatic(id="wrong")
            yield Choices(id="rows")
            yield SafeStatic(id="about")
        yield SafeStatic(own("enter: change · esc: close", "dim"), classes="keys")

    def on_mount(self) -> None:
        """Fill the list."""
        self._fill(next((at for at, row in enumerate(TABLE) if row.key == self._key), 0))
        self._say(self._wrong)

    def _say(self, wrong: Sequence[str]) -> None:
        told = self.query_one("#wrong", SafeStatic)
        told.display = bool(wrong)
        told.show(lines(*(peer_line(f"! {sentence}") for sentence in wrong)))

    def _fill(self, at: int) -> None:
        now, rows = values(settings_of(self)), self.query_one("#rows", Choices)
        rows.set_options([option(_row(row, now[row.key]), id=row.key) for row in TABLE])
        rows.highlighted = at
        rows.focus()

    @on(OptionList.OptionHighlighted, "#rows")
    def _about(self, event: OptionList.OptionHighlighted) -> None:
        row = TABLE[event.option_index]
        choices = f"  ({', '.join(row.choices)})" if row.choices else ""
        self.query_one("#about", SafeStatic).show(own(f"{row.help}{choices}", "dim"))

    @on(OptionList.OptionSelected, "#rows")
    def _change(self, event: OptionList.OptionSelected) -> None:
        row = TABLE[event.option_index]
        now = values(settings_of(self))[row.key]
        match row.kind:
            case "switch":
                self._set(row.key, value=not now)
            case "choice":
                choices = [(one, own(f"{'>' if one == now else ' '} {one}")) for one in row.choices]
                self._ask(row.key, ChooseScreen(own(row.help, "bold"), choices, ""))
            case "keys":
                self._ask_keys()
            case _ if row.key == "theme":
                themes = [(one, peer_line(one)) for one in sorted(self.app.available_themes)]
                self._ask(row.key, ChooseScreen(own(row.help, "bold"), themes, ""))
            case _:
                self._ask(row.key, AskScreen(own(row.help, "bold"), str(now), empty=True))

    def _ask(self, key: str, screen: ModalScreen[str | None]) -> None:
        def answer(value: str | None) -> None:
            if value is not None:
                self._set(key, value)

        _ = self.app.push_screen(screen, answer)

    def _ask_keys(self) -> None:
        settings = settings_of(self)
        changed, rows = keymap(settings), []
        for one in known().values():
            mark = "* " if one.id in settings.keys else "  "
            keys = peer_line(changed.get(one.id, ", ".join(one.keys)), limit=24)
            rows.append((one.id, join(own(f"{mark}{one.id:<24} "), keys, own(f"  {one.about}", "dim"))))

        def ask(name: str | None) -> None:
            if name is not None:
                question = lines(
                    own("Which keys? Separate several with commas; leave it empty for the default."),
                    own(name),
                )
                _ = self.app.push_screen(
                    AskScreen(question, "ctrl+f", empty=True), lambda keys: self._set_keys(name, keys)
                )

        _ = self.app.push_screen(ChooseScreen(own("Keys", "bold"), rows, ""), ask)

    def _set_keys(self, name: str, keys: str | None) -> None:
        if keys is None:
            return
        before = settings_of(self).keys
        after = {key: value for key, value in before.items() if key != name} | ({name: keys} if keys else {})
        self._set("keys", after)
        self._say(list(problems(settings_of(self))))

    def _set(self, key: str, value: Value) -> None:
        at = self.query_one("#rows", Choices).highlighted or 0
        try:
            if isinstance(self.app, SettingsApp):
                self.app.set_setting(key, value)
        except SetupError as error:
            self._say([str(error), error.hint])
        else:
            self._say(())
        self._fill(at)

    def action_move(self, step: int) -> None:
        """Move in the list."""
        rows = self.query_one("#rows", Choices)
        rows.action_cursor_down() if step > 0 else rows.action_cursor_up()

    def action_leave(self) -> None:
        """Close."""
        _ = self.dismiss(None)


def _row(row: Setting, value: Value) -> Content:
    mark = "* " if value != row.default else "  "
    match value:
        case bool():
            shown = own("on" if value else "off", "bold")
        case str():
            shown = peer_line(value, limit=40, style="bold") if value else own("—", "dim")
        case _:
            shown = own(f"{len(value)} changed", "bold")
    return join(own(f"{mark}{row.key:<16} "), shown)
