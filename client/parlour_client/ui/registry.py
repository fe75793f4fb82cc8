"""The places of the screen that an extra may use: it adds to them, and the core asks there.

The core never names an extra (`parlour_client/extras/__init__.py`). A place that nothing was added to costs
nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from parlour_client.commands.extra_commands import EXTRA_COMMANDS
from parlour_client.core.setting import EXTRA_SETTINGS, Setting

if TYPE_CHECKING:
    import click
    from textual.app import App
    from textual.events import Key as KeyEvent
    from textual.screen import Screen
    from textual.theme import Theme
    from textual.widget import Widget

    from parlour_client.commands.command import Command
    from parlour_client.core.settings import Settings

Show = Callable[["Screen[Any]", Mapping[str, Any]], Awaitable[None] | None]
"""Gets the chat screen, and the arguments of the command."""

Closed = Callable[[], Awaitable[object] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key of the chat screen."""

    id: str
    """By which a person gives it other keys in the settings."""
    keys: str
    about: str
    do: "Callable[[Screen[Any]], Awaitable[None] | None]"
    """Gets the chat screen."""
    when: "Callable[[Screen[Any]], bool]" = lambda _screen: True
    """Says whether it does anything now."""
    setting: Setting | None = None
    """The switch with which it is there; None: it always is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLayer:
    """Other keys while a setting is on: outside of what one writes, each letter is one."""

    setting: Setting
    """The switch."""
    place: str
    """What the ids of its own keys begin with."""
    keys: Mapping[str, str]
    """Those that it changes, by their ids."""
    mode: "Callable[[Screen[Any]], str]"
    """Names the mode of the chat screen, for the status line."""
    read: "Callable[[Screen[Any], KeyEvent], KeyEvent | None]"
    """Gets each key of the chat screen first; returns the one that is meant, or None if it acted on it."""

    def is_on(self, settings: "Settings") -> bool:
        """Say whether the switch is on."""
        return settings.value(self.setting) is True


@dataclass(frozen=True, slots=True)
class FoundThemes:
    """Themes by their names, and sentences about those that can't be used."""

    themes: "Mapping[str, Theme]"
    problems: tuple[str, ...]


@dataclass(slots=True)
class Registry:
    """Everything that extras added."""

    packages: list[str] = field(default_factory=list)
    """Of the extras: their dialogs have keys, too."""
    keys: list[Key] = field(default_factory=list)
    layers: list[KeyLayer] = field(default_factory=list)
    shows: "dict[Command[..., Any], Show]" = field(default_factory=dict)
    """What the chat screen does for a command that was added."""
    app_started: "list[Callable[[App[Any]], None]]" = field(default_factory=list)
    """Each gets the app when it starts."""
    chat_opened: "list[Callable[[Screen[Any]], None]]" = field(default_factory=list)
    """Each gets the chat screen when it is shown."""
    demo_opened: "list[Callable[[Screen[Any]], None]]" = field(default_factory=list)
    """Each gets the chat screen of the demo when it is shown."""

    notices_changed: "list[Callable[[Screen[Any]], None]]" = field(default_factory=list)
    """Each gets the chat screen when the operator sent or withdrew something, or it was read."""
    panes: "list[Callable[[Widget], None]]" = field(default_factory=list)
    """Each gets a pane with a room when it is shown."""
    themes: list[Callable[[Path], Callable[[], FoundThemes | None]]] = field(default_factory=list)
    """Each gets a home folder, and returns what looks for themes again and again; None: nothing changed."""
    choosers: "dict[str, Callable[[App[Any], Closed], None]]" = field(default_factory=dict)
    """What opens over the chat when a setting is to be chosen, by its name; it calls back when closed."""
    shell: "dict[str, Callable[[], click.Command]]" = field(default_factory=dict)
    """Commands of the shell with click code of their own, imported when they are called."""
    shell_groups: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    """First words of commands that have two: what `--help` says of them, and examples."""
    menu: list[tuple[str, str]] = field(default_factory=list)
    """Lines of the menu of views: the command, and what it shows."""

    def setting(self, setting: Setting) -> None:
        """Add a setting, to the group that it names."""
        EXTRA_SETTINGS[setting.key] = setting

    def command(self, topic: str, command: "Command[..., Any]", show: "Show | None" = None) -> None:
        """Add a command to a topic of help, and what the chat screen does for it."""
        EXTRA_COMMANDS.append((topic, command))
        if show is not None:
            self.shows[command] = show


REGISTRY: Final = Registry()
"""What this process has."""
