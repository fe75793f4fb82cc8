"""Small dialogs: confirm, ask for a line, choose from a list. Esc always closes without an action.

Each is a ``ModalScreen[Result]`` that takes only Content. The screens push them and await the answer.
"""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from parlour_client.kit.language import N_, _
from parlour_client.kit.terminal.column_anchoring import ColumnAnchors
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, option, own

_LEAVE = Binding("escape", "leave", N_("Leave"), id="dialog.leave")


class ConfirmScreen(Overlay[bool]):
    """Yes or no: y or Enter, n or Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", N_("Yes"), id="dialog.yes"),
        Binding("n,escape", "answer(False)", N_("No"), id="dialog.no"),
    ]

    def __init__(self, question: Content) -> None:
        super().__init__(classes="dialog")
        self._question = question

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical(classes="box"):
            yield SafeStatic(self._question)
            yield SafeStatic(own(_("y or enter: yes · n or esc: no"), "dim"))

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
        """Lay out."""
        with Vertical(classes="box"):
            yield SafeStatic(self._question)
            yield Field(placeholder=self._placeholder, compact=True)
            yield SafeStatic(own(_("enter: confirm · esc: cancel"), "dim"))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the line."""
        _done = self.dismiss(event.value.strip() or ("" if self._empty else None))

    def action_leave(self) -> None:
        """Close without an answer."""
        _done = self.dismiss(None)


class Choices(OptionList):
    """A list to choose from."""

    def __init__(self, *options: Option, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(*options, id=id, markup=False, compact=True)
        self._column_anchors = ColumnAnchors()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, with each row anchored to its columns."""
        return self._column_anchors.anchor(self, super().render_lines(crop), crop)


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
        """Lay out."""
        with Vertical(classes="box"):
            yield SafeStatic(self._heading)
            if self._choices:
                yield Choices(*(option(shown, id=key) for key, shown in self._choices))
            else:
                yield SafeStatic(own(self._empty, "dim"))
            yield SafeStatic(own(_("enter: choose · esc: cancel"), "dim"))

    def on_mount(self) -> None:
        """Begin at the marked choice."""
        ids = [key for key, _shown in self._choices]
        if self._marked in ids:
            self.query_one(Choices).highlighted = ids.index(self._marked)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Close with the choice."""
        _done = self.dismiss(event.option_id)

    def action_leave(self) -> None:
        """Close without a choice."""
        _done = self.dismiss(None)
