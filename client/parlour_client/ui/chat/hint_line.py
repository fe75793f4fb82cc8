"""The line above the composer: what came late, the mode (reply, edit), a refusal, who is typing.

The most important of these is shown; a refusal stays until the next key press that sends, or for five more
seconds.
"""

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from parlour_client.kit.language import _, ngettext
from parlour_client.kit.widgets.safe import SafeStatic, join, own, peer_line
from parlour_client.ui.chat.deferred import Deferred

STAYS: Final = 8.0
"""Seconds for which a refusal is shown."""
_NAMED: Final = 3


class HintLine(SafeStatic):
    """One line about what is going on."""

    def __init__(self) -> None:
        super().__init__(id="hint")
        self._refusal: Content | None = None
        self._offer: Content | None = None
        self._warning = ""
        self._argument: Content | None = None
        self._progress: Content | None = None
        self._mode: Content | None = None
        self._shut: Content | None = None
        self._typing: Sequence[str] = ()
        self._across: Content | None = None
        self._expiry = Deferred(self, self.forget)

    def refuse(self, words: Content) -> None:
        """Show that something was not done, and why."""
        self._tell("! ", words)

    def say(self, words: Content) -> None:
        """Show that something was done."""
        self._tell("· ", words)

    def _tell(self, sign: str, words: Content) -> None:
        self._refusal = join(own(sign, "bold $text-error"), words)
        self._expiry.postpone(STAYS)
        self._update()
        self.refresh()  # a repeated refusal is shown again, even with the same text

    def forget(self) -> None:
        """Clear the refusal."""
        if self._refusal is not None:
            self._refusal = None
            self._update()

    def offer(self, words: Content | None) -> None:
        """Say what waits for a key; it stays until it is taken up or replaced."""
        if words is not None or self._offer is not None:
            self._offer = words
            self._update()

    def warn(self, words: str) -> None:
        """Warn about the text being written, in our words."""
        if words != self._warning:
            self._warning = words
            self._update()

    def argument(self, words: Content | None) -> None:
        """Show help for the argument that is being typed."""
        if words is not None or self._argument is not None:
            self._argument = words
            self._update()

    def progress(self, words: Content | None) -> None:
        """Show the progress of a file."""
        self._progress = words
        self._update()

    def mode(self, words: Content | None) -> None:
        """Show what Enter will do, if it is not a plain message."""
        self._mode = words
        self._update()

    def closed(self, words: Content | None) -> None:
        """Say that nothing can be sent here."""
        if words is not None or self._shut is not None:
            self._shut = words
            self._update()

    def across(self, words: Content | None) -> None:
        """Say how to go to the pane beside this one, while there is nothing else to say."""
        if words is not None or self._across is not None:
            self._across = words
            self._update()

    def typing(self, users: Sequence[str]) -> None:
        """Show who is typing."""
        self._typing = users
        self._update()

    def _update(self) -> None:
        if self._refusal is not None:
            self.show(self._refusal)
        elif self._offer is not None:
            mode = join(own("  "), self._mode) if self._mode is not None else own("")
            self.show(join(own("· ", "bold $primary"), self._offer, mode))
        elif self._shut is not None:
            self.show(self._shut)
        elif self._warning:
            self.show(own(self._warning, "$text-warning"))
        elif self._argument is not None:
            self.show(self._argument)
        elif self._progress is not None:
            self.show(self._progress)
        elif self._mode is not None:
            self.show(self._mode)
        elif self._typing:
            names = ", ".join(self._typing[:_NAMED])
            words = (
                _("{names} and others are typing")
                if len(self._typing) > _NAMED
                else ngettext("{names} is typing", "{names} are typing", len(self._typing))
            )
            self.show(peer_line(words.format(names=names)))
        else:
            self.show(self._across if self._across is not None else own(""))
