"""The dialog for a reaction: common ones, any emoji by its name, or a short word."""

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, own
from parlour_client.ui.input.completion import Offer, emoji_offers
from parlour_client.ui.input.completion_list import OfferList

COMMON: Final = (
    ("👍", "thumbs up"),
    ("🎉", "celebrate"),
    ("😂", "funny"),
    ("👀", "looking"),
    ("🙏", "thanks"),
    ("😮", "surprised"),
    ("😢", "sad"),
    ("👎", "thumbs down"),
)


class ReactScreen(Overlay[str | None]):
    """Enter takes the marked reaction, or the typed word; Esc closes without one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="react.leave"),
        Binding("down,tab", "move(1)", "Next", show=False, priority=True, id="react.next"),
        Binding("up,shift+tab", "move(-1)", "Previous", show=False, priority=True, id="react.previous"),
    ]

    def __init__(self) -> None:
        super().__init__(classes="dialog")
        self._offers = OfferList()

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical(classes="box"):
            yield SafeStatic(own("React with an emoji or a short word"))
            yield Field(placeholder=":emoji name, or a word", compact=True)
            yield self._offers
            yield SafeStatic(own("up and down: choose · enter: react · esc: cancel", "dim"))

    def on_mount(self) -> None:
        """Offer common reactions."""
        self._offer("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Offer emoji with a matching name."""
        self._offer(event.value.strip())

    def _offer(self, typed: str) -> None:
        if typed:
            self._offers.offer(emoji_offers(typed.lstrip(":")))
        else:
            self._offers.offer([Offer(emoji, own(f"{emoji}  {name}")) for emoji, name in COMMON])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the reaction; the text itself unless an emoji was requested by a colon or chosen."""
        typed, marked = event.value.strip(), self._offers.current
        if marked is not None and (not typed or typed.startswith(":") or self._offers.was_moved):
            _ = self.dismiss(marked.insert.strip())
        elif typed and not typed.startswith(":"):
            _ = self.dismiss(typed)

    def action_move(self, step: int) -> None:
        """Move the mark."""
        if self._offers.current is not None:
            self._offers.move(step)

    def action_leave(self) -> None:
        """Close without one."""
        _ = self.dismiss(None)
