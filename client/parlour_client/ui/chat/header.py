"""The heading above the timeline: the room and its encryption in one row, and what needs the person.

The state is never cut: it is said more shortly, or takes a row of its own, and rows wrap. What needs the
person stays there until it is dealt with. The topic has a row where there are enough of them.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from parlour_client.core.e2ee.values import RoomEncryption, RoomState
from parlour_client.core.model import Room
from parlour_client.kit.language import _, ngettext
from parlour_client.kit.widgets.safe import SafeStatic, join, own, peer_line
from parlour_client.text.retention_text import retention_short
from parlour_client.ui.input.keymap import written
from parlour_protocol.rooms import RoomKind

_PROBLEMS: Final = {
    RoomState.WAITING: "$warning",
    RoomState.PENDING_DEVICE: "$warning",
    RoomState.CONTESTED: "bold $error",
    RoomState.BLOCKED: "bold $error",
}
"""Colours of states that need the person; whether a room is encrypted is a plain line."""
_HIGH: Final = 30
"""Rows of the terminal from which on the topic has one."""
_MOST_ROWS: Final = 3
"""Rows that a sentence may take before it is said shortly, with the command that shows it."""


class Words(NamedTuple):
    """Something that the heading says."""

    full: Content
    short: Content | None = None
    """The same in fewer words, where the full ones don't fit into the row."""
    instead: Content | None = None
    """What to say where it would take too many rows: the command that shows it."""


class RoomHeader(Vertical):
    """The heading, below it what does not fit there or the topic, and alarms; empty rows are hidden."""

    DEFAULT_CSS = """
    RoomHeader { height: auto; background: $panel; padding: 0 1; }
    RoomHeader SafeStatic { width: 1fr; height: auto; }
    RoomHeader #heading, RoomHeader #topic { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._heading = SafeStatic(own("Parlour", "bold"), id="heading")
        self._about = SafeStatic(id="about")
        self._topic = SafeStatic(id="topic")
        self._alarm = SafeStatic(id="alarm")
        self._room: Room | None = None
        self._needs: Words | None = None
        self._facts: Sequence[Words] = ()
        self._encryption: RoomEncryption | None = None
        self._alarms: Sequence[Words] = ()

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        yield self._heading
        yield self._about
        yield self._topic
        yield self._alarm

    def on_mount(self) -> None:
        """Hide what has nothing to say yet."""
        self._draw()

    def on_resize(self) -> None:
        """Say as much as there is room for."""
        self._draw()

    # --- what it is given

    def show_room(self, room: Room | None, *, peeking: bool) -> None:
        """Show the open room, and notes about it."""
        self._room, self._needs = room, None
        facts: list[Words] = []
        if room is not None:
            if room.trouble:
                self._needs = _needed(_("the server is withholding messages"))
            elif room.request:
                self._needs = _needed(_("wants to chat: /accept /decline /block"))
            if room.archived:
                facts.append(Words(own(_("archived: read only"), "bold $warning")))
            if peeking:
                key = written(self, "chat.mark_read", "alt+r")
                facts.append(Words(own(_("peek: {key} marks read").format(key=key), "bold")))
            if kept := retention_short(room.retention):
                facts.append(Words(own(kept, "dim")))
        self._facts = facts
        self._draw()

    def show_lost(self, room: Room, words: str) -> None:
        """Show a room that this account is no longer in, and why, in our words."""
        self._room, self._facts = room, ()
        self._needs = _needed(f"{words} · {_('read only')}")
        self._draw()

    def show_encryption(self, status: RoomEncryption | None) -> None:
        """Show the room's encryption, even if there is none; None: no room is open."""
        self._encryption = status
        self._draw()

    def show_alarms(self, rows: Sequence[Words]) -> None:
        """Show the alarms."""
        self._alarms = rows
        self._draw()

    # --- drawing

    def _draw(self) -> None:
        cells = self.content_size.width
        if not cells:
            return
        room = self._room
        if room is None:
            self._heading.show(own("Parlour", "bold"))
            below = own("")
        else:
            people = "" if room.kind is RoomKind.DIRECT or self._encryption is None else _people(room.members)
            name = peer_line(room.signed_title, style="bold")
            first, below = heading(name, self._words(), own(people, "dim"), cells)
            self._heading.show(first)
        self._about.display = bool(below)
        self._about.show(below)
        topic = room.topic if room is not None and not below and self.screen.size.height >= _HIGH else ""
        self._topic.display = bool(topic)
        self._topic.show(join(own("│ ", "dim"), peer_line(topic, style="dim")))
        full = own("\n").join(words.full for words in self._alarms)
        short = own("\n").join(words.instead or words.full for words in self._alarms)
        self._alarm.display = bool(self._alarms)
        self._alarm.show(full if _rows(full, cells) <= _MOST_ROWS else short)

    def _words(self) -> Sequence[Words]:
        """Return what there is to say, the most important first."""
        found = [self._needs] if self._needs is not None else []
        status = self._encryption
        if status is not None:
            style = _PROBLEMS.get(status.state, "")
            state = Words(
                peer_line(status.label, style=style), peer_line(status.short or status.label, style=style)
            )
            if status.problem:
                sentence = join(own("! ", style), peer_line(status.problem, limit=1000, style=style))
                command = own("! " + _("/encryption says what is wrong"), style)
                found.append(Words(sentence, instead=command))
            if not (status.problem and style):  # else the problem says it
                found.append(state)
        return [*found, *self._facts]


def heading(name: Content, words: Sequence[Words], count: Content, cells: int) -> tuple[Content, Content]:
    """Return the row of the heading, and what has to stand below it: nothing of ``words`` is ever cut."""
    first, below = _placed(name, words, cells)
    if _rows(below, cells) > _MOST_ROWS:
        first, below = _placed(name, [Words(said.instead or said.full, said.short) for said in words], cells)
    left = cells - first.cell_length - count.cell_length
    if count and left >= 2:  # noqa: PLR2004 - two blanks between
        first = join(first, own(" " * left), count)
    return first, below


def _placed(name: Content, words: Sequence[Words], cells: int) -> tuple[Content, Content]:
    def fits(beside: Content) -> bool:
        return name.cell_length + 2 + beside.cell_length <= cells

    full = _joined(said.full for said in words)
    short = _joined(said.short or said.full for said in words)
    for beside in (full, short):
        if beside and fits(beside):
            return join(name, own("  "), beside), own("")
    for said in words:
        for form in (said.full, said.short):
            if form is not None and fits(form):
                rest = _joined(other.full for other in words if other is not said)
                return join(name, own("  "), form), rest
    return name, full


def _joined(parts: Iterable[Content]) -> Content:
    return own(" · ", "dim").join(parts)


def _rows(words: Content, cells: int) -> int:
    return len(words.wrap(cells)) if words else 0


def _needed(words: str) -> Words:
    return Words(own(f"! {words}", "bold $warning"))


def _people(members: int) -> str:
    return ngettext("{count} person", "{count} people", members).format(count=members)
