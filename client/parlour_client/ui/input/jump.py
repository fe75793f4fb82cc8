"""Jump mode: shows a letter on each visible room, message and pane; pressing the letter goes there.

The letters are drawn over the unchanged screen. Any other key closes it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.events import Key
from textual.geometry import Offset
from textual.screen import Screen
from textual.widgets import OptionList

from parlour_client.kit.language import N_
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, own

LETTERS: Final = "asdfghjklqwertyuiopzxcvbnmASDFGHJKLQWERTYUIOPZXCVBNM"
"""The home row first. Targets without a letter can be reached after scrolling."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target: the place of its letter, and how to go there."""

    at: Offset
    go: Callable[[], object]


class JumpScreen(Overlay[Target | None]):
    """Letters over the screen."""

    HELP: ClassVar[str | None] = N_("Press a letter to go there; any other key closes.")

    def __init__(self, targets: list[Target]) -> None:
        super().__init__(classes="jump")
        self._targets = dict(zip(LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        """Draw the letters."""
        for letter, target in self._targets.items():
            mark = SafeStatic(own(letter, "bold"), classes="mark")
            mark.styles.offset = target.at
            yield mark

    def on_key(self, event: Key) -> None:
        """Close with the letter's target, or without one."""
        event.stop()
        event.prevent_default()
        _ = self.dismiss(self._targets.get(event.character or ""))


def option_targets(screen: Screen[None], pane: OptionList) -> Iterator[Target]:
    """Yield the visible entries of a list; rows know their option by the style's meta."""
    if not pane.is_on_screen:
        return
    region, seen = pane.content_region, set[int]()
    for row in range(region.height):
        index = screen.get_style_at(region.x, region.y + row).meta.get("option")
        if isinstance(index, int) and index not in seen and not pane.get_option_at_index(index).disabled:
            seen.add(index)
            yield Target(Offset(region.x, region.y + row), partial(_choose, screen, pane, index))


def _choose(screen: Screen[None], pane: OptionList, index: int) -> None:
    screen.set_focus(pane)
    if index < pane.option_count:
        pane.highlighted = index
        pane.action_select()
