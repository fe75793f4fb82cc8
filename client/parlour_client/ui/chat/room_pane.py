"""One room on the screen, or one of its threads: heading, timeline, composer, and their controllers.

A pane is complete in itself, so that the screen can hold two of them side by side. It never handles a
stranger's text. The lists at the sides of the screen belong to the pane in front. The pane of a thread stands
beside that of its room, which is what commands about the room as a whole act on.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Final, assert_never

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from parlour_client.commands.command import View
from parlour_client.core import events as changes
from parlour_client.core.client import Client
from parlour_client.core.model import Thread
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.language import _
from parlour_client.kit.widgets.backdrop import same_rows
from parlour_client.kit.widgets.safe import filled, own, peer_line
from parlour_client.ui.chat.composer import Composer
from parlour_client.ui.chat.composer_controller import ComposerController
from parlour_client.ui.chat.current_room import CurrentRoom
from parlour_client.ui.chat.encryption.status import EncryptionStatus
from parlour_client.ui.chat.first_steps import COPY, GO, FirstSteps, step_of
from parlour_client.ui.chat.header import RoomHeader
from parlour_client.ui.chat.hint_line import HintLine
from parlour_client.ui.chat.interaction import Interaction
from parlour_client.ui.chat.member_list import MemberList, MembersController
from parlour_client.ui.chat.navigation import Navigation
from parlour_client.ui.chat.painting import QuickPaint
from parlour_client.ui.chat.pane import Around, Pane
from parlour_client.ui.chat.room_list import RoomList
from parlour_client.ui.chat.room_view import RoomView
from parlour_client.ui.chat.status_line import StatusLine
from parlour_client.ui.chat.thread import ThreadTitle
from parlour_client.ui.chat.timeline import Timeline
from parlour_client.ui.chat.timeline.keys import MessageAction
from parlour_client.ui.chat.timeline_controller import TimelineController
from parlour_client.ui.input.completion_list import OfferList
from parlour_client.ui.input.keymap import written
from parlour_client.ui.registry import REGISTRY
from parlour_client.ui.toasts import Toast
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.text import safe_text

if TYPE_CHECKING:
    from parlour_client.ui.chat.message_actions import MessageActions
    from parlour_client.ui.chat.results import ResultViews
    from parlour_client.ui.chat.slash_commands import Action, SlashCommands

_OTHER_PANE: Final = ("chat.other_pane", "alt+w")


class RoomPane(Vertical):
    """A room or a thread, and where one writes in it."""

    def __init__(
        self,
        screen: Screen[None],
        client: Client,
        room_list: RoomList,
        member_list: MemberList,
        status_line: StatusLine,
        lend_terminal: Callable[[], AbstractContextManager[None]],
        around: Around,
        views: "Mapping[View, Action]",
        beside: "RoomPane | None" = None,
        thread: Seq | None = None,
    ) -> None:
        """Take the screen's lists, status line, ``around`` and ``views``.

        With ``thread`` it shows the thread of this message of the room that the pane ``beside`` shows.
        """
        super().__init__(classes="room" if beside is None else "room -thread")
        self.client = client
        self.beside = beside
        self._lend_terminal = lend_terminal
        offers = OfferList()
        self.composer = Composer(offers, id="composer")
        self.timeline = Timeline(id="timeline")
        self.hint = HintLine()
        self.header = RoomHeader()
        self._offers = offers
        self._empty = FirstSteps()

        self._thread_title = ThreadTitle() if beside is not None else None
        self.current = CurrentRoom(client, thread)
        self.interaction = Interaction(self, self.hint)
        pane = Pane(
            widget=self,
            client=client,
            current=self.current,
            interaction=self.interaction,
            header=self.header,
            steps=self._empty,
            timeline=self.timeline,
            composer=self.composer,
            hint=self.hint,
            room_list=room_list,
            member_list=member_list,
            status_line=status_line,
            around=around,
        )
        self.history = TimelineController(pane)
        self.composing: ComposerController = ComposerController(
            pane,
            self.history,
            lambda text, aim: self.commands.run(text, aim),  # noqa: PLW0108 - made with the first command
            beside.composing if beside is not None else None,
        )
        self.members = MembersController(pane)
        self.encryption = EncryptionStatus(pane)
        of_room = beside.view if beside is not None else None
        self.view: RoomView = RoomView(
            pane, self.composing, self.history, self.members, self.encryption, of_room
        )
        there = beside.navigation if beside is not None else None
        self.navigation: Navigation = Navigation(
            pane, self.composing, self.history, self.members, self.view, there
        )
        self._parts, self._screen_views = pane, views
        self.painter = QuickPaint(screen, self.composer)

    # --- what only a command or a key makes: the first frame needs none of its twenty modules

    @cached_property
    def results(self) -> "ResultViews":
        """The pages and dialogs of results."""
        from parlour_client.ui.chat.encryption.prompts import EncryptionPrompts  # noqa: PLC0415 - as above
        from parlour_client.ui.chat.results import ResultViews  # noqa: PLC0415

        prompts = EncryptionPrompts(self._parts, self.encryption)
        return ResultViews(
            self._parts, self.history, self.composing, self.navigation, prompts, self.open_thread
        )

    @cached_property
    def commands(self) -> "SlashCommands":
        """The commands that can be given in this pane."""
        from parlour_client.ui.chat.slash_commands import SlashCommands  # noqa: PLC0415 - as above

        views: dict[View, Action] = {
            View.EDITOR: lambda _: self.open_editor(),
            View.SORT: lambda given: self.navigation.set_order(given["order"]),
            **self._screen_views,
        }
        return SlashCommands(self._parts, self.composing, self.navigation, self.results, views)

    @cached_property
    def actions(self) -> "MessageActions":
        """The actions on a message."""
        from parlour_client.ui.chat.message_actions import MessageActions  # noqa: PLC0415 - as above

        return MessageActions(self._parts, self.composing, self.navigation, self.commands, self.results.links)

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        if self._thread_title is not None:
            yield self._thread_title
        yield self.header
        yield self.timeline
        yield self._empty
        yield self._offers
        yield self.hint
        yield self.composer

    def on_mount(self) -> None:
        """Tell the extras."""
        if self.beside is not None:
            self._empty.display = False
        for shown in REGISTRY.panes:
            shown(self)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw what is behind the widgets."""
        return same_rows(self, super().render_lines, crop)

    # --- a thread

    def begin_thread(self, room: RoomId) -> None:
        """Begin to show the thread."""
        self.history.thread_found = self._found
        self.interaction.run(self.navigation.begin(room), group="open")

    def _found(self, thread: Thread) -> None:
        self.composing.thread_is(thread.root)
        self._show_title()

    def _show_title(self) -> None:
        if self._thread_title is None:
            return
        entries = self.timeline.entries
        first = next((entry for entry in entries if entry.seq == self.current.thread), None)
        self._thread_title.show_thread(first, len(entries))

    def has(self, seq: Seq) -> bool:
        """Say whether a message is shown here."""
        return seq == self.current.thread or self.timeline.has(seq)

    def has_draft(self, room: RoomId, thread: Seq | None) -> bool:
        """Say whether the draft of a room, or of the thread of a message, is in the composer here."""
        is_place = self.beside is None if thread is None else self.beside is not None and self.has(thread)
        return is_place and self.composing.drafts.room == room

    async def open_thread(self, message: Seq) -> None:
        """Show the thread of a message beside this pane, and write there."""
        if self.beside is not None and self.has(message):
            self.composing.focus()
        else:
            await self._parts.around.open_thread(self.current, message)

    def show_across(self, other: "RoomPane | None") -> None:
        """Say how to go to the pane beside this one, which has the keys if there is an ``other``."""
        room = self.current.room
        words = None
        if self._thread_title is not None:
            self._thread_title.in_front(on=other is not None)
            if other is not None and room is not None:
                key = own(written(self, *_OTHER_PANE))
                words = filled(_("{key}: back to {room}"), key=key, room=peer_line(room.signed_title))
        elif other is not None and other.beside is self and not other.has_class("-fits"):
            words = own(_("{key}: back to the thread").format(key=written(self, *_OTHER_PANE)))
        self.hint.across(words)

    def focus_again(self, before: Widget | None) -> None:
        """Give the keys back to this pane: to its selected message if that had them ``before``."""
        if before is self.timeline and self.timeline.selected is not None:
            self.screen.set_focus(self.timeline)
        else:
            self.composing.focus()

    # --- changes from the client

    def on_change(self, change: changes.Change) -> None:
        """Show a change."""
        self._show_change(change)
        if self.beside is not None and isinstance(
            change, changes.EntryAdded | changes.EntryChanged | changes.EntryRemoved
        ):
            self._show_title()

    def _show_change(self, change: changes.Change) -> None:  # noqa: C901, PLR0912 - one case each
        match change:
            case changes.EntryAdded(entry=entry) | changes.EntryChanged(entry=entry):
                if entry.room == self.current.id:
                    self.history.show(entry)
                    if entry.text is None:  # someone joined, left or has another role
                        self.members.reload()
                        self.view.rooms_changed_soon()  # it may say why this room was lost
                elif entry.text is None and isinstance(change, changes.EntryAdded):
                    self.view.happened_elsewhere(entry)
            case changes.RoomsChanged() | changes.InvitationsChanged():
                self.view.rooms_changed_soon()
            case changes.CountsChanged():
                self.view.counts_changed_soon()
            case changes.IgnoredChanged():
                self.timeline.ignore(self.client.people.ignored)
            case changes.StatusChanged(status=status):
                self._link_changed(status)
            case changes.PresenceChanged():
                self.members.reload()
            case changes.EncryptionChanged():
                self.encryption.changed()
                self.members.show_trust()
            case changes.RoomDeletion(room=room, title=title, by=by):
                self.view.room_deleted(room, title, by)
            case changes.NoticesChanged():
                pass  # the screen tells those who show them
            case _:
                if change.room == self.current.id:
                    self._changed_here(change.room, change)

    def _changed_here(self, room: RoomId, change: changes.RoomChange) -> None:
        """Apply a change of the open room."""
        match change:
            case changes.EntryRemoved(request=request):
                self.history.remove_unsent(request)
            case changes.HistoryChanged():
                self.history.renew()
            case changes.RoomForgotten() | changes.HistoryReplaced():
                self.interaction.run(lambda: self.view.reload(room), group="renew")
            case changes.HistoryWithheld(words=words) | changes.TextInspected(words=words):
                self.interaction.say(words)
            case changes.ReceiptsChanged():
                self.history.show_receipts(room)
            case changes.TypingChanged(users=users):
                self.hint.typing(users if self.beside is None else ())
            case _:
                assert_never(change)

    def _link_changed(self, status: ConnectionStatus) -> None:
        if status.state is LinkState.ONLINE:
            self.timeline.retry_holes()
            self.members.is_missing = True
            room = self.current.id
            if self.history.failed and room is not None:
                self.interaction.run(lambda: self.view.reload(room), group="renew")

    # --- messages from the widgets

    @on(Composer.Sent)
    def _sent(self, event: Composer.Sent) -> None:
        self.composing.sent(event.text, event.aim)

    @on(Composer.Wrote)
    def _wrote(self, event: Composer.Wrote) -> None:
        self.composing.wrote(event.text, event.warning)

    @on(Composer.GaveUp)
    def _gave_up(self) -> None:
        if self.beside is not None:
            if not self.composing.give_up():
                self._parts.around.leave_thread(self.current)
        elif self.current.lost is not None:
            self.screen.set_focus(self._empty)
        else:
            self.composing.give_up()

    @on(Composer.Rested)
    def _rested(self) -> None:
        _stayed = self.composing.stay()
        self.screen.set_focus(self.timeline)

    @on(Composer.Doubtful)
    def _doubtful(self, event: Composer.Doubtful) -> None:
        self.composing.ask_about(event)

    @on(Composer.EditorWanted)
    def open_editor(self) -> None:
        """Continue writing in the person's own editor."""
        self._open_editor()

    @work(exclusive=True, group="editor")
    async def _open_editor(self) -> None:
        if not self.interaction.is_away:
            try:
                await self.composing.open_editor(self._lend_terminal)
            finally:
                self.view.come_back()

    @on(Timeline.OlderWanted)
    def _load_older(self, event: Timeline.OlderWanted) -> None:
        self.history.load_older(event.before)

    @on(Timeline.HoleInSight)
    def _fill_hole(self, event: Timeline.HoleInSight) -> None:
        self.history.fill_hole(event.hole, downwards=event.downwards)

    @on(Timeline.ReadUpTo)
    def _read(self, event: Timeline.ReadUpTo) -> None:
        self.history.read_up_to(event.seq)

    @on(Timeline.NewBelow)
    def _show_new_below(self, event: Timeline.NewBelow) -> None:
        self.hint.below(event.count)

    @on(HintLine.TooLong)
    def _offer_notice(self, event: HintLine.TooLong) -> None:
        self.interaction.offer_page(event.words)

    @on(FirstSteps.OptionSelected, "#empty")
    def _step_chosen(self, event: FirstSteps.OptionSelected) -> None:
        line = step_of(event.option_id)
        if line == GO:
            self.interaction.run(lambda: self.interaction.app_action("command_palette"))
            return
        self.composing.focus()
        if line == COPY:
            self.interaction.copy(safe_text(self.composer.text))
        elif line.endswith(" ") and not self.composer.text:
            self.composer.exchange(line)
        elif line and not line.endswith(" "):
            self.commands.run_soon(line)

    @on(Timeline.Act)
    async def _act(self, event: Timeline.Act) -> None:
        if event.action is not MessageAction.THREAD:
            self.actions.act(event.action, event.entry, event.others)
        elif (seq := self.timeline.first_known(event.entry).seq) is None:
            self.interaction.toast(Toast.NOT_STORED)
        else:  # the next key is for its composer: it waits until that is there
            await self.open_thread(seq)

    @on(Timeline.RangeBegan)
    def _range_began(self) -> None:
        self.interaction.say(_("Up and Down select more messages, y copies them, Esc leaves."))

    # --- where one can go

    @property
    def selects(self) -> bool:
        """Whether keys act on the selected message."""
        return self.screen.focused is self.timeline and self.timeline.selected is not None

    def move_selection(self, step: int) -> None:
        """Focus the messages, and select the next one; past the last one, go back to writing."""
        self.screen.set_focus(self.timeline)
        self.timeline.move_selection(step)
        if self.timeline.selected is None:
            self.composing.focus()

    def scroll_page(self, step: int) -> None:
        """Scroll the timeline by a page, also while writing."""
        self.timeline.scroll_page(step)

    def go_to_newest(self) -> None:
        """Go to the newest message, to write below it."""
        self.timeline.clear_selection()
        self.history.follow()
        self.composing.focus()
