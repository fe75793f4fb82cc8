"""The dialog for a reaction: common ones, any emoji by its name, or a short word."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.box import Box
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, filled, own, peer_line
from parlour_client.ui.input.completion import Offer, emoji_offers
from parlour_client.ui.input.completion_list import OfferList

COMMON: Final = (
    ("👍", N_("thumbs up")),
    ("🎉", N_("celebrate")),
    ("😂", N_("funny")),
    ("👀", N_("looking")),
    ("🙏", N_("thanks")),
    ("😮", N_("surprised")),
    ("😢", N_("sad")),
    ("👎", N_("thumbs down")),
)


class ReactScreen(Overlay[str | None]):
    """Enter takes the highlighted reaction; the typed word is the last of them. Esc closes without one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Leave"), id="react.leave"),
        Binding("down,tab", "move(1)", N_("Next"), show=False, priority=True, id="react.next"),
        Binding("up,shift+tab", "move(-1)", N_("Previous"), show=False, priority=True, id="react.previous"),
    ]

    def __init__(self) -> None:
        super().__init__(classes="dialog")
        self._offers = OfferList()

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Box(own(_("React with an emoji or a short word"), "bold")):
            yield Field(placeholder=_(":emoji name, or a word"), compact=True)
            yield self._offers
            yield SafeStatic(own(_("Up, Down: choose · Enter: react · Esc: cancel"), "dim"))

    def on_mount(self) -> None:
        """Offer common reactions."""
        self._offer("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Offer emoji with a matching name."""
        self._offer(event.value.strip())

    def _offer(self, typed: str) -> None:
        if not typed:
            self._offers.offer([Offer(emoji, own(f"{emoji}  {_(name)}")) for emoji, name in COMMON])
            return
        named = emoji_offers(typed.strip(":"))
        word = (
            ()
            if typed.startswith(":")
            else (Offer(typed, filled(_("the word {word}"), word=peer_line(typed))),)
        )
        self._offers.offer((*named, *word))

    def on_input_submitted(self) -> None:
        """Close with the highlighted reaction."""
        if self._offers.marked is not None:
            _done = self.dismiss(self._offers.marked.insert.strip())

    def action_move(self, step: int) -> None:
        """Move the mark."""
        if self._offers.first is not None:
            self._offers.move(step)
