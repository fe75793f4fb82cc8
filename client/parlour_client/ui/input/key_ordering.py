"""Keys that edit, done in their turn, and a one-line field that does so.

Textual does what a widget binds to a key when the event has bubbled up to the app. Of keys that come in one
piece (a slow line, a busy machine) a Backspace would take away what was typed after it. The composer and
every field call this from their own key handler, before the event goes anywhere.
"""

from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input


async def edit_in_turn(widget: Widget, key: str) -> bool:
    """Do what the widget's own class binds to a key, and tell whether there was anything."""
    for binding in widget._bindings.key_to_bindings.get(key, ()):  # noqa: SLF001 - Textual has no other way in
        is_textuals = not binding.id and not binding.priority
        if is_textuals and await widget.app.run_action(binding.action, widget):
            return True
    return False


class Field(Input):
    """A line to type in."""

    async def on_key(self, event: Key) -> None:
        """Edit in turn."""
        if await edit_in_turn(self, event.key):
            event.stop()
            event.prevent_default()
