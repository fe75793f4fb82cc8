"""Text typed while the chat is being opened: it is put into the composer, and never sent by itself.

The room that will be open is not on the screen yet, so Enter begins a line. Any other key acts as usual: a
slow start keeps nobody from leaving.
"""

from textual.events import Key, Paste


class EarlyText:
    """Typed text that waits for the composer."""

    def __init__(self) -> None:
        self.text = ""

    def add(self, event: Key | Paste) -> bool:
        """Keep a letter, a line or a paste; returns whether it was one."""
        if isinstance(event, Paste):
            self.text += event.text
        elif event.is_printable and event.character is not None:
            self.text += event.character
        elif event.key == "enter":
            self.text += "\n"
        elif event.key == "backspace":
            self.text = self.text[:-1]
        else:
            return False
        return True
