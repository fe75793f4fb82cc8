"""The chat screen: the list of rooms, a room, its members; passes keys on, and changes of the client.

It uses the client's public objects and its widgets' messages, and never handles a stranger's text.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.screen import Screen
from textual.signal import Signal
from textual.strip import Strip
from textual.widget import Widget

from parlour_client.commands import people
from parlour_client.commands.command import View
from parlour_client.core import events as changes
from parlour_client.core.client import Client
from parlour_client.core.events import StatusChanged
from parlour_client.core.settings import Settings
from parlour_client.kit.connection_status import ConnectionStatus
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.backdrop import Columns, same_rows
from parlour_client.kit.widgets.questions import ChooseScreen
from parlour_client.kit.widgets.safe import own
from parlour_client.ui.app_settings import settings_of
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.gc_tuning import EVERY_SECONDS, Collector
from parlour_client.ui.chat.initiative import NOBODY, may_move, on_behalf_of
from parlour_client.ui.chat.member_list import MemberList
from parlour_client.ui.chat.painting import ChangesOnly
from parlour_client.ui.chat.panes import Panes
from parlour_client.ui.chat.room_list import INVITATION, RoomAction, RoomList
from parlour_client.ui.chat.room_pane import RoomPane
from parlour_client.ui.chat.status_line import ConnectionProblem, StatusRow
from parlour_client.ui.chat.timeline import Timeline
from parlour_client.ui.chat.timeline_controller import layout_of
from parlour_client.ui.dialogs.help import HelpScreen, command_page
from parlour_client.ui.input.keymap import letters_act, written
from parlour_client.ui.registry import REGISTRY, Key
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import parse_user_name

if TYPE_CHECKING:
    from parlour_client.ui.chat.slash_commands import Action

_VIEWS: Final = (
    ("mentions", N_("Mentions: messages that mention you")),
    ("unread", N_("Unread: everything you have not read")),
    ("starred", N_("Starred: messages you starred")),
    ("pins", N_("Pinned: messages pinned in this room")),
    ("outbox", N_("Outbox: messages that are not sent yet")),
    ("ignored", N_("Ignored people")),
    ("sessions", N_("Sessions: where you are logged in")),
)
"""The menu of F6: commands and their labels."""

_WIDTHS: Final = [(0, "-narrow"), (64, "-normal"), (100, "-broad"), (120, "-wide")]
_HEIGHTS: Final = [(0, "-low"), (20, "-high")]


class ChatScreen(Screen[None]):
    """The screen where people chat."""

    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS
    AUTO_FOCUS = "#composer"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", N_("Help"), id="chat.help"),
        Binding("f2", "rooms", N_("Rooms"), id="chat.rooms"),
        Binding("f3", "search", N_("Search"), id="chat.search"),
        Binding("f4", "people", N_("People"), id="chat.people"),
        Binding("ctrl+n", "next_unread", N_("Next unread room"), show=False, id="chat.next_unread"),
        Binding("alt+up", "messages(-1)", N_("Messages"), id="chat.messages"),
        Binding("ctrl+k", "app.command_palette", N_("Go to"), priority=True, id="chat.switch"),
        Binding("ctrl+p", "app.command_palette", N_("Palette"), show=False, id="chat.palette"),
        Binding("f6", "views", N_("Views"), show=False, priority=True, id="chat.views"),
        Binding("f7", "outbox", N_("Outbox"), show=False, priority=True, id="chat.outbox"),
        Binding("alt+r", "mark_read", N_("Mark this room read"), show=False, id="chat.mark_read"),
        Binding("alt+t", "topic", N_("The whole topic"), show=False, priority=True, id="chat.topic"),
        Binding("alt+down", "messages(1)", N_("Next message"), show=False, id="chat.messages_down"),
        Binding("pageup", "page(-1)", N_("Page up"), show=False, priority=True, id="chat.page_up"),
        Binding("pagedown", "page(1)", N_("Page down"), show=False, priority=True, id="chat.page_down"),
        Binding("ctrl+end", "newest", N_("Newest"), show=False, priority=True, id="chat.newest"),
        *(
            Binding(
                f"alt+{number}",
                f"room({number})",
                N_("The room with this number"),
                show=False,
                id=f"chat.to_room_{number}",
            )
            for number in range(1, 10)
        ),
        Binding("alt+w", "other_pane", N_("The other pane"), show=False, id="chat.other_pane"),
        Binding("alt+right", "widen(2)", N_("Wider list"), show=False, id="chat.wider"),
        Binding("alt+left", "widen(-2)", N_("Narrower list"), show=False, id="chat.narrower"),
        Binding("escape", "go_back", N_("Write"), show=False, id="chat.write"),
        Binding("alt+g", "accept_offer", N_("Go where you asked to"), show=False, id="chat.take_offer"),
        Binding("alt+a", "approve", N_("Compare the code of a new device"), show=False, id="chat.approve"),
        Binding(
            "alt+x", "cancel_file", N_("Cancel the file"), show=False, priority=True, id="chat.cancel_file"
        ),
    ]

    def __init__(
        self,
        client: Client,
        lend_terminal: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """``client`` is started; ``lend_terminal`` gives the terminal to an editor for a while."""
        super().__init__()
        self._compositor = ChangesOnly()  # docs/explanation/architecture.md, private interfaces
        self.client = client
        self._lend_terminal = lend_terminal
        self.room_list = RoomList()
        self.member_list = MemberList()
        self.status_row = StatusRow()
        self.status_line = self.status_row.line
        self._problem = ConnectionProblem()
        self.covered = Signal[Screen[Any]](self, "covered")
        """Published with each dialog or page that is opened over the chat."""
        self._place = Columns(id="panes")
        self.panes = Panes(
            client, self._place, self.room_list, self.member_list, self._new_pane, self.show_mode
        )
        self._unsubscribe: Callable[[], None] | None = None
        self._collector = Collector()

    def _new_pane(self, panes: Panes, beside: RoomPane | None, thread: Seq | None) -> RoomPane:
        views: Mapping[View, Action] = {
            View.HELP: lambda given: self.action_help(given["name"] or ""),
            View.MEMBERS: lambda _: self.action_people(),
            View.CLOSE_THREAD: lambda _: self._close_thread(),
        }
        return RoomPane(
            self,
            self.client,
            self.room_list,
            self.member_list,
            self.status_line,
            self._lend_terminal,
            panes.around,
            views,
            beside,
            thread,
        )

    def compose(self) -> ComposeResult:
        """Create the child widgets, with the classes that the first resize would add: all are styled once."""
        width, height = self.app.size
        self.add_class(_reached(width, _WIDTHS), _reached(height, _HEIGHTS))
        self.panes.width = width
        with self._place:
            yield self.room_list
            yield self.pane
            yield self.member_list
        yield self._problem
        yield self.status_row

    def on_mount(self) -> None:
        """Subscribe to the client."""
        self._unsubscribe = self.client.events.subscribe(self.on_change)
        self._collector.start()
        self.set_interval(EVERY_SECONDS, self._collector.rest)
        self.watch(self.app, "settings", self._settings_changed, init=False)
        self.watch(self, "focused", self._focus_moved)
        self.panes.place_people()
        self._show_status(self.client.connection.status)
        self.set_focus(self.pane.composer)
        with on_behalf_of(NOBODY):
            self._login_wanted(self.client.connection.status)
        self.pane.navigation.open_last()

    def on_unmount(self) -> None:
        """Unsubscribe."""
        self._collector.stop()
        if self._unsubscribe is not None:
            self._unsubscribe()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw what is behind the panes."""
        return same_rows(self, super().render_lines, crop)

    def on_idle(self) -> None:
        """Paint typed text."""
        self.pane.painter.paint()

    @on(events.ScreenSuspend)
    def _covered(self) -> None:
        self.covered.publish(self.app.screen)

    def on_resize(self, event: events.Resize) -> None:
        """Fit the terminal."""
        self.panes.resized(event.size.width)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Write in the room that was clicked."""
        pane = self.pane
        self.panes.focus_moved(event.widget)
        if self.pane is not pane:
            self.write()

    def _focus_moved(self, focused: Widget | None) -> None:
        self.panes.focus_moved(focused)
        self.show_mode()

    def set_focus(
        self,
        widget: Widget | None,
        scroll_visible: bool = True,  # noqa: FBT001, FBT002 - Textual's
        from_app_focus: bool = False,  # noqa: FBT001, FBT002 - Textual's
    ) -> None:
        """Move the focus, but only for what the person did last."""
        if may_move(self.app):
            super().set_focus(widget, scroll_visible, from_app_focus)

    def _settings_changed(self, settings: Settings) -> None:
        for pane in self.panes.all:
            pane.timeline.lay_out(layout_of(settings))
        self.show_mode()

    def show_mode(self) -> None:
        """Show in the status line whether keys act on messages, or the mode of a layer of keys."""
        selects = self.pane.selects
        layers = (layer for layer in REGISTRY.layers if layer.is_on(settings_of(self)))
        modes = (f"-- {layer.mode(self)} --" for layer in layers)
        self.status_line.mode(next(modes, self._select_mode() if selects else ""), selects=selects)

    def _select_mode(self) -> str:
        return _("SELECT ({key}: write)").format(key=written(self, "chat.write", "escape"))

    # --- changes from the client

    def on_change(self, change: changes.Change) -> None:
        """Show a change."""
        with on_behalf_of(NOBODY):
            self._show_change(change)

    def _show_change(self, change: changes.Change) -> None:
        if isinstance(change, StatusChanged):
            self._show_status(change.status)
            self._login_wanted(change.status)
        if self._is_about_own(change):
            self.status_line.unsent(self.client.messages.outgoing())
        if isinstance(change, changes.NoticesChanged):
            for told in REGISTRY.notices_changed:
                told(self)
        for pane in self.panes.all:
            pane.on_change(change)

    def _is_about_own(self, change: changes.Change) -> bool:
        """Say whether what is being sent may have changed."""
        if isinstance(change, changes.EntryAdded | changes.EntryChanged):
            return change.entry.author == self.client.account.user
        return isinstance(change, changes.EntryRemoved)

    def _show_status(self, status: ConnectionStatus) -> None:
        self.status_line.tell(status, self.client.account)
        self.status_line.unsent(self.client.messages.outgoing())
        self._problem.tell(status)

    def _login_wanted(self, status: ConnectionStatus) -> None:
        """Offer to log in again: the dialog never opens by itself, or what is being typed would be tried."""
        for pane in self.panes.all:
            if status.session_ended:
                _led = pane.interaction.lead(self._log_in_again, own(_("You are logged out: /login")))
            else:
                pane.interaction.withdraw(self._log_in_again)

    def _log_in_again(self) -> None:
        self.pane.commands.run_soon("/login")

    # --- the room in front

    @property
    def pane(self) -> RoomPane:
        """The pane that keys and the lists at the sides are about."""
        return self.panes.front

    # --- messages from the widgets

    @on(Composer.Wrote)
    def _wrote(self) -> None:
        self._collector.typed()

    @on(Timeline.Selected)
    def _selected(self) -> None:
        self.show_mode()

    @on(RoomList.OptionSelected, "#rooms")
    def _room_chosen(self, event: RoomList.OptionSelected) -> None:
        self.remove_class("-rooms")
        chosen = event.option_id or ""
        if chosen.startswith(INVITATION):
            self.pane.results.invitations.ask(RoomId(chosen.removeprefix(INVITATION)))
        elif chosen and self.client.rooms.get(RoomId(chosen)) is not None:
            self.pane.navigation.go_to(RoomId(chosen))

    @on(RoomList.Act)
    def _act_on_room(self, event: RoomList.Act) -> None:
        if event.action is RoomAction.PEEK:
            self.remove_class("-rooms")
        self.pane.navigation.act(event.action, event.room)

    @on(MemberList.OptionSelected, "#members")
    def _person_chosen(self, event: MemberList.OptionSelected) -> None:
        user = (event.option_id or "").removeprefix("user:")
        if user:
            self.pane.commands.act_soon(people.whois, user=parse_user_name(user))

    @on(events.ScreenResume)
    @on(events.AppFocus)
    def _focus_came(self) -> None:
        for pane in self.panes.all:
            pane.history.read_now()

    # --- keys

    def give_to_composer(self, event: events.Key | events.Paste) -> None:
        """Send typed text to the composer, first letter included, unless it is a command elsewhere.

        Commands are possible among messages, rooms and people, where a person moves by keyboard. Any other
        letter, and any paste, is text. Called before the event goes to the focused widget: so fast typing
        stays in order.
        """
        if self.focused is self.pane.composer or not self.pane.composer.display:
            return
        if isinstance(event, events.Key) and (not event.is_printable or self._is_command(event.key)):
            return
        self.action_write()

    def moves_on(self, event: events.Key | events.Paste) -> bool:
        """Say whether a key may do more than write: then the next one has to wait for what it does."""
        if isinstance(event, events.Paste):
            return True  # it may open a dialog
        if event.is_printable and self.focused is self.pane.composer:
            return False
        return event.key in self.active_bindings

    def _is_command(self, key: str) -> bool:
        if letters_act(settings_of(self)) or self.focused is self.room_list:  # it may filter the rooms
            return True
        return (self.focused is not self.pane.timeline or self.pane.selects) and key in self.active_bindings

    def action_help(self, about: str = "") -> None:
        """Show help about the focused widget, or about a command or a topic."""
        if about:
            self.pane.interaction.push(command_page(about))
        else:
            self.pane.interaction.push(HelpScreen(self, self.client.connection.status))

    def action_rooms(self) -> None:
        """Focus the list of rooms, or go back."""
        if self.room_list.has_focus:
            self.action_write()
        else:
            self.add_class("-rooms")
            self.set_focus(self.room_list)

    def action_room(self, number: int) -> None:
        """Open a room by its number."""
        found = next((room.id for room in self.client.rooms.all if room.number == number), None)
        if found is not None:
            self.remove_class("-rooms")
            self.pane.navigation.go_to(found)

    def action_widen(self, step: int) -> None:
        """Make the list that has the focus wider or narrower."""
        self.panes.widen(self.focused, step)

    def action_search(self) -> None:
        """Open the search."""
        self.pane.results.views.search()

    def action_views(self) -> None:
        """Choose a view."""
        choices = [(command, own(_(words))) for command, words in (*_VIEWS, *REGISTRY.menu)]

        def answered(chosen: str | None) -> None:
            if chosen is not None:
                self.pane.commands.run_soon(f"/{chosen}")

        self.pane.interaction.push(ChooseScreen(own(_("Views"), "bold"), choices, ""), answered)

    def action_topic(self) -> None:
        """Show the topic of the open room, which the heading shortens."""
        self.pane.commands.run_soon("/topic")

    def action_outbox(self) -> None:
        """Show outgoing messages."""
        self.pane.results.views.outbox()

    def action_next_unread(self) -> None:
        """Open the next unread room."""
        self.pane.navigation.open_next_unread()

    def action_mark_read(self) -> None:
        """Mark the open room as read."""
        self.pane.navigation.mark_open_read()

    def action_approve(self) -> None:
        """Compare the code of a device that waits for approval."""
        self.pane.results.devices.ask_about_waiting()

    def action_cancel_file(self) -> None:
        """Cancel the running file transfer."""
        self.pane.results.files.cancel()

    def action_editor(self) -> None:
        """Continue writing in the person's own editor."""
        self.pane.open_editor()

    def action_people(self) -> None:
        """Focus the list of members, or leave it: then it is hidden."""
        shows = not self.member_list.has_focus
        self.remove_class("-rooms")
        self.panes.show_people(shows)
        self.set_focus(self.member_list if shows else self.pane.composer)

    def action_messages(self, step: int) -> None:
        """Focus the messages."""
        self.pane.move_selection(step)

    def action_page(self, step: int) -> None:
        """Scroll the timeline by a page, also while writing."""
        self.pane.scroll_page(step)

    def action_newest(self) -> None:
        """Go to the newest message."""
        self.pane.go_to_newest()

    def action_go_back(self) -> None:
        """Return to the results of a search from a message that was found, or to writing."""
        if not self.pane.results.views.return_to_results():
            self.action_write()

    def action_write(self) -> None:
        """Focus the composer; a list that covers the rest is hidden."""
        self.remove_class("-rooms")
        self.panes.uncover()
        self.pane.timeline.clear_selection()
        self.write()

    def write(self) -> None:
        """Focus the composer."""
        self.pane.composing.focus()

    def action_other_pane(self) -> None:
        """Write in the pane beside this one."""
        self.panes.go_across()

    def _close_thread(self) -> None:
        if self.panes.thread is None:
            raise SetupError(_("No thread is open."), _("t on a message opens its thread."))
        self.panes.close_thread()

    def action_accept_offer(self) -> None:
        """Go where the person asked to, now that it is there."""
        self.pane.interaction.accept_offer()

    async def action_extra(self, name: str) -> None:
        """Do what a key of an extra does."""
        done = _added(name).do(self)
        if done is not None:
            await done

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Let a key of an extra act when the extra says so."""
        if action == "extra":
            key = _added(str(parameters[0]))
            is_there = key.setting is None or settings_of(self).value(key.setting) is True
            return is_there and key.when(self)
        return super().check_action(action, parameters)


def _added(name: str) -> Key:
    return next(key for key in REGISTRY.keys if key.id == name)


def with_extras() -> type[ChatScreen]:
    """Return the chat screen with the keys of the extras."""

    class WithKeys(ChatScreen):
        BINDINGS: ClassVar[list[BindingType]] = [
            Binding(key.keys, f"extra({key.id!r})", key.about, show=False, id=key.id) for key in REGISTRY.keys
        ]

    return WithKeys


def _reached(size: int, breakpoints: Sequence[tuple[int, str]]) -> str:
    """Return the class of the greatest breakpoint that is not above ``size``."""
    return max(reached for reached in breakpoints if reached[0] <= size)[1]
