"""The settings, made from their table, in three columns: sections, values, and what one of them does.

Typing searches them. A change takes effect at once and is written to `settings.toml`; if it cannot be
written, the screen says so and nothing changes. Keys are a list of their own.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Key, Resize
from textual.screen import ModalScreen
from textual.widgets import OptionList

from parlour_client.core.setting import Setting, Value
from parlour_client.core.settings import BY_KEY, groups, values
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.questions import AskScreen, Choices, ChooseScreen
from parlour_client.kit.widgets.safe import SafeStatic, join, lines, option, own, peer_line
from parlour_client.ui.app_settings import SettingsApp, settings_of
from parlour_client.ui.dialogs.sheet import Head, Sheet
from parlour_client.ui.input.keymap import keymap, known, letters_act, problems
from parlour_client.ui.registry import REGISTRY
from parlour_protocol.kit.text.cell_width import cell_width

_LONGEST_SEARCH: Final = 32
_OF_CHOICES: Final = 21
"""Cells for all choices of a setting; if they are more, only the chosen one is in the list."""
_BESIDE_NAME: Final = 3
"""Cells of a section's row beside its name: two before it, and one that is free."""


class SettingsScreen(Sheet[None]):
    """Every setting."""

    HELP: ClassVar[str | None] = N_(
        "Up and Down choose a setting, Left and Right its value, Enter changes it, Tab goes to the\n"
        "sections, typing searches, F5 opens the file, Esc closes."
    )
    AUTO_FOCUS = "#rows"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f10", "leave", N_("Close"), id="settings.close"),
        Binding("f5", "file", N_("Open the file in your editor"), id="settings.file"),
        Binding("tab,shift+tab", "other_column", N_("Sections or values"), id="settings.column"),
        Binding("right", "choose(1)", N_("Next value"), show=False, id="settings.next"),
        Binding("left", "choose(-1)", N_("Previous value"), show=False, id="settings.previous"),
        Binding("j", "move(1)", N_("Down, with the keys of vi"), show=False, id="settings.down"),
        Binding("k", "move(-1)", N_("Up, with the keys of vi"), show=False, id="settings.up"),
    ]

    def __init__(self, wrong: Sequence[str] = (), key: str = "") -> None:
        super().__init__()
        self._wrong, self._key = wrong, key
        self._search: str | None = None
        """The typed words; None: nothing is searched for."""
        self._typed = SafeStatic(classes="middle")
        self._head = Head(own(_("Settings"), "bold"), self._typed)
        self._sections, self._rows = Choices(id="sections"), Choices(id="rows")
        self._about, self._told = SafeStatic(), SafeStatic()
        self._problems = VerticalScroll(self._told, id="wrong")

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        yield self._head
        yield self._problems
        with Container(id="columns"):
            with Horizontal():
                yield self._sections
                yield self._rows
            with VerticalScroll(id="about", can_focus=False):
                yield self._about

    def on_mount(self) -> None:
        """Fill the columns."""
        longest = max(cell_width(_(group)) for group in groups())
        self._sections.styles.min_width = longest + _BESIDE_NAME
        self._fill(self._key)
        self._say(self._wrong)

    def _say(self, wrong: Sequence[str]) -> None:
        self._problems.display = bool(wrong)
        self._told.show(lines(*(peer_line(f"! {sentence}", limit=400) for sentence in wrong if sentence)))

    def on_resize(self, _event: Resize) -> None:
        """Say what Esc does with as many columns, once the screen has the class of its width."""
        self.call_after_refresh(self._tell_keys)

    def _tell_keys(self) -> None:
        leave = _("Esc close")
        if self._search is not None:
            leave = _("Esc all settings")
        elif self._hides_sections:
            leave = _("Esc sections")
        self._head.tell(_("type to search"), _("F5 the file"), leave)

    @property
    def _hides_sections(self) -> bool:
        return self.has_class("-one") and not self.has_class("-sections")

    # --- the columns

    def _fill(self, key: str = "") -> None:
        """Show the settings that are found, with this one marked, or the first."""
        found = self._found()
        every = [row for rows in found.values() for row in rows]
        named = key or self._search or "\0"
        # a setting of that name before one whose explanation has the word
        marked = next((row for row in every if row.key == key), None)
        marked = marked or next((row for row in every if named in row.key), None) or next(iter(every), None)
        section = next((group for group, rows in found.items() if marked in rows), "")
        self._sections.set_options([option(own(_(group)), id=group) for group in found])
        self._sections.highlighted = list(found).index(section) if section else None
        self._show_section(section, found, marked)
        self.remove_class("-sections")
        self._rows.focus()
        self._typed.show(join(own("/ ", "bold"), peer_line(self._search)) if self._search else own(""))
        if marked is None:
            self._about.show(own(_("No setting is about this."), "dim"))
        self._tell_keys()

    def _show_section(
        self, section: str, found: Mapping[str, Sequence[Setting]], marked: Setting | None
    ) -> None:
        """Show the values of one section; of all sections while something is searched for."""
        now, options = values(settings_of(self)), []
        for group, rows in found.items():
            if self._search is not None:
                options.append(option(own(_(group), "bold dim"), disabled=True))
            if self._search is not None or group == section:
                options += [option(_row(row, now[row.key]), id=row.key) for row in rows]
        self._rows.set_options(options)
        self._rows.highlighted = self._rows.get_option_index(marked.key) if marked is not None else None
        self._rows.call_after_refresh(self._rows.scroll_to_highlight)  # its rows are not laid out yet

    def _found(self) -> dict[str, list[Setting]]:
        wanted = (self._search or "").lower().split()
        found = {}
        for group, keys in groups().items():
            rows = [BY_KEY[key] for key in keys]
            texts = [" ".join((_(group), row.key, _(row.help), *row.choices)).lower() for row in rows]
            met = [row for row, text in zip(rows, texts, strict=True) if all(word in text for word in wanted)]
            if met:
                found[group] = met
        return found

    @property
    def _marked(self) -> Setting | None:
        marked = self._rows.highlighted_option
        return BY_KEY[marked.id] if marked is not None and marked.id is not None else None

    @on(OptionList.OptionHighlighted, "#sections")
    def _of_section(self, event: OptionList.OptionHighlighted) -> None:
        """Show a section's values while its name is chosen."""
        if self._sections.has_focus:
            found = self._found()
            section = event.option_id or ""
            self._show_section(section, found, found[section][0])

    @on(OptionList.OptionSelected, "#sections")
    def action_other_column(self) -> None:
        """Go to the sections and back to the values, and in between to what is wrong if it is scrolled."""
        if self._rows.has_focus and self._problems.max_scroll_y:
            self._problems.focus()
        else:
            self._show_column(self._rows if self._sections.has_focus else self._sections)

    def _show_column(self, column: Choices) -> None:
        self.set_class(column is self._sections, "-sections")
        self.set_focus(column)
        self._tell_keys()

    def on_key(self, event: Key) -> None:
        """Use letters for the search, where they are keys only after a slash; d brings back a default."""
        typed = event.character if event.is_printable else None
        if event.key in {"up", "down"} and self._goes_on(event.key == "down"):
            pass
        elif letters_act(settings_of(self)) and self._search is None and typed not in {"/", "d"}:
            return
        elif typed == "d" and self._search is None and (changed := self._changed()) is not None:
            self._set(changed.key, changed.default)
        elif typed is not None and len(self._search or "") < _LONGEST_SEARCH:
            begins = self._search is None and typed == "/"
            self._search = (self._search or "") + ("" if begins else typed)
            self._fill()
        elif event.key == "backspace" and self._search:
            self._search = self._search[:-1] or None
            self._fill()
        else:
            return
        event.stop()
        event.prevent_default()

    def _goes_on(self, down: bool) -> bool:  # noqa: FBT001 - a direction
        """Go on to the next section's values from the last one, or back from the first."""
        ends = self._rows.highlighted == (self._rows.option_count - 1 if down else 0)
        if not ends or self._search is not None or not self._rows.has_focus:
            return False
        every = [key for keys in groups().values() for key in keys]
        marked = self._marked
        at = every.index(marked.key) if marked is not None else 0
        self._fill(every[(at + (1 if down else -1)) % len(every)])
        return True

    def _changed(self) -> Setting | None:
        """Return the marked setting if it has another value than its default."""
        marked = self._marked
        return marked if marked and values(settings_of(self))[marked.key] != marked.default else None

    @on(OptionList.OptionHighlighted, "#rows")
    def _explain(self) -> None:
        if (row := self._marked) is None:
            return
        explained, keys = _(row.help), [_("Left, Right: choose") if row.words else _("Enter: change")]
        if self._changed() is not None:
            keys.append(_("d: the default"))
        name, hint = own(row.key, "bold"), own(" · ".join(keys), "dim")
        parts = [own(f"{explained[:1].upper()}{explained[1:]}.")]
        if row.choices:
            parts.append(own(_("One of: {choices}").format(choices=", ".join(row.choices))))
        if row.words:
            default = str(row.default) if row.kind == "choice" else _on_or_off(row.default)
            parts.append(own(_("Default: {value}").format(value=default)))
        if self.has_class("-three"):
            self._about.show(lines(name, parts[0], own(""), *parts[1:], own(""), hint))
        else:
            self._about.show(lines(join(name, own(" · ", "dim"), hint), *parts))

    # --- changing

    def action_choose(self, step: int) -> None:
        """Choose the next value, or the previous one; among the sections, go to the values."""
        if self._sections.has_focus:
            self.action_other_column()
        elif (row := self._marked) is not None and row.words:
            now = values(settings_of(self))[row.key]
            every = _in_order(row)
            self._set(row.key, every[(every.index(now) + step) % len(every)])

    @on(OptionList.OptionSelected, "#rows")
    def _change(self) -> None:
        row = self._marked
        if row is None:
            return
        if row.words:
            self.action_choose(1)
        elif row.kind == "keys":
            self._ask_keys()
        elif row.key in REGISTRY.choosers:
            app = self.app
            _closed = self.dismiss(None)  # what is chosen is seen on the chat
            REGISTRY.choosers[row.key](app, lambda: app.run_action(f"app.settings({row.key!r})"))
        else:
            now = values(settings_of(self))[row.key]
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
        rows = self._sections if self._sections.has_focus else self._rows
        rows.action_cursor_down() if step > 0 else rows.action_cursor_up()

    def action_leave(self) -> None:
        """Show all settings again; where one column is seen, the sections; or close."""
        if self._search is not None:
            self._search = None
            self._fill(self._marked.key if self._marked is not None else "")
        elif self._hides_sections:
            self._show_column(self._sections)
        else:
            _closed = self.dismiss(None)


def _row(row: Setting, value: Value) -> Content:
    match value:
        case str() if not row.words:
            shown = peer_line(value, limit=40) if value else own("—", "dim")
        case str() | bool():
            shown = _choices(row, value)
        case keys:
            shown = own(_("{count} changed").format(count=len(keys)))
    return join(own(f"{row.key:<15} "), shown)


def _choices(row: Setting, value: Value) -> Content:
    """Return all choices, the default first, with brackets around the chosen one."""
    every = _in_order(row)
    words = [_on_or_off(one) if isinstance(one, bool) else str(one) for one in every]
    at = every.index(value)
    shown = [
        own(f"[{word}]", "bold") if place == at else own(word, "dim") for place, word in enumerate(words)
    ]
    if sum(map(len, words)) + len(words) + 1 > _OF_CHOICES:
        return join(shown[at], own(f" {_('{at} of {count}').format(at=at + 1, count=len(every))}", "dim"))
    return own(" ").join(shown)


def _in_order(row: Setting) -> list[Value]:
    """Return the values of a setting, from its default on."""
    every: list[Value] = [False, True] if row.kind == "switch" else list(row.choices)
    at = every.index(row.default)
    return [*every[at:], *every[:at]]


def _on_or_off(value: Value) -> str:
    return _("on") if value else _("off")
