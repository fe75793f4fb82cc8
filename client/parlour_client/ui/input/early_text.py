"""Text typed while the chat is being opened: it is put into the composer, and never sent by itself.

The room that will be open is not on the screen yet, so Enter begins a line. Any other key acts as usual: a
slow start keeps nobody from leaving.
"""

from textual.events import Key, Paste


class EarlyText:
    """Typed text that waits for the composer."""

    def __init__(self) -> None:
        self._text: str | None = None

    def keep(self) -> None:
        """Keep what is typed from now on, until ``give``."""
        self._text = ""

    def add(self, event: Key | Paste) -> bool:
        """Keep a letter, a line or a paste; returns whether it was one, and the time for it."""
        if self._text is None:
            return False
        if isinstance(event, Paste):
            self._text += event.text
        elif event.is_printable and event.character is not None:
            self._text += event.character
        elif event.key == "enter":
            self._text += "\n"
        elif event.key == "backspace":
            self._text = self._text[:-1]
        else:
            return False
        return True

    def give(self) -> str:
        """Return what was typed, and keep no more."""
        text, self._text = self._text or "", None
        return text.rstrip("\n")
