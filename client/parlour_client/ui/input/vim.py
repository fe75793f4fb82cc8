"""A layer for hands that know vi: writing is insert mode, everywhere else is normal mode.

The mode is where the focus is, so it can never be out of step with what a key does. The layer changes keys by
their ids like any person could, and adds the few actions that only it needs; with the setting off, none of
them exists. ``ParlourApp`` inherits the actions.
"""

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.scroll_view import ScrollView
from textual.widget import Widget
from textual.widgets import OptionList

from parlour_client.ui.app_settings import Preferring
from parlour_client.ui.chat.base import ChatParts
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.timeline import Timeline


class VimKeys(Preferring):
    """The actions of normal mode."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "vim_top", "Twice: the oldest that is loaded", show=False, id="vim.top"),
        Binding("j", "vim_move(1)", "Down", show=False, id="vim.down"),
        Binding("k", "vim_move(-1)", "Up", show=False, id="vim.up"),
        Binding("ctrl+d", "vim_half(1)", "Half a page down", show=False, id="vim.half_down"),
        Binding("ctrl+u", "vim_half(-1)", "Half a page up", show=False, id="vim.half_up"),
        Binding("h", "vim_pane(-1)", "The pane to the left", show=False, id="vim.left"),
        Binding("l", "vim_pane(1)", "The pane to the right", show=False, id="vim.right"),
        Binding("J", "vim_room(1)", "The next room", show=False, id="vim.next_room"),
        Binding("K", "vim_room(-1)", "The room before", show=False, id="vim.previous_room"),
        Binding("o", "vim_open", "Write on a new line", show=False, id="vim.open"),
        Binding("colon", "vim_command", "Write a command", show=False, id="vim.command"),
        Binding("escape", "vim_rest", "Select nothing", show=False, id="vim.rest"),
    ]
    _g_before = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let the layer exist in normal mode alone."""
        if action.startswith("vim_"):
            return self.vim_mode == "normal"
        return super().check_action(action, parameters)

    @property
    def vim_mode(self) -> str:
        """`insert`, `normal`, or nothing where the layer is off."""
        if not self.settings.vim or not isinstance(self.screen, ChatParts):
            return ""
        return "insert" if isinstance(self.focused, Composer) else "normal"

    @on(Composer.Rested)
    def _rested(self) -> None:
        """Leave insert mode: Esc in the composer."""
        if isinstance(self.screen, ChatParts):
            self.screen.set_focus(self.screen.timeline)

    def on_key(self, event: Key) -> None:
        """Forget a first g when another key comes."""
        if event.key != "g":
            self._g_before = False

    def show_mode(self) -> None:
        """Say the mode in the status line: of vi, or that keys act on the selected message."""
        screen = self.screen
        if isinstance(screen, ChatParts):
            timeline = screen.timeline
            selects = screen.focused is timeline and timeline.selected is not None
            screen.status_line.mode(self.vim_mode.upper() or ("SELECT: esc writes" if selects else ""))

    @on(Timeline.Selected)
    def _selected(self) -> None:
        self.show_mode()

    @property
    def _chat(self) -> ChatParts:
        assert isinstance(self.screen, ChatParts)  # noqa: S101 - check_action lets nothing else through
        return self.screen

    def action_vim_top(self) -> None:
        """On the second g: go to the oldest row that is there."""
        self._g_before = not self._g_before
        focused = self.focused
        if self._g_before:
            return
        if isinstance(focused, OptionList):
            focused.action_first()
        else:
            self._chat.timeline.scroll_home(animate=False)

    def action_vim_move(self, step: int) -> None:
        """Move in the list that has the focus."""
        focused = self.focused
        if isinstance(focused, OptionList):
            focused.action_cursor_down() if step > 0 else focused.action_cursor_up()
        else:
            self.screen.set_focus(self._chat.timeline)
            self._chat.timeline.move_selection(step)

    def action_vim_half(self, step: int) -> None:
        """Scroll by half a page."""
        pane = self.focused if isinstance(self.focused, ScrollView) else self._chat.timeline
        pane.scroll_relative(y=step * max(1, pane.size.height // 2), animate=False)

    def action_vim_pane(self, step: int) -> None:
        """Go to the pane beside."""
        chat = self._chat
        panes: list[Widget] = [chat.room_list, chat.timeline, chat.member_list]
        panes = [pane for pane in panes if pane.display]
        at = panes.index(self.focused) if self.focused in panes else 0
        chat.set_focus(panes[max(0, min(len(panes) - 1, at + step))])

    async def action_vim_room(self, step: int) -> None:
        """Open the next room of the list."""
        chat, rooms = self._chat, list(self._chat.client.rooms)
        at = next((index for index, room in enumerate(rooms) if room.id == chat.current), 0)
        if rooms:
            await chat.open_room(rooms[(at + step) % len(rooms)].id)
            chat.set_focus(chat.timeline)

    def action_vim_open(self) -> None:
        """Go on writing, on a line of its own."""
        composer = self._chat.composer
        if composer.text:
            composer.put(f"{composer.text}\n")
        self._chat.write()

    def action_vim_command(self) -> None:
        """Begin a command, unless something is being written."""
        composer = self._chat.composer
        if not composer.text:
            composer.put("/")
        self._chat.write()

    def action_vim_rest(self) -> None:
        """Select nothing, leave a reply or an edit, and stay in normal mode."""
        self._chat.set_focus(self._chat.timeline)
        self._chat.composer.post_message(Composer.GaveUp())
