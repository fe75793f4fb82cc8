"""Jump mode: one key paints a letter on each room, message and pane that can be seen; the letter goes there.

The letters are drawn over the screen that stays as it was. Any other key leaves. ``ParlourApp`` inherits it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.geometry import Offset
from textual.screen import ModalScreen
from textual.widgets import OptionList

from parlour_client.ui.app_settings import Preferring
from parlour_client.ui.chat.base import ChatParts
from parlour_client.ui.dialogs.overlay import Veiled
from parlour_client.ui.safe import SafeStatic, own
from parlour_client.ui.toasts import Notice, notice

LETTERS: Final = "asdfghjklqwertyuiopzxcvbnmASDFGHJKLQWERTYUIOPZXCVBNM"
"""The home row first. What has no letter left is reached by scrolling first."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something that can be reached: where its letter stands, and how to go there."""

    at: Offset
    go: Callable[[], object]


class JumpScreen(Veiled, ModalScreen[Target | None]):
    """Letters over the screen."""

    HELP: ClassVar[str | None] = "Press a letter to go where it stands; any other key leaves."

    def __init__(self, targets: list[Target]) -> None:
        super().__init__(classes="jump")
        self._targets = dict(zip(LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        """Paint the letters."""
        for letter, target in self._targets.items():
            mark = SafeStatic(own(letter, "bold"), classes="mark")
            mark.styles.offset = target.at
            yield mark

    def on_key(self, event: Key) -> None:
        """Leave with the target of the letter, or with none."""
        event.stop()
        event.prevent_default()
        _ = self.dismiss(self._targets.get(event.character or ""))


class Jumping(Preferring):
    """An app with jump mode."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "jump", "Jump", show=False, id="app.jump"),
    ]

    def action_jump(self) -> None:
        """Paint letters and go where the person says."""
        screen = self.screen
        if not isinstance(screen, ChatParts):
            return
        targets = list(targets_of(screen))
        if not targets:
            notice(self, Notice.NOTHING_TO_REACH)
            return

        def go(target: Target | None) -> None:
            if target is not None:
                _ = target.go()

        _ = self.push_screen(JumpScreen(targets), go)


def targets_of(screen: ChatParts) -> Iterator[Target]:
    """Yield what can be reached on the chat screen: composer, rooms, people, messages (the newest first)."""
    if screen.composer.display:
        yield Target(screen.composer.region.offset, partial(screen.set_focus, screen.composer))
    for pane in (screen.room_list, screen.member_list):
        yield from _options(screen, pane)
    timeline = screen.timeline
    if timeline.is_on_screen and timeline.display:
        for row, index in reversed(timeline.in_sight()):
            yield Target(
                Offset(timeline.content_region.x, timeline.content_region.y + row),
                partial(_select, screen, index),
            )


def _options(screen: ChatParts, pane: OptionList) -> Iterator[Target]:
    """Yield the entries of a list that are in sight; rows know their option by the style's meta."""
    if not pane.is_on_screen:
        return
    region, seen = pane.content_region, set[int]()
    for row in range(region.height):
        index = screen.get_style_at(region.x, region.y + row).meta.get("option")
        if isinstance(index, int) and index not in seen and not pane.get_option_at_index(index).disabled:
            seen.add(index)
            yield Target(Offset(region.x, region.y + row), partial(_choose, screen, pane, index))


def _choose(screen: ChatParts, pane: OptionList, index: int) -> None:
    screen.set_focus(pane)
    if index < pane.option_count:
        pane.highlighted = index
        pane.action_select()


def _select(screen: ChatParts, index: int) -> None:
    screen.set_focus(screen.timeline)
    screen.timeline.select(index)
