"""The keys at the foot of a screen, redrawn only if they have changed.

Textual's footer recreates all its keys whenever the focus moves or a dialog opens or closes, mostly the same
ones, and removed keys stay in memory: each key watches the footer, which lives as long as the screen.
"""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from parlour_client.kit.language import _

Shown = tuple[str, str, str, str, bool]
"""Key, its label, its description, the action, whether it is enabled."""


class KeyFooter(Footer):
    """A line of keys."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)
        self._shown: tuple[Shown, ...] = ()

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Redraw the keys if they have changed."""
        if screen.app.app_focus and (keys := self._keys()) != self._shown:
            self._shown = keys
            super().bindings_changed(screen)

    def compose(self) -> ComposeResult:
        """Show one key for each action."""
        for key, written, words, action, enabled in self._shown:
            yield FooterKey(key, written, words, action, disabled=not enabled)

    def _keys(self) -> tuple[Shown, ...]:
        bindings = dict[str, tuple[Binding, bool]]()
        for _node, binding, enabled, _tooltip in self.screen.active_bindings.values():
            if binding.show:
                bindings.setdefault(binding.action, (binding, enabled))
        return tuple(
            (one.key, self.app.get_key_display(one), _(one.description), one.action, enabled)
            for one, enabled in bindings.values()
        )
