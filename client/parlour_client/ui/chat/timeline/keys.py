"""The keys of the timeline: each is an action on the selected message, posted for the screen to do.

Nothing is done here; an action without a selected message selects the newest one first. Every binding has an
id, so that a key map can change it. ``Timeline`` inherits it.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.scroll_view import ScrollView

from parlour_client.core.model import Entry


class Wish(Enum):
    """What a person can do with a message."""

    REPLY = auto()
    REACT = auto()
    EDIT = auto()
    DELETE = auto()
    INSPECT = auto()
    COPY = auto()
    PARENT = auto()
    RETRY = auto()
    CANCEL = auto()
    UNREAD = auto()
    THREAD = auto()
    STAR = auto()
    PIN = auto()
    HISTORY = auto()
    PERSON = auto()
    SAVE = auto()


class TimelineKeys(ScrollView):
    """Bindings and the message that they post."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="timeline.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="timeline.down"),
        Binding("r", "wish('REPLY')", "Reply", id="timeline.reply"),
        Binding("plus", "wish('REACT')", "React", key_display="+", id="timeline.react"),
        Binding("e", "wish('EDIT')", "Edit", id="timeline.edit"),
        Binding("d", "wish('DELETE')", "Delete", id="timeline.delete"),
        Binding("i", "wish('INSPECT')", "Inspect", id="timeline.inspect"),
        Binding("y", "wish('COPY')", "Copy", id="timeline.copy"),
        Binding("p", "wish('PARENT')", "Go to what it answers", show=False, id="timeline.parent"),
        Binding("s", "wish('RETRY')", "Send again", show=False, id="timeline.retry"),
        Binding("x", "wish('CANCEL')", "Take back", show=False, id="timeline.cancel"),
        Binding("u", "wish('UNREAD')", "Mark unread from here", show=False, id="timeline.unread"),
        Binding("t", "wish('THREAD')", "Thread", id="timeline.thread"),
        Binding("asterisk", "wish('STAR')", "Star", key_display="*", show=False, id="timeline.star"),
        Binding("P", "wish('PIN')", "Pin", key_display="P", show=False, id="timeline.pin"),
        Binding("h", "wish('HISTORY')", "Earlier texts", show=False, id="timeline.history"),
        Binding("w", "wish('PERSON')", "Who wrote it", show=False, id="timeline.person"),
        Binding("f", "wish('SAVE')", "Save its file", show=False, id="timeline.save"),
        Binding("enter,space", "open", "Open or fold", show=False, id="timeline.open"),
        Binding("end,G", "newest", "Newest", show=False, id="timeline.newest"),
    ]

    @dataclass
    class Action(Message):
        """Do this with that message."""

        wish: Wish
        entry: Entry

    @property
    def selected(self) -> Entry | None:
        """The selected entry."""
        raise NotImplementedError

    def move_selection(self, step: int) -> None:
        """Select above or below."""
        raise NotImplementedError

    def clear_selection(self) -> None:
        """Select nothing."""
        raise NotImplementedError

    def open_or_fold(self) -> None:
        """Show a long message whole, or fold it."""
        raise NotImplementedError

    def follow(self) -> None:
        """Go to the newest."""
        raise NotImplementedError

    def action_move(self, step: int) -> None:
        """Move the block cursor."""
        self.move_selection(step)

    def action_open(self) -> None:
        """Open or fold."""
        self.open_or_fold()

    def action_newest(self) -> None:
        """Leave the selection and follow the newest message."""
        self.clear_selection()
        self.follow()

    def action_wish(self, name: str) -> None:
        """Ask the screen to do something with the selected message."""
        if self.selected is None:
            self.move_selection(-1)
        elif (entry := self.selected) is not None:
            self.post_message(self.Action(Wish[name], entry))
