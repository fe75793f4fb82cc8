"""F1: what the keys do where the focus is, in three groups; then what can be written, and the connection.

A widget describes itself in its ``HELP``; keys come from the active bindings, commands from the table, so
help is always current. Typing a word searches both; any other key says what it does.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.events import Key, Resize
from textual.screen import Screen

from parlour_client.commands.command import Command
from parlour_client.commands.front import Front
from parlour_client.commands.parse import unknown_help
from parlour_client.commands.table import see_also, spellings, topics
from parlour_client.kit.connection_status import ConnectionStatus
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.safe import SafeStatic, join, lines, own, peer_line
from parlour_client.ui.app_settings import settings_of
from parlour_client.ui.dialogs.page import Page
from parlour_client.ui.dialogs.sheet import Head, Sheet
from parlour_client.ui.input.keymap import Known, keymap, known
from parlour_protocol.kit.text.cell_width import cell_width

_GENERAL: Final = N_(
    "Esc returns to the composer. Ctrl+K opens the palette: rooms, people, commands, settings. "
    "F10 opens the settings, and the keys in them. "
    "Messages are shown strictly as text: characters that are invisible or would control the terminal "
    "appear as escapes such as ⟦ESC⟧ or ⟦U+202E⟧, and links are not clickable."
)
TWO_COLUMNS, THREE_COLUMNS = 60, 92
"""Cells of the screen from which groups stand beside each other."""
_WHERE: Final = {
    "composer": N_("you are in the composer"),
    "timeline": N_("you are at the messages"),
    "rooms": N_("you are in the list of rooms"),
    "members": N_("you are in the list of people"),
}
"""By the id of what has the focus."""
_WRITE: Final = (
    "composer.send", "composer.newline", "composer.take", "composer.up", "composer.editor", "composer.undo",
    "composer.clear", "composer.leave", "composer", "timeline.reply", "timeline.edit", "timeline.react",
    "timeline.delete", "timeline.retry", "timeline.cancel",
)  # fmt: skip
_GO: Final = (
    "chat.switch", "chat.next_unread", "chat.to_room", "chat.messages", "chat.rooms", "chat.people",
    "chat.newest", "chat.views", "chat.page", "chat.write", "chat.take_offer", "timeline.up",
    "timeline.down", "timeline.newest", "timeline.parent", "timeline.thread",
)  # fmt: skip
_DO: Final = ("chat.search", "chat.outbox", "app.settings", "app.quit")
"""Ids of keys, or how they begin, in the order of their group. All others are in the last group."""
_LEFT_OUT: Final = ("chat.help", "chat.palette", "login")
"""What the page is itself, and what another key does."""
_SHORT: Final = {
    "chat.switch": N_("Anywhere"),
    "chat.next_unread": N_("Next unread room"),
    "chat.to_room": N_("Room by number"),
    "chat.rooms": N_("Rooms, people"),
    "chat.people": N_("Rooms, people"),
    "chat.newest": N_("Newest message"),
    "chat.outbox": N_("What is unsent"),
    "chat.write": N_("Back to writing"),
    "composer.up": N_("What you sent"),
    "composer.down": N_("What you sent"),
    "composer.editor": N_("Your editor"),
    "composer.clear": N_("Clear"),
    "composer.leave": N_("Cancel reply, edit"),
}
"""What keys do, where the words of their bindings are not short."""
_COMMANDS: Final = (
    ("dm", N_("Write to someone")), ("file", N_("Send a file")), ("encryption", N_("Who can read")),
)  # fmt: skip
"""Those without a key that are in the last group."""
_SELDOM: Final = frozenset({"shift+enter", "ctrl+underscore"})
"""Keys that not every terminal has, beside another one."""
_LONGEST: Final = 32
"""Characters of a search."""
_KEYS_LEAST, _KEYS_MOST = 9, 11
"""Cells of the column of keys."""
_ANY: Final = Binding("f1", "", "", id="help.any")
"""What a key is put into, to be written."""
_OWN_KEYS: Final = frozenset({"escape", "up", "down", "pageup", "pagedown", "home", "end", "f1", "backspace"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A key or a command, and what it does."""

    written: str
    does: str


class HelpScreen(Sheet[None]):
    """The keys for what has the focus."""

    HORIZONTAL_BREAKPOINTS = [(0, "-one"), (TWO_COLUMNS, "-two"), (THREE_COLUMNS, "-three")]  # noqa: RUF012 - Textual's declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Close"), id="help.close"),
        Binding("f1", "ids", N_("The ids of all keys"), id="help.ids"),
        Binding("down", "scroll(1)", N_("Down"), show=False, id="help.down"),
        Binding("up", "scroll(-1)", N_("Up"), show=False, id="help.up"),
    ]

    def __init__(self, screen: Screen[Any], connection: ConnectionStatus) -> None:
        """``screen`` is what the help is about."""
        super().__init__()
        focused = screen.focused
        here = _WHERE.get(focused.id or "", "") if focused is not None else ""
        title = f"{_('Help')} · {_(here)}" if here else _("Help")
        self._typed = SafeStatic(classes="middle")
        self._head = Head(own(title, "bold"), self._typed)
        self._groups = (SafeStatic(id="write"), SafeStatic(id="go"), SafeStatic(id="do"))
        self._rest = SafeStatic(id="rest")
        self._about = focused.HELP if focused is not None else None
        self._keys = [*_active(screen)]
        self._connection = connection
        self._search = ""

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        yield self._head
        with VerticalScroll():
            with Container(id="groups"):
                yield from self._groups
            yield self._rest
        status = self._connection
        words = (status.server, status.security)
        yield SafeStatic(peer_line(" · ".join(filter(None, words)), style="dim"), id="connection")

    def on_mount(self) -> None:
        """Show the groups."""
        self._show()

    def on_resize(self, event: Resize) -> None:
        """Fit the columns to the screen."""
        self._fill(event.size.width)

    def _show(self) -> None:
        self._typed.show(join(own("/ ", "bold"), peer_line(self._search)) if self._search else own(""))
        self._show_groups(on=not self._search)
        if self._search:
            self._tell(search_help(self._search, self._described()))
        else:
            self._fill(self.app.size.width)
            parts = [own("")]
            if self._about is not None:
                parts += [own(_("Here"), "bold"), own(" ".join(_(self._about).split("\n"))), own("")]
            for topic, commands in topics().items():
                parts += [
                    own(_("Commands: {topic}").format(topic=_(topic)), "bold"),
                    *_rows(commands),
                    own(""),
                ]
            self._tell([*parts, own(_(_GENERAL))])

    def _tell(self, rows: Sequence[Content]) -> None:
        self._rest.show(lines(*rows))
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def _show_groups(self, *, on: bool) -> None:
        """Show the groups or what was found, and say what Esc does there."""
        self.query_one("#groups").display = on
        self._head.tell(_("type a key or a word"), _("Esc close") if on else _("Esc back"))

    def _fill(self, width: int) -> None:
        """Show the groups, in columns of as many rows."""
        columns = [width - 2] * 3
        if width >= THREE_COLUMNS:
            columns = [30, 29, width - 65]
        elif width >= TWO_COLUMNS:
            columns = [width // 2 - 2, width // 2 - 2, width - 2]
        titles = (_("Write"), _("Go"), _("Do"))
        found = [
            [own(title, "bold"), *_table(group, cells)]
            for title, group, cells in zip(titles, self._grouped(), columns, strict=True)
        ]
        beside = 3 if width >= THREE_COLUMNS else 2 if width >= TWO_COLUMNS else 1
        most = max(map(len, found[:beside]))
        for place, (shown, rows) in enumerate(zip(self._groups, found, strict=True)):
            padding = most - len(rows) if beside > 1 and place < beside else 0
            shown.show(lines(*rows, *([own("")] * padding)))

    def _grouped(self) -> tuple[list[Shown], list[Shown], list[Shown]]:
        groups: tuple[list[tuple[int, Binding]], ...] = ([], [], [])
        for binding in self._keys:
            name = binding.id or ""
            if name.startswith(_LEFT_OUT):
                continue
            for group, ids in zip(groups, (_WRITE, _GO, _DO), strict=True):
                place = next((at for at, known_id in enumerate(ids) if name.startswith(known_id)), None)
                if place is not None:
                    group.append((place, binding))
                    break
            else:
                groups[2].append((len(_DO), binding))
        write, go, do = (self._merged(group) for group in groups)
        commands = [Shown(f"/{name}", _(words)) for name, words in _COMMANDS]
        again = Shown(_("{key} again").format(key="F1"), _("Ids of all keys"))
        return write, go, [*do[:2], *commands, *do[2:4], again, *do[4:]]

    def _merged(self, group: Iterable[tuple[int, Binding]]) -> list[Shown]:
        """Return a row for each thing that keys do: several that do the same are one."""
        does: dict[str, list[str]] = {}
        for _place, binding in sorted(group, key=lambda found: found[0]):
            short = next((words for name, words in _SHORT.items() if (binding.id or "").startswith(name)), "")
            words = _(short or binding.description)
            does.setdefault(words, []).append(self.app.get_key_display(binding))
        return [Shown(_together(keys), words) for words, keys in does.items()]

    def _described(self) -> list[tuple[Known, str]]:
        """Return every key as the person has it, and how it is written."""
        now, shown = keymap(settings_of(self)), []
        for key in known().values():
            keys = now[key.id].split(",") if key.id in now else key.keys
            written = (self.app.get_key_display(replace(_ANY, key=one)) for one in keys)
            shown.append((replace(key, keys=tuple(keys)), ", ".join(written)))
        return shown

    def on_key(self, event: Key) -> None:
        """Search for what is typed, and say what any other key does."""
        if event.is_printable and event.character is not None:
            if len(self._search) < _LONGEST:
                self._search += event.character
        elif event.key == "backspace" and self._search:
            self._search = self._search[:-1]
        elif event.key in _OWN_KEYS:
            return
        else:
            self._search = ""
            written = self.app.get_key_display(replace(_ANY, key=event.key))
            found = [
                (key, written) for key, _all in self._described() if event.key in key.keys and not key.apart
            ]
            self._typed.show(own(written, "bold"))
            self._show_groups(on=False)
            self._tell(_key_rows(found) or [own(_("{key} does nothing.").format(key=written))])
            event.stop()
            event.prevent_default()
            return
        event.stop()
        event.prevent_default()
        self._show()

    def action_ids(self) -> None:
        """Show every key with its id, for the settings; or the groups again."""
        if self.query_one("#groups").display:
            self._show_groups(on=False)
            title = own(_("Keys with their ids, for the settings (F10)"), "bold")
            self._tell([title, *_key_rows(self._described())])
        else:
            self._search = ""
            self._show()

    def action_scroll(self, step: int) -> None:
        """Scroll by a row."""
        self.query_one(VerticalScroll).scroll_relative(y=step, animate=False)

    def action_leave(self) -> None:
        """Show the groups again, or close."""
        if self.query_one("#groups").display:
            _closed = self.dismiss(None)
        else:
            self._search = ""
            self._show()


def _active(screen: Screen[Any]) -> Iterator[Binding]:
    """Yield the keys that do something now, each action once: by the key that every terminal has."""
    found: dict[str, Binding] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.description and not binding.system and binding.id:
            known_as = found.setdefault(binding.id, binding)
            if known_as.key in _SELDOM:
                found[binding.id] = binding
    yield from found.values()


def _together(keys: Sequence[str]) -> str:
    """Write keys that do the same: `F2 F4`, `Alt+1…9`."""
    few = list(dict.fromkeys(keys))
    held, plus, _last = few[0].rpartition("+")
    if len(few) > 2 and all(key.startswith(held + plus) for key in few):  # noqa: PLR2004 - a row of keys
        return f"{few[0]}…{few[-1].removeprefix(held + plus)}"
    return " ".join(few)


def _table(rows: Iterable[Shown], cells: int) -> Iterator[Content]:
    """Yield keys and what they do, each in a column, within so many cells; below a key that is too long."""
    shown = list(rows)
    longest = max((cell_width(row.written) for row in shown), default=0)
    before = min(max(_KEYS_LEAST, longest), _KEYS_MOST)
    for row in shown:
        words = textwrap.wrap(row.does, max(8, cells - before - 3)) or [""]
        key, free = join(own(" "), own(row.written, "bold")), before - cell_width(row.written)
        if free < 0:
            yield key
        else:
            yield join(key, own(" " * (free + 2)), own(words.pop(0)))
        yield from (own(" " * (before + 3) + more) for more in words)


def _key_rows(keys: Iterable[tuple[Known, str]]) -> list[Content]:
    return [
        join(own(f"{written:<18} ", "bold"), own(f"{_(key.about)}  "), own(key.id, "dim"))
        for key, written in keys
    ]


def search_help(typed: str, keys: Sequence[tuple[Known, str]]) -> list[Content]:
    """Return the keys and commands that some words are about."""
    words = typed.lower().split()
    if typed.startswith("/"):
        name = words[0].removeprefix("/")
        commands = [command for word, command in spellings(Front.UI).items() if word.startswith(name)]
        exact = spellings(Front.UI).get(name)
        keys = ()
    else:
        texts = (
            (command, f"{command.usage(Front.UI)} {command.help}".lower()) for command in _all_commands()
        )
        commands = [command for command, text in texts if all(word in text for word in words)]
        exact = None
        keys = [
            (key, written)
            for key, written in keys
            if all(word in f"{written} {_(key.about)} {key.id}".lower() for word in words)
        ]
    parts = [*_explained(exact), own("")] if exact is not None else []
    parts += _key_rows(keys)
    parts += _rows(command for command in dict.fromkeys(commands) if command is not exact)
    return parts or [own(_("No key and no command is about this."), "dim")]


def _all_commands() -> Iterator[Command[..., Any]]:
    for commands in topics().values():
        yield from commands


def command_page(about: str) -> Page:
    """Return the page for a command, or for a topic of commands. Raises SetupError if it is neither."""
    word = about.removeprefix("/").strip().lower()
    known_topics = {name: commands for topic, commands in topics().items() for name in (topic, _(topic))}
    command = spellings(Front.UI).get(word)
    rows = list(_explained(command) if command is not None else _rows(known_topics.get(word, ())))
    if not rows:
        raise unknown_help(word, Front.UI)
    return Page(own(_("Help"), "bold"), lines(*rows))


def _explained(command: Command[..., Any]) -> Iterator[Content]:
    yield own(command.usage(Front.UI), "bold")
    words = (command.help, see_also(command, Front.UI), command.about, command.who)
    yield from (own(sentence) for sentence in words if sentence)


def _rows(commands: Iterable[Command[..., Any]]) -> Iterator[Content]:
    for command in commands:
        if command.name(Front.UI) is not None:
            also = see_also(command, Front.UI)
            words = own(f"  ({also})" if also else "", "dim")
            yield join(own(f"{command.usage(Front.UI):<36}", "bold"), own(f" {command.help}"), words)
