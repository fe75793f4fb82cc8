"""The composer: write, complete, go back through earlier texts, send with Enter.

A paste of several lines, or a possible secret, is not sent or even inserted before the person has seen what
it is: it posts ``Doubtful``. Forbidden characters never get in. Earlier texts, for the Up key, are only in
memory. It knows no client: it posts ``Sent``, ``Wrote`` and ``GaveUp``; its keys are looked up by their ids,
since a text area takes keys before any binding.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Key, Paste
from textual.geometry import Region
from textual.message import Message
from textual.signal import Signal
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from parlour_client.kit.language import N_, _
from parlour_client.kit.terminal.column_anchoring import ColumnAnchors
from parlour_client.kit.widgets.key_ordering import edit_in_turn
from parlour_client.text.secret_guard import Finding, look_at_paste, look_at_text
from parlour_client.ui.app_settings import SettingsApp, settings_of
from parlour_client.ui.chat.aim import Aim
from parlour_client.ui.chat.deferred import Deferred
from parlour_client.ui.input.completion import Offer, Offers, complete
from parlour_client.ui.input.completion_list import OfferList
from parlour_client.ui.input.keymap import keymap, letters_act, written
from parlour_client.ui.input.sanitiser import clean, warning

BLINKS: Final = 10.0
"""Seconds that the cursor blinks after a key: each blink draws, also when no one is there."""
REMEMBERED: Final = 100
"""Texts that Up can recall."""
Part = tuple[int, int, int]
"""A part of the text: its row, its first column, and the one behind it."""
_SIGNS: Final = "@#:/"
_BEFORE_NAMES: Final = f"{_SIGNS}*"
WRITE: Final = N_("Write a message. F1: help")
"""The text of an empty composer."""


class Composer(TextArea):
    """Where the person writes."""

    HELP: ClassVar[str | None] = N_(
        "Type a message and press Enter. Shift+Enter or Ctrl+J adds a new line; F5 opens your editor.\n"
        "Tab completes: @ for people, # for rooms, / for commands, :smi for emoji.\n"
        "Up and Down recall what you sent before. Esc cancels a reply or an edit.\n"
        "Alt+C clears the text; Alt+Z (or Ctrl+/) brings it back, Ctrl+Y repeats what was undone.\n"
        "Parlour asks before it sends several pasted lines, or what looks like a secret."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "do('send')", N_("Send"), show=False, id="composer.send"),
        Binding("shift+enter,ctrl+j", "do('newline')", N_("New line"), show=False, id="composer.newline"),
        Binding("tab", "do('take')", N_("Complete"), show=False, id="composer.take"),
        Binding("up", "do('up')", N_("Previous message"), show=False, id="composer.up"),
        Binding("down", "do('down')", N_("Next message"), show=False, id="composer.down"),
        Binding(
            "escape",
            "do('leave')",
            N_("Cancel a reply, an edit or completion"),
            show=False,
            id="composer.leave",
        ),
        Binding("f5", "do('editor')", N_("Editor"), show=False, id="composer.editor"),
        Binding("ctrl+underscore,alt+z", "do('undo')", N_("Undo"), show=False, id="composer.undo"),
        Binding("ctrl+y", "do('redo')", N_("Redo"), show=False, id="composer.redo"),
        Binding("alt+c", "do('clear')", N_("Clear what you are writing"), show=False, id="composer.clear"),
    ]

    @dataclass
    class Sent(Message):
        """The person pressed Enter."""

        text: str
        aim: Aim
        """The composer's aim at that time."""

    @dataclass
    class Wrote(Message):
        """The text changed; ``warning`` is our text about it."""

        text: str
        warning: str

    class GaveUp(Message):
        """Esc: cancel the reply or the edit."""

    class Rested(Message):
        """Esc where letters are keys outside of the text: go there; a reply stays a reply."""

    class EditorWanted(Message):
        """Continue in the person's own editor."""

    @dataclass
    class Doubtful(Message):
        """A paste (not yet in the composer) or a text (in it) that should be shown before it is sent."""

        text: str
        findings: Sequence[Finding]
        pasted: bool

    def __init__(self, offers: OfferList, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, compact=True, highlight_cursor_line=False, placeholder=_(WRITE))
        self._column_anchors = ColumnAnchors()
        self._offers = offers
        self._open = Offers(0)
        self._before = ""  # the text before the cursor that the offers complete
        self.aim = Aim()
        """Where what is written will go, and as what."""
        self.people: Mapping[str, str] = {}
        """The members of the open room, each with what there is to say in a list: names to complete."""
        self.known: AbstractSet[str] = frozenset()
        """All people whom this account knows."""
        self.rooms: Sequence[str] = ()
        """The titles of the account's rooms, and of its invitations."""
        self.invitations: Sequence[str] = ()
        self._written: list[str] = []
        self._back = 0  # how far back Up went
        self._removed = 0
        self._keys: dict[str, Callable[[], bool]] = {}
        self._underlined: Sequence[Part] = ()
        self.edited = Signal[None](self, "edited")
        """Published when the text was changed or the cursor was moved."""
        self._steady_soon = Deferred(self, self._hold_cursor)
        self._is_steady = False
        """The cursor does not blink because no key was pressed for a while."""

    def on_mount(self) -> None:
        """Watch the settings."""
        self._obey_settings()
        if isinstance(self.app, SettingsApp):
            self.watch(self.app, "settings", self._obey_settings, init=False)

    def _obey_settings(self) -> None:
        settings = settings_of(self)
        self.cursor_blink = not settings.reduced_motion
        self._steady_soon.postpone(BLINKS)
        changed = keymap(settings)
        self._keys = {
            key.strip(): self._action_of(str(binding.id))
            for binding in self.BINDINGS
            if isinstance(binding, Binding)
            for key in changed.get(str(binding.id), binding.key).split(",")
        }

    def on_focus(self) -> None:
        """Blink where the person begins to write."""
        self._blink()

    def _blink(self) -> None:
        if self._is_steady:
            self._is_steady = False
            self.cursor_blink = not settings_of(self).reduced_motion
        self._steady_soon.postpone(BLINKS)

    def _hold_cursor(self) -> None:
        self._is_steady, self.cursor_blink = True, False

    # --- text

    def edit(self, edit: Edit) -> EditResult:
        """Insert sanitised text: every key, paste and undo comes through here."""
        cleaned = clean(edit.text)
        self._removed += cleaned.removed
        return super().edit(edit if cleaned.text == edit.text else replace(edit, text=cleaned.text))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, with each row anchored to its columns."""
        return self._column_anchors.anchor(self, super().render_lines(crop), crop)

    def render_line(self, y: int) -> Strip:
        """Draw one row; none in a pane of no width: Textual wraps its placeholder to no width."""
        return super().render_line(y) if self.content_size.width > 0 else Strip.blank(self.size.width)

    def put(self, text: str) -> None:
        """Begin another text: a draft, a message to edit, an earlier text. Undoing stops here."""
        self.load_text(clean(text).text)
        self.move_cursor(self.document.end)

    def exchange(self, text: str) -> None:
        """Put another text in the place of this one; undo brings this one back."""
        self.history.checkpoint()
        self.replace(text, (0, 0), self.document.end, maintain_selection_offset=False)
        self.history.checkpoint()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Post the text and offer completions."""
        event.stop()
        self.post_message(self.Wrote(self.text, warning(self.text, self._removed)))
        self._removed = 0
        self._complete()
        self.edited.publish(None)

    def _complete(self) -> None:
        """Offer completions. One is marked once more than its sign was typed: the very word, or the first."""
        self._before = before = self.before_cursor
        is_offered = self.selection.is_empty and any(sign in before for sign in _SIGNS)
        open_ = self._completed(before) if is_offered else Offers(0)
        begun = before[open_.start :].lstrip(_BEFORE_NAMES)
        words = [offer.insert.strip().lstrip(_BEFORE_NAMES) for offer in open_.offers]
        marked = words.index(begun) if begun in words else 0 if begun else None
        before_it, self._open = self._open, open_
        if open_.offers or before_it.offers:
            self._offers.offer(open_.offers, marked)

    def _completed(self, before: str) -> Offers:
        return complete(before, self.people, self.rooms, known=self.known, invitations=self.invitations)

    # --- what others show in it

    def on_text_area_selection_changed(self) -> None:
        """Tell that the cursor moved."""
        self.edited.publish(None)

    def underline(self, parts: Sequence[Part]) -> None:
        """Underline these parts of the text, and no others."""
        if parts != self._underlined:
            self._underlined = parts
            self.notify_style_update()  # rows are cached by their text
            self.refresh()

    def get_line(self, line_index: int) -> Text:
        """Return a line, with what is underlined."""
        line = super().get_line(line_index)
        for row, start, end in self._underlined:
            if row == line_index:
                line.stylize("underline", start, end)
        return line

    def offer_instead(self, part: Part, offers: Sequence[Offer]) -> None:
        """Offer other texts for a part of this one."""
        row, start, end = part
        self.move_cursor((row, end))
        self._before = self.before_cursor
        self._open = Offers(start, tuple(offers))
        self._offers.offer(self._open.offers)

    @property
    def before_cursor(self) -> str:
        """The text before the cursor, of its line."""
        row, column = self.cursor_location
        return self.document.get_line(row)[:column]

    @property
    def takes_offer(self) -> str:
        """The key that completes what is typed, written out; empty if nothing is offered."""
        return written(self, "composer.take", "tab") if self._open.offers else ""

    def remember(self, text: str) -> None:
        """Remember a text for Up."""
        if not self._written or self._written[-1] != text:
            self._written = [*self._written[1 - REMEMBERED :], text]
        self._back = 0

    # --- keys

    async def on_key(self, event: Key) -> None:
        """Handle the keys that TextArea would take for itself, and edit in order."""
        self._blink()
        action = self._keys.get(event.key)
        if action() if action is not None else self._joins(event.character) or await self._edits(event.key):
            event.stop()
            event.prevent_default()

    def _joins(self, character: str | None) -> bool:
        """Insert a joiner or a wide space, which keyboards have and TextArea takes for no text."""
        if character is None or character < "\xa0" or character.isprintable():
            return False
        if self.read_only or clean(character).removed:
            return False
        self.replace(character, *self.selection, maintain_selection_offset=False)
        return True

    async def _edits(self, key: str) -> bool:
        """Run TextArea's action for a key."""
        if key in {"up", "down"}:  # a changed key map removes TextArea's own
            self.action_cursor_up() if key == "up" else self.action_cursor_down()
            return True
        return await edit_in_turn(self, key)

    def _action_of(self, name: str) -> Callable[[], bool]:
        actions: dict[str, Callable[[], bool]] = {
            "composer.send": self._send,
            "composer.newline": self._newline,
            "composer.take": self._complete_offer,
            "composer.up": self._up,
            "composer.down": self._down,
            "composer.leave": self._leave,
            "composer.editor": self._editor,
            "composer.undo": self._undo,
            "composer.redo": self._redo,
            "composer.clear": self._clear,
        }
        return actions[name]

    def action_do(self, name: str) -> None:
        """Do the same as a key (from the footer)."""
        self._action_of(f"composer.{name}")()

    def _send(self) -> bool:
        offer = self._offers.marked if self._open.offers else None
        # Keys may be faster than the list: what was not seen is not taken.
        if offer is not None and self._before == self.before_cursor and not self._is_there(offer):
            self._insert_offer(offer)
            return True
        text = self.text.strip("\n")
        if not text.strip():
            return True
        findings = look_at_text(text) if settings_of(self).paste_guard else ()
        if findings:
            self.post_message(self.Doubtful(text, findings, pasted=False))
        else:
            self.send(text)
        return True

    def send(self, text: str) -> None:
        """Post the text, and empty the composer at once: further keys belong to the next text."""
        self.put("")
        self.post_message(self.Sent(text, self.aim))
        self.aim = self.aim.after(text)

    def bring_back(self, text: str) -> None:
        """Put back a text that was not sent, before anything typed since."""
        self.put(f"{text}\n{self.text}" if self.text else text)

    def put_edited(self, before: str, after: str) -> None:
        """Replace the text that was lent to an editor, and keep anything inserted meanwhile."""
        head, found, tail = self.text.rpartition(before) if before else (self.text, "", "")
        if not found:
            head, tail = self.text, ""
        self.put(f"{head}{chr(10) if head and not found else ''}{after}{tail}")

    def on_paste(self, event: Paste) -> None:
        """Show a paste first if it has several lines or looks like a secret."""
        text = clean(event.text).text
        findings = look_at_paste(text) if settings_of(self).paste_guard else ()
        if findings:
            event.prevent_default()
            event.stop()
            self.post_message(self.Doubtful(event.text, findings, pasted=True))

    def insert_paste(self, text: str) -> None:
        """Insert a paste at the cursor."""
        self.replace(text, *self.selection, maintain_selection_offset=False)

    def _undo(self) -> bool:
        self.undo()
        return True

    def _redo(self) -> bool:
        self.redo()
        return True

    def _clear(self) -> bool:
        self.exchange("")
        return True

    def _editor(self) -> bool:
        self.post_message(self.EditorWanted())
        return True

    def close_offers(self) -> None:
        """Close the list of completions."""
        self._offers.offer(())

    def _newline(self) -> bool:
        self.insert("\n")
        return True

    def _is_there(self, offer: Offer) -> bool:
        return self._before[self._open.start :].lstrip(_BEFORE_NAMES) == offer.insert.strip().lstrip(
            _BEFORE_NAMES
        )

    def _complete_offer(self) -> bool:
        if self._before != self.before_cursor:
            self._complete()
        offer = self._offers.first
        if offer is None:
            return False
        self._insert_offer(offer)
        return True

    def _insert_offer(self, offer: Offer) -> None:
        row, column = self.cursor_location
        self.replace(offer.insert, (row, self._open.start), (row, column), maintain_selection_offset=False)
        self._offers.offer(())

    def _up(self) -> bool:
        if self._offers.first is not None:
            self._offers.move(-1)
        elif not (self.cursor_at_first_line and self._recall(1)):
            self.action_cursor_up()
        return True

    def _down(self) -> bool:
        if self._offers.first is not None:
            self._offers.move(1)
        elif not (self.cursor_at_last_line and self._recall(-1)):
            self.action_cursor_down()
        return True

    def _recall(self, step: int) -> bool:
        """Recall earlier texts; never over a text that was not sent."""
        at = self._back + step
        if (self._back == 0 and self.text.strip()) or not 0 <= at <= len(self._written):
            return False
        self._back = at
        self.put(self._written[-at] if at else "")
        return True

    def _leave(self) -> bool:
        if self._offers.first is not None:
            self._offers.offer(())
        else:
            self.post_message(self.Rested() if letters_act(settings_of(self)) else self.GaveUp())
        return True
