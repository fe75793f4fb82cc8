"""The tour: a small panel that shows one step at a time, and goes on when the person has done it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import zip_longest
from typing import Any, Final

from textual.content import Content
from textual.geometry import Size
from textual.screen import Screen

from parlour_client.core import events as changes
from parlour_client.core.model import Entry
from parlour_client.kit.language import _
from parlour_client.kit.widgets.safe import SafeStatic, join, lines, own
from parlour_client.ui.app_settings import SettingsApp, settings_of
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.chat.search import SearchScreen
from parlour_client.ui.dialogs.page import Page
from parlour_protocol.frames.bodies import Message
from parlour_protocol.rooms import RoomKind


class Action(Enum):
    """Something that a step asks for."""

    WRITE = auto()
    REPLY = auto()
    REACT = auto()
    SEARCH = auto()
    OPEN_PAGE = auto()
    WRITE_DIRECTLY = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """A task and the test that it is done; None: only F8 goes on."""

    words: str
    until: Action | None = None
    layouts: bool = False
    """It shows both layouts of messages, and the person chooses one."""


_COMPACT: Final = (" 07:31 ben   ├ {done}", " 07:33 cora  ├ {thanks}")
_COSY: Final = (" ben  07:31", " ├ {done}", " cora  07:33", " ├ {thanks}")
_COLUMN: Final = 36
_LEAST: Final = Size(2 * _COLUMN, 20)
"""A smaller terminal has no room for both: the narrow ones are cosy anyway."""


class Tour(SafeStatic):
    """One step of the tour; hidden after the last one."""

    DEFAULT_CSS = """
    Tour { height: auto; padding: 0 1; background: $panel; }
    """

    def __init__(self, chat: ChatScreen, steps: Sequence[Step]) -> None:
        super().__init__()
        self._chat, self._client = chat, chat.client
        self._steps = steps
        self._at = 0
        self._unsubscribe: Callable[[], None] | None = None
        self._update()

    def on_mount(self) -> None:
        """Follow what the person does."""
        self._unsubscribe = self._client.events.subscribe(self._changed)
        self._chat.covered.subscribe(self, self._opened)

    def on_unmount(self) -> None:
        """Stop following."""
        if self._unsubscribe is not None:
            self._unsubscribe()

    def next(self) -> None:
        """Show the next step, or end."""
        self._at += 1
        self._update()

    def end(self) -> None:
        """Hide it."""
        self._at = len(self._steps)
        self._update()

    def _changed(self, change: changes.Change) -> None:
        """Go on if this is what the step waits for."""
        me = self._client.account.user
        match change:
            case changes.EntryAdded(entry=entry) if entry.author == me and isinstance(entry.body, Message):
                self._done(*self._actions(entry))
            case changes.EntryChanged(entry=entry) if any(
                me in reaction.users for reaction in entry.reactions
            ):
                self._done(Action.REACT)
            case _:
                pass

    def _opened(self, screen: Screen[Any]) -> None:
        """Go on if this screen is what the step waits for."""
        if isinstance(screen, SearchScreen):
            self._done(Action.SEARCH)
        elif isinstance(screen, Page):
            self._done(Action.OPEN_PAGE)

    def _done(self, *actions: Action) -> None:
        if self._at < len(self._steps) and self._steps[self._at].until in actions:
            self.next()

    def _update(self) -> None:
        self.display = self._at < len(self._steps)
        if self.display:
            place = _("Tour {number} of {count}").format(number=self._at + 1, count=len(self._steps))
            last = self._at + 1 == len(self._steps)
            keys = _("F8 ends the tour") if last else _("F8 skip · F9 leave the tour")
            words = own(_(self._steps[self._at].words))
            rows = [join(own(f"{place}  ", "bold"), words, own(f"  {keys}", "dim"))]
            if self._steps[self._at].layouts:
                rows += _side_by_side(settings_of(self).message_layout)
            self.show(lines(*rows))

    def switch_layout(self) -> None:
        """Show the messages in the other layout, while the step is about it."""
        if self.display and self._steps[self._at].layouts and isinstance(self.app, SettingsApp):
            other = "cosy" if self.app.settings.message_layout == "compact" else "compact"
            self.app.set_setting("message_layout", other)
            self._update()

    def _actions(self, entry: Entry) -> set[Action]:
        actions = {Action.WRITE}
        if isinstance(entry.body, Message) and entry.body.reply_to is not None:
            actions.add(Action.REPLY)
        room = self._client.rooms.get(entry.room)
        if room is not None and room.kind is RoomKind.DIRECT:
            actions.add(Action.WRITE_DIRECTLY)
        return actions


def _side_by_side(chosen: str) -> list[Content]:
    """Return a few messages in both layouts, with the selection before the chosen one."""
    said = {"done": _("The tap is done."), "thanks": _("Thank you!")}
    columns = []
    for name, sample in (("compact", _COMPACT), ("cosy", _COSY)):
        title = own(f"{'>' if name == chosen else ' '} {name}", "bold" if name == chosen else "")
        columns.append([title, *(own(f" {row.format(**said)}") for row in sample)])
    return [
        join(left, own(" " * (_COLUMN - left.cell_length)), right)
        for left, right in zip_longest(*columns, fillvalue=own(""))
    ]


def show(screen: Screen[Any], steps: Sequence[Step]) -> None:
    """Show a tour above the room."""
    assert isinstance(screen, ChatScreen)  # noqa: S101 - a tour is shown nowhere else
    if screen.size.width < _LEAST.width or screen.size.height < _LEAST.height:
        steps = [step for step in steps if not step.layouts]
    _done = screen.pane.mount(Tour(screen, steps), after=screen.pane.header)
