"""Short words: five words that both read aloud; equal words prove that no one is in between.

All five are typed to confirm: a key press could be a habit, and one word is soon found by trying. The other
side's steps are shown as they arrive.
"""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input

from parlour_client.commands.verification import NO
from parlour_client.core.e2ee.trust.sas import ALL_WORDS, are_typed
from parlour_client.core.e2ee.values import SasVerification
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, filled, lines, own, peer_line


class WordsScreen(Overlay[str | None]):
    """The five words as they were typed, or ``NO``: they differ. None: closed, to come back later."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", N_("Leave"), id="words.leave")]

    def __init__(self, process: SasVerification) -> None:
        super().__init__(classes="dialog")
        self.process = process

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Vertical(classes="box"):
            yield SafeStatic(process_words(self.process), id="words")
            yield Field(placeholder=_("all five words, or: no"), compact=True)
            yield SafeStatic(own("", "$error"), id="told")
            yield SafeStatic(own(_("Esc: decide later"), "dim"))

    def show_process(self, process: SasVerification) -> None:
        """Show the current state."""
        self.process = process
        self.query_one("#words", SafeStatic).show(process_words(process))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Accept the words, or a no."""
        typed = event.value.strip()
        if typed.lower() == NO or are_typed(self.process.words, typed):
            _done = self.dismiss(typed)
        else:
            self.query_one("#told", SafeStatic).show(
                own(_("{all_words} Or type: {no}").format(all_words=_(ALL_WORDS), no=NO), "$error")
            )


def still(process: SasVerification, processes: Sequence[SasVerification]) -> SasVerification:
    """Return the state of a verification, or of the one that replaced it: both may begin at once."""
    same = next((other for other in processes if other.process == process.process), process)
    others = (other for other in processes if other.peer == process.peer and other.words and not other.ended)
    return same if same.words and not same.ended else next(others, same)


def process_words(process: SasVerification) -> Content:
    """Return the state of a verification as text."""
    head = filled(_("Short words with {user}"), "bold", user=peer_line(process.peer, style="bold"))
    if process.ended:
        return lines(head, own(_(process.ended), "bold"))
    if not process.words:
        waiting = _("They see your request and continue with /words. You have ten minutes.")
        return lines(head, own(waiting))
    words = own("   ".join(process.words), "bold")
    mine = _("You confirmed that they match.") if process.we_confirmed else ""
    theirs = _("They confirmed that they match.") if process.they_confirmed else ""
    return lines(
        head,
        own(_("Read these to each other, but not in this chat:")),
        own(""),
        words,
        own(""),
        own(" ".join(part for part in (mine, theirs) if part)),
    )
