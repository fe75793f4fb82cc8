"""Small dialogs: confirm, ask for a line, choose from a list. Esc always closes without an action.

Each is a ``ModalScreen[Result]`` that takes only Content. The screens push them and await the answer. A
question about an action must say how it is confirmed, and ignores keys typed before it was seen.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final, TypeVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Key, Resize
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from parlour_client.kit.answers import Harmless, Letter, TypedName, Yes
from parlour_client.kit.language import N_, _
from parlour_client.kit.terminal.column_anchoring import ColumnAnchors
from parlour_client.kit.terminal.key_queue import QUIET, KeyQueue
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.widgets.box import GUTTER, Box, blocks, quoted
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, join, lines, option, own, peer_line
from parlour_protocol.kit.text.cell_width import cell_width

Answer = TypeVar("Answer")
_AROUND: Final = 20
"""Cells of a screen that a dialog's choices do not have, at most: margins, frame, mark, scrollbar."""
_TOO_SOON: Final = N_("A key counts half a second after the last one: press it again.")
_LEAVE = Binding("escape", "leave", N_("Leave"), id="dialog.leave")


class GuardedQuestion(Overlay[Answer]):
    """A question that hears no key which may have been typed for something else.

    That is each key within ``QUIET`` seconds of the one before it, or of the moment when the question
    appeared. Whatever a subclass does with its keys, it is answered by ``dismiss``, which refuses them. Only
    Esc leaves at once, without an answer, because it does nothing.
    """

    BINDINGS: ClassVar[list[BindingType]] = [_LEAVE]
    left: ClassVar[Any] = None
    """The answer that Esc gives: it must do nothing."""

    def on_mount(self) -> None:
        """Note when it appeared."""
        self._appeared = self._keys.now()

    @property
    def _keys(self) -> KeyQueue:
        assert isinstance(self.app, SafeApp)  # noqa: S101 - every app of this package is one
        return self.app.keys

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Close with an answer that was meant as one; say so if it may not have been."""
        if self._keys.quiet(self._appeared) >= QUIET:
            return super().dismiss(result)
        for row in self.query("#quiet").results(SafeStatic):
            row.show(own(_(_TOO_SOON), "bold $text-warning"))
        return AwaitComplete()

    def action_leave(self) -> None:
        """Leave it unanswered."""
        _done = super().dismiss(self.left)


class ConfirmScreen(GuardedQuestion[bool]):
    """A question that says how to answer yes to it; Esc, Enter and n answer no where Enter is not the yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "usual", N_("Yes"), id="dialog.yes"),
        Binding("n", "answer(False)", N_("No"), id="dialog.no"),
    ]

    def __init__(self, question: Content, yes: Yes) -> None:
        super().__init__(classes="dialog")
        self._question, self._yes = question, yes

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        title, *rest = self._question.split("\n", allow_blank=True)
        with Box(title):
            if rest:
                yield from blocks(lines(*rest))
            yield SafeStatic(own(""), id="quiet")
            match self._yes:
                case Harmless():
                    yield Answers(("yes", _("Yes"), f"y, {_('Enter')}"), ("no", _("No"), f"n, {_('Esc')}"))
                case Letter(key=key, does=does):
                    keep = f"{_('Enter')}, {_('Esc')}"
                    yield Answers(("no", _("Change nothing"), keep), ("yes", _capital(does), key))
                case TypedName(name=name, does=does):
                    yield from blocks(
                        lines(
                            own(_("To {do}, type this name:").format(do=does)),
                            quoted(peer_line(name, style="bold")),
                        )
                    )
                    yield Field(compact=True)
                    yield SafeStatic(own("", "$error"), id="told")
                    yield SafeStatic(own(_("Enter: confirm · Esc: change nothing"), "dim"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the marked answer; one that has a letter of its own is given by that letter only."""
        if event.option_id == "yes" and isinstance(self._yes, Letter):
            words = _("Press {key} for that.").format(key=self._yes.key)
            self.query_one("#quiet", SafeStatic).show(own(words, "$warning"))
        else:
            self.action_answer(event.option_id == "yes")

    def on_key(self, event: Key) -> None:
        """Take the question's own letter."""
        if (
            isinstance(self._yes, Letter)
            and event.character is not None
            and event.character.lower() == self._yes.key
        ):
            event.stop()
            self.action_answer(True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the name; an empty line is a no, and another name an error."""
        if isinstance(self._yes, TypedName) and self._yes.is_typed(event.value):
            _done = super(GuardedQuestion, self).dismiss(True)  # nobody types it for something else
        elif event.value.strip():
            self.query_one("#told", SafeStatic).show(own(_("That is another name."), "$text-error"))
        else:
            self.action_answer(False)

    def action_usual(self) -> None:
        """Take y or Enter: a yes only where it harms nothing."""
        self.action_answer(isinstance(self._yes, Harmless))

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - an action's parameter
        """Close with the answer."""
        _done = self.dismiss(answer)


class AskScreen(Overlay[str | None]):
    """One line of text; with ``empty`` an empty one is an answer too."""

    BINDINGS: ClassVar[list[BindingType]] = [_LEAVE]

    def __init__(self, question: Content, placeholder: str = "", *, empty: bool = False) -> None:
        super().__init__(classes="dialog")
        self._question, self._placeholder, self._empty = question, placeholder, empty

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        title, *rest = self._question.split("\n", allow_blank=True)
        with Box(title):
            if rest:
                yield from blocks(lines(*rest))
            yield Field(placeholder=self._placeholder, compact=True)
            yield SafeStatic(own(_("Enter: confirm · Esc: cancel"), "dim"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the line."""
        _done = self.dismiss(event.value.strip() or ("" if self._empty else None))


class Choices(OptionList):
    """A list to choose from; every list is one, so that the chosen row looks the same everywhere.

    Its first column is free of text: there `>` is before the chosen row. The row has the colour of the
    selection, too, while keys go to the list.
    """

    DEFAULT_CSS = """
    Choices {
        border: none; padding: 0; background: transparent; scrollbar-size-vertical: 1;
        &:focus { border: none; background-tint: $foreground 0%; }
        & > .option-list--option { padding: 0 0 0 2; }
        & > .option-list--option-disabled { color: $foreground; }
        & > .option-list--option-highlighted {
            color: $foreground; background: transparent; text-style: none;
        }
        &:focus > .option-list--option-highlighted, &.-led > .option-list--option-highlighted {
            background: $selection;
        }
        &:focus:ansi > .option-list--option-highlighted,
        &.-led:ansi > .option-list--option-highlighted { text-style: bold underline; }
    }
    """

    def __init__(
        self,
        *options: Option,
        id: str | None = None,  # noqa: A002 - Textual's name
        led: bool = False,
    ) -> None:
        """With ``led`` its keys come from the field above it, which keeps the focus."""
        super().__init__(*options, id=id, classes="-led" if led else None, markup=False)
        self.can_focus = not led
        self._column_anchors = ColumnAnchors()

    def render_line(self, y: int) -> Strip:
        """Draw a row, with the mark if it begins the chosen entry."""
        strip, line = super().render_line(y), self.scroll_offset.y + y
        if self.highlighted is None or line != self._index_to_line.get(self.highlighted):
            return strip
        first, rest = strip.divide([1, strip.cell_length])
        style = next(iter(first)).style
        return Strip([Segment(">", style), *rest], strip.cell_length)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, with each row anchored to its columns."""
        return self._column_anchors.anchor(self, super().render_lines(crop), crop)


class Answers(Choices):
    """The answers to a question, each with its key. The first is marked: it is what Enter gives."""

    DEFAULT_CSS = "Answers { height: auto; }"

    def __init__(self, *answers: tuple[str, str, str]) -> None:
        """Take for each its id, its words and its key."""
        longest = max(cell_width(words) for _name, words, _key in answers)
        super().__init__(
            *(
                option(
                    join(own(words), own(" " * (longest - cell_width(words) + 6)), own(key, "dim")), id=name
                )
                for name, words, key in answers
            )
        )

    def on_mount(self) -> None:
        """Mark the first."""
        self.highlighted = 0
        self.focus()


class ChooseScreen(Overlay[str | None]):
    """A list of (id, label); returns the id."""

    BINDINGS: ClassVar[list[BindingType]] = [_LEAVE]

    def __init__(
        self, title: Content, choices: Sequence[tuple[str, Content]], empty: str, *, marked: str = ""
    ) -> None:
        """Take the choices; ``marked`` is the id that the person begins at."""
        super().__init__(classes="dialog")
        self._heading, self._choices, self._empty, self._marked = title, choices, empty, marked

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Box(self._heading):
            if self._choices:
                yield Choices(*(option(self._fitting(shown), id=key) for key, shown in self._choices))
            else:
                yield SafeStatic(own(self._empty, "dim"))
            hint = _("Enter: choose · Esc: cancel") if self._choices else _("Esc: close")
            yield SafeStatic(own(hint, "dim"))

    def on_mount(self) -> None:
        """Begin at the marked choice."""
        ids = [key for key, _shown in self._choices]
        if self._marked in ids:
            self.query_one(Choices).highlighted = ids.index(self._marked)

    def on_resize(self, _event: Resize) -> None:
        """Fit the width."""
        for choices in self.query(Choices):
            for key, shown in self._choices:
                _ = choices.replace_option_prompt(key, self._fitting(shown))

    def _fitting(self, shown: Content) -> Content:
        """Cut each line of another's text: behind our mark is only the first row of one that wraps."""
        cells = max(len(GUTTER) + 1, self.app.size.width - _AROUND)
        rows = shown.split("\n", allow_blank=True)
        return lines(
            *(row.truncate(cells, ellipsis=True) if row.plain.startswith(GUTTER) else row for row in rows)
        )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Close with the choice."""
        _done = self.dismiss(event.option_id)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
