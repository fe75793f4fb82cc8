"""The chat screen: rooms, timeline, composer, people, status; laid out here and filled by its parts.

It knows the client by its interface and its widgets by their messages. It never handles a stranger's text
itself. ``ParlourApp`` pushes it when there is an account.
"""

import time
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical

from parlour_client.core.interface import ChatClient
from parlour_client.core.settings import Settings
from parlour_client.ui.app_settings import Preferring, settings_of
from parlour_client.ui.chat.app_part import AppPart
from parlour_client.ui.chat.base import REFUSALS
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.drafts import SOON
from parlour_client.ui.chat.member_list import MemberList
from parlour_client.ui.chat.messages_part import Aim
from parlour_client.ui.chat.tour import Tour
from parlour_client.ui.deferred import Deferred
from parlour_client.ui.dialogs.help import help_page
from parlour_client.ui.dialogs.login import LoginScreen
from parlour_client.ui.footer import KeyFooter
from parlour_client.ui.input.completion_list import OfferList
from parlour_client.ui.safe import SafeStatic, lines, own
from parlour_client.ui.terminal.gc_tuning import EVERY_SECONDS, Collector
from parlour_protocol.names import parse_user_name

QUIET: Final = 2.0
"""Seconds without a key after which a dialog may come by itself."""
TYPING_EVERY: Final = 5.0
"""Seconds between two signs that we type."""


class ChatScreen(AppPart):
    """Where one chats."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (64, "-normal"), (110, "-wide")]  # noqa: RUF012 - Textual's declaration
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-high")]  # noqa: RUF012 - Textual's declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", id="chat.help"),
        Binding("f2", "rooms", "Rooms", id="chat.rooms"),
        Binding("f3", "search", "Search", id="chat.search"),
        Binding("f4", "people", "People", id="chat.people"),
        Binding("ctrl+n", "next_unread", "Unread", id="chat.next_unread"),
        Binding("alt+up", "messages(-1)", "Messages", id="chat.messages"),
        Binding("ctrl+p", "app.command_palette", "Palette", id="chat.palette"),
        Binding("f6", "views", "Views", show=False, priority=True, id="chat.views"),
        Binding("f7", "outbox", "Outbox", show=False, priority=True, id="chat.outbox"),
        Binding("alt+r", "mark_read", "Mark this room read", show=False, id="chat.mark_read"),
        Binding("alt+down", "messages(1)", "Next message", show=False, id="chat.messages_down"),
        Binding("pageup", "page(-1)", "Page up", show=False, priority=True, id="chat.page_up"),
        Binding("pagedown", "page(1)", "Page down", show=False, priority=True, id="chat.page_down"),
        Binding("ctrl+end", "newest", "Newest", show=False, priority=True, id="chat.newest"),
        Binding("escape", "write", "Write", show=False, id="chat.write"),
        Binding("f8", "tour_next", "Next step of the tour", show=False, id="chat.tour_next"),
        Binding("f9", "tour_end", "End the tour", show=False, id="chat.tour_end"),
    ]

    def __init__(self, client: ChatClient, tour: Sequence[str] = ()) -> None:
        super().__init__(client)
        offers = OfferList()
        self.composer = Composer(offers, id="composer")
        self._offers = offers
        self._tour = Tour(tour)
        self._unsubscribe: Callable[[], None] | None = None
        self._typed_at = 0.0
        self._collector = Collector()
        self._login = Deferred(self, self._log_in_again)
        self._wrote_at = -QUIET
        self._draft_save = Deferred(self, self._save_draft)

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Horizontal(id="panes"):
            yield self.room_list
            with Vertical(id="main"):
                yield SafeStatic(own("Parlour", "bold"), id="heading")
                yield SafeStatic(id="lock")
                yield SafeStatic(id="alarm")
                yield self._tour
                yield self.timeline
                yield SafeStatic(_EMPTY, id="empty")
                yield SafeStatic(id="pill")
                yield self._offers
                yield self.hint
                yield self.composer
            yield self.member_list
        yield self.status_line
        yield KeyFooter()

    def on_mount(self) -> None:
        """Follow the client."""
        self.query_one("#pill").display = False
        self._unsubscribe = self.client.subscribe(self.on_change)
        self._collector.start()
        self.set_interval(EVERY_SECONDS, self._collector.rest)
        self.watch(self.app, "settings", self._obey_settings, init=False)
        self.status_line.tell(self.client.status, self.client.account)
        self.login_soon()
        self.composer.focus()
        self.open_last()

    def on_unmount(self) -> None:
        """Follow no more."""
        self._login.cancel()
        self._collector.stop()
        if self._unsubscribe is not None:
            self._unsubscribe()

    def _obey_settings(self, settings: Settings) -> None:
        self.timeline.dress(settings.timestamps)

    # --- writing

    @on(Composer.Sent)
    def _sent(self, event: Composer.Sent) -> None:
        self.hint.forget()
        self.ask(lambda: self._do_written(event.text, event.aim), group="send")
        if self.client.status.session_ended and not event.text.startswith("/"):
            self.say("Kept until you log in again: /login")
        self._typed_at = 0.0

    async def _do_written(self, text: str, aim: object) -> None:
        aim = aim if isinstance(aim, Aim) else self.aim
        room = aim.room
        self.composer.remember(text)
        try:
            await self.do_line(text, aim)
        except REFUSALS:
            if room is None or self.current == room:
                self.composer.bring_back(text)
            else:  # another one was opened meanwhile: it waits where it was written
                draft = await self.client.draft(room)
                await self.client.save_draft(room, f"{text}\n{draft}" if draft else text)
            raise

    @on(Composer.Wrote)
    def _wrote(self, event: Composer.Wrote) -> None:
        self._wrote_at = time.monotonic()
        self._collector.typed()
        self.hint.warn(event.warning)
        if self.drafts.typed(self.composer.text):  # of now, not of the event's time
            self._draft_save.schedule(SOON)
        room, now = self.current, time.monotonic()
        if (
            settings_of(self).typing
            and room is not None
            and event.text
            and now - self._typed_at > TYPING_EVERY
        ):
            self._typed_at = now
            self.ask(lambda: self.client.typing(room, on=True), group="typing")

    def login_soon(self) -> None:
        """Ask for the password as soon as nothing else is being typed."""
        self._login.schedule(0)

    def _log_in_again(self) -> None:
        """Show the dialog, but not under the hands of somebody who writes: keys would be a password."""
        if not self.client.status.session_ended:
            return
        quiet = time.monotonic() - self._wrote_at
        if not self.is_current or (isinstance(self.app, Preferring) and self.app.away):
            self._login.schedule(QUIET)
        elif quiet < QUIET:
            self._login.schedule(QUIET - quiet)
        else:
            self.push(LoginScreen(self.client))

    def _save_draft(self) -> None:
        self.ask(self.drafts.save, group="draft")

    @on(MemberList.OptionSelected, "#members")
    def _person(self, event: MemberList.OptionSelected) -> None:
        user = (event.option_id or "").removeprefix("user:")
        if user:
            self.ask(lambda: self.show_person(parse_user_name(user)))

    @on(events.AppFocus)
    def _focus_came(self) -> None:
        self.read_now()

    def command(self, text: str) -> None:
        """Do a slash command, as the palette gives it."""
        self.ask(lambda: self.do_line(text))

    # --- keys

    @property
    def selects(self) -> bool:
        """Whether keys act on the selected message; the status line says so."""
        return self.focused is self.timeline and self.timeline.selected is not None

    def give_to_composer(self, event: events.Key | events.Paste) -> None:
        """Let the composer have what is typed, first letter included, unless it is a command somewhere.

        That is so among messages, rooms and people, where one goes by the keyboard. A letter that is none
        there, and any paste, is text. Called before the event goes to what has the focus: so what is typed
        fast stays in order.
        """
        if self.focused is self.composer or not self.composer.display:
            return
        if isinstance(event, events.Key) and (not event.is_printable or self._is_command(event.key)):
            return
        self.action_write()

    def _is_command(self, key: str) -> bool:
        if settings_of(self).vim or self.focused is self.room_list:  # normal mode; the filter of the rooms
            return True
        return (self.focused is not self.timeline or self.selects) and key in self.active_bindings

    def action_help(self) -> None:
        """Tell about what has the focus."""
        self.push(help_page(self))

    def action_rooms(self) -> None:
        """Go to the list of rooms, or back."""
        if self.room_list.has_focus:
            self.action_write()
        else:
            self.add_class("-rooms")
            self.set_focus(self.room_list)

    def action_search(self) -> None:
        """Open the search."""
        self.search()

    def action_people(self) -> None:
        """Go to the list of who is here, or away from it: then it is hidden."""
        shows = not self.member_list.has_focus
        self.set_class(shows, "-people")
        self.set_class(not shows, "-hide-people")
        if shows:
            self.set_focus(self.member_list)
        else:
            self.write()

    def action_messages(self, step: int) -> None:
        """Go among the messages."""
        self.set_focus(self.timeline)
        self.timeline.move_selection(step)
        if self.timeline.selected is None:
            self.write()

    def action_page(self, step: int) -> None:
        """Scroll the timeline by a page, also while writing."""
        self.timeline.scroll_relative(y=step * max(1, self.timeline.size.height - 2), animate=False)

    def action_newest(self) -> None:
        """Go to the newest message."""
        self.timeline.clear_selection()
        self.timeline.follow()
        self.write()

    def action_write(self) -> None:
        """Go back to writing; a list that covers the rest is put away."""
        self.remove_class("-rooms")
        if self.has_class("-narrow"):
            self.remove_class("-people")
        self.timeline.clear_selection()
        self.write()

    def action_tour_next(self) -> None:
        """Go on in the tour."""
        self._tour.next()

    def action_tour_end(self) -> None:
        """End the tour."""
        self._tour.end()


_EMPTY: Final = lines(
    own("No room is open.", "bold"),
    own("/rooms shows the public rooms of this server, /create NAME makes one,"),
    own("/dm PERSON writes to somebody. F1 helps."),
)
