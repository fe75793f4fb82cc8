"""Jump mode: shows a letter on each visible room, message and pane; pressing the letter goes there.

The letters are drawn over the unchanged screen. Any other key closes it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final

from textual.app import ComposeResult
from textual.events import Key
from textual.geometry import Offset
from textual.screen import Screen
from textual.widgets import OptionList

from parlour_client.kit.language import N_
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.safe import SafeStatic, own
from parlour_client.ui.chat.screen import ChatScreen

LETTERS: Final = "asdfghjklqwertyuiopzxcvbnmASDFGHJKLQWERTYUIOPZXCVBNM"
"""The home row first. Targets without a letter can be reached after scrolling."""


@dataclass(frozen=True, slots=True)
class Target:
    """A target: the place of its letter, and how to go there."""

    at: Offset
    go: Callable[[], object]


class JumpScreen(Overlay[Target | None]):
    """Letters over the screen."""

    CSS = """
    JumpScreen { background: transparent; layers: marks; }
    JumpScreen .mark {
        layer: marks;
        position: absolute;
        width: 1;
        height: 1;
        background: $primary;
        color: $background;
        text-style: bold;
    }
    """
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


def show_letters(screen: Screen[Any]) -> None:
    """Show the letters, and go where the person chooses."""
    assert isinstance(screen, ChatScreen)  # noqa: S101 - there are letters nowhere else
    targets = list(targets_on(screen))
    if targets:
        _done = screen.app.push_screen(JumpScreen(targets), _go)


def _go(target: Target | None) -> None:
    if target is not None:
        _done = target.go()


def targets_on(screen: ChatScreen) -> Iterator[Target]:
    """Yield what can be reached: the composer, rooms, people, messages (the newest first)."""
    composer, timeline = screen.pane.composer, screen.pane.timeline
    if composer.display:
        yield Target(composer.region.offset, partial(screen.set_focus, composer))
    for pane in (screen.room_list, screen.member_list):
        yield from _options(screen, pane)
    if timeline.is_on_screen and timeline.display:
        for row, index in reversed(timeline.in_sight()):
            place = Offset(timeline.content_region.x, timeline.content_region.y + row)
            yield Target(place, partial(_select, screen, index))


def _select(screen: ChatScreen, index: int) -> None:
    screen.set_focus(screen.pane.timeline)
    screen.pane.timeline.select(index)


def _options(screen: Screen[None], pane: OptionList) -> Iterator[Target]:
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
