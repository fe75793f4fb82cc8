"""The monitor: the newest messages of all rooms in one stream, in the order in which they arrived.

It reads the client's archive again when something changed, so it keeps only what it shows. Muted rooms and
ignored people are left out; encrypted rooms are in it. Nothing is marked as read, not even by Enter, which
goes to the marked message. A stranger's text is on one line, after our words.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import OptionList

from parlour_client.core import events as changes
from parlour_client.core.client import Client
from parlour_client.core.model import Entry, Room, display_name
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.questions import Choices
from parlour_client.kit.widgets.safe import SafeStatic, error_content, join, option, own, peer_line
from parlour_client.text.date_text import clock, day, day_number
from parlour_client.ui.chat.deferred import Deferred
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.dialogs.message_list import text_of
from parlour_protocol.ids import RoomId

STREAM: Final = 200
"""Messages in the stream."""
EVERY: Final = 0.25
"""Seconds after a change until the stream is read again, however many changes come."""
_SHOWN_BY = (
    changes.CountsChanged,
    changes.EntryAdded,
    changes.EntryChanged,
    changes.EntryRemoved,
    changes.HistoryChanged,
    changes.HistoryReplaced,
    changes.IgnoredChanged,
    changes.RoomForgotten,
    changes.RoomsChanged,
)


class MonitorScreen(Overlay[Entry | None]):
    """The stream; the mark stays on its message, or follows the newest one."""

    HELP: ClassVar[str | None] = N_(
        "The newest messages of all your rooms, as they arrive; silenced rooms and people you ignore are\n"
        "left out. A dot marks what you have not read; nothing here marks anything as read. Enter goes to\n"
        "the message, End follows the newest one again, Esc closes."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", N_("Leave"), id="monitor.leave")]

    def __init__(self, client: Client) -> None:
        super().__init__(classes="page")
        self._client = client
        self._entries: Sequence[Entry] = ()
        self._read = Deferred(self, self._read_again)
        self._unsubscribe: Callable[[], None] | None = None

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Vertical(classes="box"):
            yield SafeStatic(
                own(_("All rooms, newest last. Nothing here is marked as read."), "bold"), id="found"
            )
            yield Choices()
        keys = _("Esc: close · Enter: go to the message · End: follow the newest")
        yield SafeStatic(own(keys, "dim"), classes="keys")

    def on_mount(self) -> None:
        """Show the stream, and follow it."""
        self.query_one(Choices).focus()
        self._unsubscribe = self._client.events.subscribe(self._changed, *_SHOWN_BY)
        self._read.schedule(0)

    def on_unmount(self) -> None:
        """Stop listening."""
        self._read.cancel()
        if self._unsubscribe is not None:
            self._unsubscribe()

    def _changed(self, _change: changes.Change) -> None:
        self._read.schedule(EVERY)

    async def _read_again(self) -> None:
        rooms = {room.id: room for room in self._client.rooms.all if not (room.muted or room.request)}
        try:
            entries = await self._client.history.newest(list(rooms), STREAM)
        except ParlourClientError as error:
            self.query_one("#found", SafeStatic).show(error_content(error))
            return
        self._show([entry for entry in entries if entry.room in rooms], rooms)

    def _show(self, entries: Sequence[Entry], rooms: Mapping[RoomId, Room]) -> None:
        if entries == self._entries:
            return
        choices = self.query_one(Choices)
        at = choices.highlighted
        marked = self._entries[at] if at is not None and at < len(self._entries) else None
        follows = marked is None or at == len(self._entries) - 1
        self._entries = entries
        choices.set_options(
            [
                option(_row(entry, rooms[entry.room], before, new=self._is_new(entry, rooms[entry.room])))
                for before, entry in _with_previous(entries)
            ]
        )
        if not entries:
            choices.set_options([option(own(_("No messages yet"), "dim"), disabled=True)])
            return
        places = {(entry.room, entry.seq): place for place, entry in enumerate(entries)}
        newest = len(entries) - 1
        stays = places.get((marked.room, marked.seq), 0) if marked is not None else newest
        choices.highlighted = newest if follows else stays

    def _is_new(self, entry: Entry, room: Room) -> bool:
        by_others = entry.author != self._client.account.user
        return by_others and entry.seq is not None and entry.seq > room.read

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Close with the message."""
        _ignored = self.dismiss(self._entries[event.option_index])


def open_monitor(screen: Screen[Any]) -> None:
    """Open it over the chat."""
    assert isinstance(screen, ChatScreen)  # noqa: S101 - it is a command of the chat
    screen.pane.interaction.push(MonitorScreen(screen.client), screen.pane.results.views.go)


def _with_previous(entries: Sequence[Entry]) -> Sequence[tuple[Entry | None, Entry]]:
    return list(zip((None, *entries), entries, strict=False))


def _row(entry: Entry, room: Room, before: Entry | None, *, new: bool) -> Content:
    """Return a message on one line; the first one of a day has a line with the day above."""
    title = room.title if room.peer is not None else f"#{room.title}"
    row = join(
        own("• " if new else "  ", "bold $accent"),
        own(f"{clock(entry.at)} ", "dim"),
        peer_line(title, style="bold" if new else "dim"),
        own("  "),
        peer_line(display_name(entry.author), style="bold"),
        own("  "),
        text_of(entry),
    )
    if before is not None and day_number(before.at) == day_number(entry.at):
        return row
    return join(own(f"  {day(entry.at)}\n", "dim"), row)
