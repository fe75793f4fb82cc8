"""The small list of completions above the composer.

It only shows offers and a mark; the composer keeps the focus and moves the mark. Hidden while empty.
"""

from collections.abc import Sequence

from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import OptionList

from parlour_client.kit.terminal.column_anchoring import ColumnAnchors
from parlour_client.kit.widgets.safe import option
from parlour_client.ui.input.completion import Offer


class OfferList(OptionList, can_focus=False):
    """Completions to choose from."""

    def __init__(self) -> None:
        super().__init__(id="offers", markup=False, compact=True)
        self._column_anchors = ColumnAnchors()
        self._shown: Sequence[Offer] = ()
        self.was_moved = False
        """Whether the person chose among the offers, so that Enter means "this one"."""
        self.display = False

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, with each row anchored to its columns."""
        return self._column_anchors.anchor(self, super().render_lines(crop), crop)

    @property
    def current(self) -> Offer | None:
        """The marked offer."""
        return self._shown[self.highlighted or 0] if self._shown else None

    def offer(self, offers: Sequence[Offer]) -> None:
        """Show these."""
        self.was_moved = False
        if not offers and not self._shown:
            return
        self._shown = offers
        self.set_options([option(one.display) for one in offers])
        self.highlighted = 0 if offers else None
        self.display = bool(offers)

    def move(self, step: int) -> None:
        """Move the mark, cyclically."""
        self.was_moved = True
        self.highlighted = ((self.highlighted or 0) + step) % len(self._shown)
