"""The small list of completions above the composer.

It only shows offers and a mark; the composer keeps the focus and moves the mark. Hidden while empty.
"""

from collections.abc import Sequence

from parlour_client.kit.widgets.questions import Choices
from parlour_client.kit.widgets.safe import option
from parlour_client.ui.input.completion import Offer


class OfferList(Choices):
    """Completions to choose from."""

    def __init__(self) -> None:
        super().__init__(id="offers", led=True)
        self._shown: Sequence[Offer] = ()
        self.display = False

    @property
    def first(self) -> Offer | None:
        """The marked offer, or the first one while none is marked: what Tab completes."""
        return self._shown[self.highlighted or 0] if self._shown else None

    @property
    def marked(self) -> Offer | None:
        """The marked offer: what Enter takes."""
        return self._shown[self.highlighted] if self._shown and self.highlighted is not None else None

    def offer(self, offers: Sequence[Offer], marked: int | None = 0) -> None:
        """Show these, with one or none of them marked."""
        self._shown = offers
        self.set_options([option(offer.display) for offer in offers])
        self.highlighted = marked if offers else None
        self.display = bool(offers)

    def move(self, step: int) -> None:
        """Move the mark, cyclically."""
        at = self.highlighted if self.highlighted is not None else -1 if step > 0 else 0
        self.highlighted = (at + step) % len(self._shown)
