"""The keys of the timeline: each is an action on the selected message. Every binding has an id."""

from enum import Enum, auto
from typing import Final

from textual.binding import Binding

from parlour_client.kit.language import N_


class MessageAction(Enum):
    """An action on a message."""

    REPLY = auto()
    REACT = auto()
    EDIT = auto()
    DELETE = auto()
    INSPECT = auto()
    COPY = auto()
    COPY_CODE = auto()
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
    LINKS = auto()
    REPORT = auto()


BINDINGS: Final = (
    Binding("up,k", "move(-1)", N_("Up"), show=False, id="timeline.up"),
    Binding("down,j", "move(1)", N_("Down"), show=False, id="timeline.down"),
    Binding("r", "act('REPLY')", N_("Reply"), id="timeline.reply"),
    Binding("plus", "act('REACT')", N_("React"), key_display="+", id="timeline.react"),
    Binding("e", "act('EDIT')", N_("Edit"), id="timeline.edit"),
    Binding("d", "act('DELETE')", N_("Delete"), id="timeline.delete"),
    Binding("i", "act('INSPECT')", N_("Inspect"), id="timeline.inspect"),
    Binding("y", "act('COPY')", N_("Copy"), id="timeline.copy"),
    Binding("V", "range", N_("Select several"), key_display="V", show=False, id="timeline.range"),
    Binding("c", "act('COPY_CODE')", N_("Copy code"), show=False, id="timeline.copy_code"),
    Binding("m", "markers", N_("Markers"), show=False, id="timeline.markers"),
    Binding("p", "act('PARENT')", N_("Go to the replied message"), show=False, id="timeline.parent"),
    Binding("s", "act('RETRY')", N_("Send again"), show=False, id="timeline.retry"),
    Binding("x", "act('CANCEL')", N_("Cancel"), show=False, id="timeline.cancel"),
    Binding("u", "act('UNREAD')", N_("Mark unread from here"), show=False, id="timeline.unread"),
    Binding("t", "act('THREAD')", N_("Thread"), id="timeline.thread"),
    Binding("asterisk", "act('STAR')", N_("Star"), key_display="*", show=False, id="timeline.star"),
    Binding("P", "act('PIN')", N_("Pin"), key_display="P", show=False, id="timeline.pin"),
    Binding("h", "act('HISTORY')", N_("Edit history"), show=False, id="timeline.history"),
    Binding("w", "act('PERSON')", N_("Author"), show=False, id="timeline.person"),
    Binding("f", "act('SAVE')", N_("Save the file"), show=False, id="timeline.save"),
    Binding("o", "act('LINKS')", N_("Links"), show=False, id="timeline.links"),
    Binding(
        "exclamation_mark", "act('REPORT')", N_("Report"), key_display="!", show=False, id="timeline.report"
    ),
    Binding("enter,space", "open", N_("Expand or collapse"), show=False, id="timeline.open"),
    Binding("end,G", "newest", N_("Newest"), show=False, id="timeline.newest"),
)
