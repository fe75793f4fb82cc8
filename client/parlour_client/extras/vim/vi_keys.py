"""The keys of normal mode."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from textual.events import Key
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.widget import Widget
from textual.widgets import OptionList

from parlour_client.extras.vim.keys import KEYS, OWN_KEYS
from parlour_client.ui.app_settings import settings_of
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.chat.timeline import keys
from parlour_client.ui.input.keymap import keymap

_Act = Callable[[ChatScreen], Awaitable[None] | None]


class ViKeys:
    """The actions of normal mode; they are about the room in front."""

    def __init__(self) -> None:
        self._g_before = False
        self._do: dict[str, _Act] = {
            "top": self._top,
            "down": partial(_move, step=1),
            "up": partial(_move, step=-1),
            "half_down": partial(_half, step=1),
            "half_up": partial(_half, step=-1),
            "left": partial(_pane, step=-1),
            "right": partial(_pane, step=1),
            "next_room": partial(_room, step=1),
            "previous_room": partial(_room, step=-1),
            "open": lambda chat: _write_on(chat, f"{text}\n" if (text := chat.pane.composer.text) else ""),
            "command": lambda chat: _write_on(chat, chat.pane.composer.text or "/"),
        }

    def do(self, screen: Screen[Any], name: str) -> Awaitable[None] | None:
        """Run one of the actions."""
        return self._do[name](_chat(screen))

    def read(self, screen: Screen[Any], event: Key) -> Key | None:
        """Separate Esc from the key after it, if they came so fast that they look like Alt and that key.

        In insert mode Alt and a key of normal mode mean just that, as in vi; any other Alt stays what it is.
        In normal mode Esc gives up what was begun, and stays there. Any key but g forgets a first g.
        """
        if event.key != "g":
            self._g_before = False
        chat = _chat(screen)
        prefix, _, name = event.key.partition("+")
        letter = name.removeprefix("shift+").upper() if name.startswith("shift+") else name
        inserts = chat.focused is chat.pane.composer
        if event.key == "escape" and not inserts:
            _rest(chat)
            return None
        if prefix != "alt" or not inserts or letter not in _normal_keys(chat):
            return event
        chat.pane.composer.close_offers()
        chat.set_focus(chat.pane.timeline)
        return Key(letter, letter)

    def _top(self, chat: ChatScreen) -> None:
        """On the second g: go to the oldest loaded row."""
        self._g_before = not self._g_before
        if self._g_before:
            return
        if isinstance(chat.focused, OptionList):
            chat.focused.action_first()
        else:
            chat.pane.timeline.scroll_home(animate=False)


def _chat(screen: Screen[Any]) -> ChatScreen:
    assert isinstance(screen, ChatScreen)  # noqa: S101 - the layer is one of the chat
    return screen


def _normal_keys(chat: ChatScreen) -> frozenset[str]:
    changed = keymap(settings_of(chat))
    mine = {str(binding.id): binding.key for binding in keys.BINDINGS} | KEYS
    mine |= {f"vim.{name}": key for name, (key, _) in OWN_KEYS.items()}
    written = ",".join(changed.get(name, key) for name, key in mine.items())
    return frozenset(key for key in written.split(",") if len(key) == 1)


def _move(chat: ChatScreen, step: int) -> None:
    """Move in the focused list."""
    focused = chat.focused
    if isinstance(focused, OptionList):
        focused.action_cursor_down() if step > 0 else focused.action_cursor_up()
    else:
        chat.set_focus(chat.pane.timeline)
        chat.pane.timeline.move_selection(step)


def _half(chat: ChatScreen, step: int) -> None:
    """Scroll by half a page."""
    pane = chat.focused if isinstance(chat.focused, ScrollView) else chat.pane.timeline
    pane.scroll_relative(y=step * max(1, pane.size.height // 2), animate=False)


def _pane(chat: ChatScreen, step: int) -> None:
    """Focus the pane beside."""
    every: tuple[Widget, ...] = (chat.room_list, chat.pane.timeline, chat.member_list)
    panes: list[Widget] = [pane for pane in every if pane.display]
    at = panes.index(chat.focused) if chat.focused in panes else 0
    chat.set_focus(panes[max(0, min(len(panes) - 1, at + step))])


async def _room(chat: ChatScreen, step: int) -> None:
    """Open the next room of the list."""
    await chat.pane.navigation.open_next(step)
    chat.set_focus(chat.pane.timeline)


def _write_on(chat: ChatScreen, text: str) -> None:
    """Continue writing after this text."""
    if text != chat.pane.composer.text:
        chat.pane.composer.put(text)
    chat.set_focus(chat.pane.composer)


def _rest(chat: ChatScreen) -> None:
    """Clear the selection, cancel a reply or an edit, and stay in normal mode."""
    chat.set_focus(chat.pane.timeline)
    chat.pane.composer.post_message(Composer.GaveUp())


VI_KEYS: Final = ViKeys()
