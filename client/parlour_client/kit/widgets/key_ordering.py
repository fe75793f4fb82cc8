"""Runs editing keys in order, and a one-line field that does so.

Textual runs a widget's binding when the event has bubbled up to the app. If keys arrive in one piece (a slow
line, a busy machine), a Backspace would delete text that was typed after it. The composer and every field
call this from their own key handler, before the event goes anywhere.
"""

import re
from functools import cache, cached_property
from typing import Final

from textual.binding import Binding
from textual.events import Key
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from parlour_client.kit.terminal.column_anchoring import ColumnAnchors

_TYPED: Final = re.compile("[\xa0\u2000-\u200a\u200c\u200d\u202f\u205f\u3000]")
_BY_WORDS: Final = {"alt+b": "ctrl+left", "alt+f": "ctrl+right"}
"""Keys of readline, which Option and an arrow send on a Mac."""


async def edit_in_turn(widget: Widget, key: str) -> bool:
    """Run Textual's binding of a key for this kind of widget, and say whether there was one."""
    action = editing_keys(type(widget)).get(key)
    return action is not None and await widget.app.run_action(action, widget)


@cache
def editing_keys(kind: type[Widget]) -> dict[str, str]:
    """Return Textual's own actions by key: our bindings have an id, so that a person can change them."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        for binding in base.__dict__.get("BINDINGS", ()):
            if isinstance(binding, Binding) and not binding.id and not binding.priority:
                found |= dict.fromkeys(binding.key.split(","), binding.action)
    return found | {alt: found[key] for alt, key in _BY_WORDS.items() if key in found}


class Field(Input):
    """A line to type in."""

    @cached_property
    def _column_anchors(self) -> ColumnAnchors:
        return ColumnAnchors()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw; a placeholder is ordered as the setting says, what is typed as it is."""
        strips = super().render_lines(crop)
        return strips if self.value else self._column_anchors.anchor(self, strips, crop)

    async def on_key(self, event: Key) -> None:
        """Edit in order, and take the joiners and wide spaces of keyboards, which Input does not."""
        if event.character is not None and _TYPED.fullmatch(event.character):
            self.replace(event.character, *self.selection)
        elif not await edit_in_turn(self, event.key):
            return
        event.stop()
        event.prevent_default()
