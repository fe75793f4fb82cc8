"""The question before the terminal copies (OSC 52): this time, always, or not."""

from enum import Enum, auto
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.box import Box
from parlour_client.kit.widgets.questions import GuardedQuestion
from parlour_client.kit.widgets.safe import SafeStatic, own


class TerminalCopyAnswer(Enum):
    """Whether the terminal copies."""

    ONCE = auto()
    ALWAYS = auto()


class TerminalCopyScreen(GuardedQuestion[TerminalCopyAnswer]):
    """y copies this once, a always, n or Esc does not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer('ONCE')", N_("Copy this time"), id="terminal_copy.once"),
        Binding("a", "answer('ALWAYS')", N_("Always"), id="terminal_copy.always"),
        Binding("n", "leave", N_("No"), id="terminal_copy.no"),
    ]

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        self.add_class("dialog")
        with Box(own(_("Let the terminal copy it?"), "bold")):
            yield SafeStatic(
                own(
                    _(
                        "No clipboard program was found here. The text would go to your terminal (OSC 52), "
                        "through everything in between, such as tmux or SSH. Not every terminal allows it."
                    )
                )
            )
            yield SafeStatic(own(_("y: this time · a: always · n or Esc: no"), "dim"))
            yield SafeStatic(own("", "dim"), id="quiet")

    def action_answer(self, answer: str) -> None:
        """Close with the answer."""
        _ = self.dismiss(TerminalCopyAnswer[answer])
