"""A layer of vi keys: writing is insert mode, everywhere else is normal mode.

The focus is the mode, so it is never out of step with what a key does. The layer changes keys by their ids as
a person could, and adds the few actions that only it needs; with the setting off, none of them exists.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from textual.binding import Binding
from textual.events import Key
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.widget import Widget
from textual.widgets import OptionList

from parlour_client.kit.language import N_
from parlour_client.ui.app_settings import settings_of
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.navigation import Navigation
from parlour_client.ui.chat.pane import Pane
from parlour_client.ui.chat.timeline import keys
from parlour_client.ui.input.keymap import VIM, keymap

VI_BINDINGS: Final = (
    Binding("g", "vi('top')", N_("Twice: the oldest loaded message"), show=False, id="vim.top"),
    Binding("j", "vi('down')", N_("Down"), show=False, id="vim.down"),
    Binding("k", "vi('up')", N_("Up"), show=False, id="vim.up"),
    Binding("ctrl+d", "vi('half_down')", N_("Half a page down"), show=False, id="vim.half_down"),
    Binding("ctrl+u", "vi('half_up')", N_("Half a page up"), show=False, id="vim.half_up"),
    Binding("h", "vi('left')", N_("The pane to the left"), show=False, id="vim.left"),
    Binding("l", "vi('right')", N_("The pane to the right"), show=False, id="vim.right"),
    Binding("J", "vi('next_room')", N_("The next room"), show=False, id="vim.next_room"),
    Binding("K", "vi('previous_room')", N_("The previous room"), show=False, id="vim.previous_room"),
    Binding("o", "vi('open')", N_("Write on a new line"), show=False, id="vim.open"),
    Binding("colon", "vi('command')", N_("Write a command"), show=False, id="vim.command"),
    Binding("escape", "vi('rest')", N_("Clear the selection"), show=False, id="vim.rest"),
)


class ViKeys:
    """The actions of normal mode on one chat screen."""

    def __init__(
        self,
        screen: Screen[None],
        pane: Pane,
        navigation: Navigation,
    ) -> None:
        self._screen, self._composer, self._timeline = screen, pane.composer, pane.timeline
        self._panes: tuple[Widget, ...] = (pane.room_list, pane.timeline, pane.member_list)
        self._navigation = navigation
        composer = pane.composer
        self._g_before = False
        self._do: dict[str, Callable[[], Awaitable[None] | None]] = {
            "top": self._top,
            "down": lambda: self._move(1),
            "up": lambda: self._move(-1),
            "half_down": lambda: self._half(1),
            "half_up": lambda: self._half(-1),
            "left": lambda: self._pane(-1),
            "right": lambda: self._pane(1),
            "next_room": lambda: self._room(1),
            "previous_room": lambda: self._room(-1),
            "open": lambda: self._begin(f"{composer.text}\n" if composer.text else ""),
            "command": lambda: self._begin(composer.text or "/"),
            "rest": self._rest,
        }

    @property
    def mode(self) -> str:
        """`insert`, `normal`, or empty if the layer is off."""
        if not settings_of(self._screen).vim:
            return ""
        return "insert" if self._screen.focused is self._composer else "normal"

    def without_escape(self, event: Key) -> Key:
        """Take Esc and the key after it apart, if they came so fast that they look like Alt and that key.

        In insert mode Alt and a key of normal mode mean just that, as in vi; any other Alt stays what it is.
        """
        prefix, _, name = event.key.partition("+")
        letter = name.removeprefix("shift+").upper() if name.startswith("shift+") else name
        if prefix != "alt" or self.mode != "insert" or letter not in self._normal_keys():
            return event
        self._composer.close_offers()
        self._screen.set_focus(self._timeline)
        return Key(letter, letter)

    def _normal_keys(self) -> frozenset[str]:
        changed = keymap(settings_of(self._screen))
        mine = {str(binding.id): binding.key for binding in (*VI_BINDINGS, *keys.BINDINGS)} | VIM
        written = ",".join(changed.get(name, key) for name, key in mine.items())
        return frozenset(key for key in written.split(",") if len(key) == 1)

    async def do(self, name: str) -> None:
        """Run one of the actions."""
        done = self._do[name]()
        if done is not None:
            await done

    def key_pressed(self, key: str) -> None:
        """Forget a first g when another key is pressed."""
        if key != "g":
            self._g_before = False

    def _top(self) -> None:
        """On the second g: go to the oldest loaded row."""
        self._g_before = not self._g_before
        focused = self._screen.focused
        if self._g_before:
            return
        if isinstance(focused, OptionList):
            focused.action_first()
        else:
            self._timeline.scroll_home(animate=False)

    def _move(self, step: int) -> None:
        """Move in the focused list."""
        focused = self._screen.focused
        if isinstance(focused, OptionList):
            focused.action_cursor_down() if step > 0 else focused.action_cursor_up()
        else:
            self._screen.set_focus(self._timeline)
            self._timeline.move_selection(step)

    def _half(self, step: int) -> None:
        """Scroll by half a page."""
        focused = self._screen.focused
        pane = focused if isinstance(focused, ScrollView) else self._timeline
        pane.scroll_relative(y=step * max(1, pane.size.height // 2), animate=False)

    def _pane(self, step: int) -> None:
        """Focus the pane beside."""
        panes = [pane for pane in self._panes if pane.display]
        focused = self._screen.focused
        at = panes.index(focused) if focused in panes else 0
        self._screen.set_focus(panes[max(0, min(len(panes) - 1, at + step))])

    async def _room(self, step: int) -> None:
        """Open the next room of the list."""
        await self._navigation.open_next(step)
        self._screen.set_focus(self._timeline)

    def _begin(self, text: str) -> None:
        """Continue writing after this text."""
        if text != self._composer.text:
            self._composer.put(text)
        self._screen.set_focus(self._composer)

    def _rest(self) -> None:
        """Clear the selection, cancel a reply or an edit, and stay in normal mode."""
        self._screen.set_focus(self._timeline)
        self._composer.post_message(Composer.GaveUp())
