"""The settings in groups, made from their table: each with its value and what it does, changed in place.

Typing searches them. A change takes effect at once and is written to `settings.toml`; if it cannot be
written, the screen says so and nothing changes. Keys are a list of their own.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from parlour_client.core.setting import Setting, Value
from parlour_client.core.settings import BY_KEY, groups, values
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.questions import AskScreen, Choices, ChooseScreen
from parlour_client.kit.widgets.safe import SafeStatic, join, lines, option, own, peer_line
from parlour_client.ui.app_settings import SettingsApp, settings_of
from parlour_client.ui.input.keymap import keymap, known, letters_act, problems
from parlour_client.ui.registry import REGISTRY

_LONGEST_SEARCH: Final = 32


class SettingsScreen(Overlay[None]):
    """Every setting."""

    HELP: ClassVar[str | None] = N_(
        "Up and Down choose a setting, Enter changes it, typing searches, F5 opens the file, Esc closes."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f10", "leave", N_("Close"), id="settings.close"),
        Binding("f5", "file", N_("Open the file in your editor"), id="settings.file"),
        Binding("j", "move(1)", N_("Down, with the keys of vi"), show=False, id="settings.down"),
        Binding("k", "move(-1)", N_("Up, with the keys of vi"), show=False, id="settings.up"),
    ]

    def __init__(self, wrong: Sequence[str] = (), key: str = "") -> None:
        super().__init__(classes="page")
        self._wrong, self._key = wrong, key
        self._search: str | None = None
        """The typed words; None: nothing is searched for."""

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Vertical(classes="box"):
            yield SafeStatic(id="title")
            yield SafeStatic(id="wrong")
            yield Choices(id="rows")
            yield SafeStatic(id="about")
        yield SafeStatic(
            own(_("Enter: change · type to search · F5: open the file · Esc: close"), "dim"), classes="keys"
        )

    def on_mount(self) -> None:
        """Fill the list."""
        self._fill(self._key)
        self._say(self._wrong)

    def _say(self, wrong: Sequence[str]) -> None:
        told = self.query_one("#wrong", SafeStatic)
        told.display = bool(wrong)
        told.show(lines(*(peer_line(f"! {sentence}") for sentence in wrong)))

    def _fill(self, key: str = "") -> None:
        """Show the settings that are found, with this one marked, or the first."""
        rows = self.query_one("#rows", Choices)
        found = list(self._found())
        rows.set_options(found)
        named = key or self._search or "\0"
        at = next((index for index, setting_row in enumerate(found) if setting_row.id == key), None)
        if at is None:  # a setting of that name before one whose explanation has the word
            at = next(
                (index for index, setting_row in enumerate(found) if named in (setting_row.id or "")), None
            )
        if at is None:
            at = next((index for index, setting_row in enumerate(found) if not setting_row.disabled), None)
        rows.highlighted = at
        rows.focus()
        rows.call_after_refresh(rows.scroll_to_highlight)  # the rows that it needs are not laid out yet
        if at is None:
            self.query_one("#about", SafeStatic).show(own(_("No setting is about this."), "dim"))
        searched = join(own("  / ", "bold"), peer_line(self._search)) if self._search else own("")
        self.query_one("#title", SafeStatic).show(join(own(_("Settings"), "bold"), searched))

    def _found(self) -> Iterator[Option]:
        now, wanted = values(settings_of(self)), (self._search or "").lower().split()
        for group, keys in groups().items():
            rows = [BY_KEY[key] for key in keys]
            texts = [" ".join((_(group), row.key, _(row.help), *row.choices)).lower() for row in rows]
            met = [row for row, text in zip(rows, texts, strict=True) if all(word in text for word in wanted)]
            if met:
                yield option(own(_(group), "bold dim"), disabled=True)
                yield from (option(_row(row, now[row.key]), id=row.key) for row in met)

    def on_key(self, event: Key) -> None:
        """Use letters for the search; where they are keys, only after a slash."""
        typed = event.character if event.is_printable else None
        if letters_act(settings_of(self)) and self._search is None and event.key != "slash":
            return
        if typed is not None and len(self._search or "") < _LONGEST_SEARCH:
            begins = self._search is None and typed == "/"
            self._search = (self._search or "") + ("" if begins else typed)
        elif event.key == "backspace" and self._search:
            self._search = self._search[:-1] or None
        else:
            return
        event.stop()
        event.prevent_default()
        self._fill()

    @on(OptionList.OptionHighlighted, "#rows")
    def _about(self, event: OptionList.OptionHighlighted) -> None:
        row = BY_KEY[event.option_id or ""]
        explained = _(row.help)
        parts = [own(f"{explained[:1].upper()}{explained[1:]}.")]
        if row.choices:
            parts.append(own(_("One of: {choices}").format(choices=", ".join(row.choices)), "dim"))
        if row.kind in {"switch", "choice"}:
            usual = {True: _("on"), False: _("off")}.get(row.default is True, "")
            default = str(row.default) if row.kind == "choice" else usual
            parts.append(own(_("Default: {value}").format(value=default), "dim"))
        self.query_one("#about", SafeStatic).show(lines(*parts))

    @on(OptionList.OptionSelected, "#rows")
    def _change(self, event: OptionList.OptionSelected) -> None:
        row = BY_KEY[event.option_id or ""]
        now = values(settings_of(self))[row.key]
        match row.kind:
            case "switch":
                self._set(row.key, value=not now)
            case "choice":
                choices = [(choice, own(choice)) for choice in row.choices]
                self._ask(row.key, ChooseScreen(own(_(row.help), "bold"), choices, "", marked=str(now)))
            case "keys":
                self._ask_keys()
            case _ if row.key in REGISTRY.choosers:
                REGISTRY.choosers[row.key](self.app)
            case _:
                self._ask(row.key, AskScreen(own(_(row.help), "bold"), str(now), empty=True))

    def _ask(self, key: str, screen: ModalScreen[str | None]) -> None:
        def answer(value: str | None) -> None:
            if value is not None:
                self._set(key, value)

        _shown = self.app.push_screen(screen, answer)

    def _ask_keys(self) -> None:
        settings = settings_of(self)
        changed, rows = keymap(settings), []
        for binding in known().values():
            mark = "* " if binding.id in settings.keys else "  "
            keys = peer_line(changed.get(binding.id, ", ".join(binding.keys)), limit=24)
            rows.append(
                (binding.id, join(own(f"{mark}{binding.id:<24} "), keys, own(f"  {_(binding.about)}", "dim")))
            )

        def ask(name: str | None) -> None:
            if name is not None:
                question = lines(
                    own(_("Which keys? Separate several with commas; leave it empty for the default.")),
                    own(name),
                )
                _shown = self.app.push_screen(
                    AskScreen(question, "ctrl+f", empty=True), lambda keys: self._set_keys(name, keys)
                )

        _shown = self.app.push_screen(ChooseScreen(own(_("Keys"), "bold"), rows, ""), ask)

    def _set_keys(self, name: str, keys: str | None) -> None:
        if keys is None:
            return
        before = settings_of(self).keys
        after = {key: value for key, value in before.items() if key != name} | ({name: keys} if keys else {})
        self._set("keys", after)
        self._say(list(problems(settings_of(self))))

    def _set(self, key: str, value: Value) -> None:
        try:
            if isinstance(self.app, SettingsApp):
                self.app.set_setting(key, value)
        except SetupError as error:
            self._say([str(error), error.hint])
        else:
            self._say(())
        self._fill(key)

    def on_screen_resume(self) -> None:
        """Show what a dialog of another part has changed: the theme."""
        if self.is_mounted and self.query("#rows"):
            marked = self.query_one("#rows", Choices).highlighted_option
            self._fill(marked.id or "" if marked is not None else "")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Move by letters only where they are keys."""
        return (
            letters_act(settings_of(self)) if action == "move" else super().check_action(action, parameters)
        )

    async def action_file(self) -> None:
        """Open the settings file in the person's editor."""
        try:
            await self.app.run_action("app.settings_file")
        except SetupError as error:
            self._say([str(error), error.hint])
        else:
            self._fill()

    def action_move(self, step: int) -> None:
        """Move in the list."""
        rows = self.query_one("#rows", Choices)
        rows.action_cursor_down() if step > 0 else rows.action_cursor_up()

    def action_leave(self) -> None:
        """Show all settings again, or close."""
        if self._search is not None:
            self._search = None
            self._fill()
        else:
            _closed = self.dismiss(None)


def _row(row: Setting, value: Value) -> Content:
    mark = "* " if value != row.default else "  "
    match value:
        case bool():
            shown = own(_("on") if value else _("off"), "bold")
        case str():
            shown = peer_line(value, limit=40, style="bold") if value else own("—", "dim")
        case keys:
            shown = own(_("{count} changed").format(count=len(keys)), "bold")
    return join(own(f"{mark}{row.key:<16} "), shown)
