"""The tour: a small panel that shows one step at a time.

The demo provides the steps, as literals. F8 continues, F9 ends it.
"""

from collections.abc import Sequence

from parlour_client.kit.widgets.safe import SafeStatic, join, own


class Tour(SafeStatic):
    """One step of the tour; hidden after the last one."""

    def __init__(self, steps: Sequence[str]) -> None:
        super().__init__(id="tour")
        self._steps = steps
        self._at = 0
        self._update()

    def next(self) -> None:
        """Show the next step, or end."""
        self._at += 1
        self._update()

    def end(self) -> None:
        """Hide it."""
        self._at = len(self._steps)
        self._update()

    def _update(self) -> None:
        self.display = self._at < len(self._steps)
        if self.display:
            head = own(f"Tour {self._at + 1} of {len(self._steps)}  ", "bold")
            last = self._at + 1 == len(self._steps)
            keys = own("  F8 ends the tour" if last else "  F8 next · F9 ends the tour", "dim")
            self.show(join(head, own(self._steps[self._at]), keys))
