"""F1: first the focused widget and its keys, then all commands.

A widget describes itself in its ``HELP``; keys come from the active bindings, commands from the table, so
help is always current.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from textual.content import Content
from textual.screen import Screen

from parlour_client.commands.command import Command
from parlour_client.commands.front import Front
from parlour_client.commands.parse import unknown_help
from parlour_client.commands.table import see_also, spellings, topics
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.safe import join, lines, own
from parlour_client.ui.dialogs.page import Page

_GENERAL = N_(
    "Esc returns to the composer. Ctrl+K opens the palette: rooms, people, commands, settings. "
    "F10 opens the settings, and the keys in them. "
    "Messages are shown strictly as text: characters that are invisible or would control the terminal "
    "appear as escapes such as ⟦ESC⟧ or ⟦U+202E⟧, and links are not clickable."
)


def help_page(screen: Screen[Any]) -> Page:
    """Return the page for the focused widget."""
    about = screen.focused.HELP if screen.focused is not None else None
    parts = [
        own(_("Here"), "bold"),
        own(" ".join(_(about).split("\n")) if about is not None else _("Nothing is focused. Press Tab.")),
    ]
    parts += [
        own(""),
        join(own(_("Keys"), "bold"), own("  "), own(_("with their ids for the settings"), "dim")),
    ]
    parts += _keys(screen)
    for topic, commands in topics().items():
        parts += [own(""), own(_("Commands: {topic}").format(topic=_(topic)), "bold"), *_rows(commands)]
    return Page(lines(*parts, own(""), own(_(_GENERAL))))


def command_page(about: str) -> Page:
    """Return the page for a command, or for a topic of commands. Raises SetupError if it is neither."""
    word = about.removeprefix("/").strip().lower()
    known = {name: commands for topic, commands in topics().items() for name in (topic, _(topic))}
    command = spellings(Front.UI).get(word)
    rows = [*_rows((command,) if command is not None else known.get(word, ()))]
    if not rows:
        raise unknown_help(word, Front.UI)
    if command is not None:
        rows += [own(words) for words in (command.about, command.who) if words]
    return Page(lines(*rows))


def _rows(commands: Iterable[Command[..., Any]]) -> Iterator[Content]:
    for command in commands:
        if command.name(Front.UI) is not None:
            also = see_also(command, Front.UI)
            words = own(f"  ({also})" if also else "", "dim")
            yield join(own(f"{command.usage(Front.UI):<36}", "bold"), own(f" {command.help}"), words)


def _keys(screen: Screen[Any]) -> list[Content]:
    seen: dict[tuple[str, str], list[str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.description and not binding.system and binding.id:
            seen.setdefault((binding.id, binding.description), []).append(screen.app.get_key_display(binding))
    return [
        join(own(f"{' '.join(keys):<18}", "bold"), own(f" {_(what)}  "), own(name, "dim"))
        for (name, what), keys in seen.items()
    ]
