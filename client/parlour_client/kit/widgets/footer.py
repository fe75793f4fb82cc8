"""The keys at the foot of a screen, redrawn only if they have changed.

Textual's footer recreates all its keys whenever the focus moves or a dialog opens or closes, mostly the same
ones, and removed keys stay in memory: each key watches the footer, which lives as long as the screen.
"""

from itertools import accumulate

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from parlour_client.kit.language import _
from parlour_client.kit.terminal.column_anchoring import ColumnAnchors

Shown = tuple[str, str, str, str, bool]
"""Key, its label, its description, the action, whether it is enabled."""


class _AnchoredKey(FooterKey):
    """A key whose row keeps its columns, and the order of a language from right to left."""

    def __init__(self, key: str, written: str, words: str, action: str, *, disabled: bool) -> None:
        super().__init__(key, written, words, action, disabled=disabled)
        self._column_anchors = ColumnAnchors()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, with each row anchored to its columns."""
        return self._column_anchors.anchor(self, super().render_lines(crop), crop)


class KeyFooter(Footer):
    """A line of keys."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)
        self._shown: tuple[Shown, ...] = ()

    def on_resize(self) -> None:
        """Show the keys that fit now: half of one would be cut off."""
        self.bindings_changed(self.screen)

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Redraw the keys if they have changed."""
        if screen.app.app_focus and (keys := self._keys()) != self._shown:
            self._shown = keys
            super().bindings_changed(screen)

    def compose(self) -> ComposeResult:
        """Show one key for each action."""
        for key, written, words, action, enabled in self._shown:
            yield _AnchoredKey(key, written, words, action, disabled=not enabled)

    def _keys(self) -> tuple[Shown, ...]:
        bindings = dict[str, tuple[Binding, bool]]()
        for _node, binding, enabled, _tooltip in self.screen.active_bindings.values():
            if binding.show:
                bindings.setdefault(binding.action, (binding, enabled))
        keys = [
            (one.key, self.app.get_key_display(one), _(one.description), one.action, enabled)
            for one, enabled in bindings.values()
        ]
        ends = accumulate(cell_len(f"{written} {words} ") for _key, written, words, *_rest in keys)
        return tuple(key for key, end in zip(keys, ends, strict=True) if end - 1 <= self.screen.size.width)
