"""The line above the composer: what you are doing (reply, edit), what was refused, who types.

The most important of these is shown; a refusal stays until the next key press that sends or five more
seconds have gone.
"""

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from parlour_client.ui.deferred import Deferred
from parlour_client.ui.safe import SafeStatic, join, own, peer_line

STAYS: Final = 8.0
"""Seconds that a refusal is shown."""
_NAMED: Final = 3


class HintLine(SafeStatic):
    """One line of words about what goes on."""

    def __init__(self) -> None:
        super().__init__(id="hint")
        self._refusal: Content | None = None
        self._warning = ""
        self._progress: Content | None = None
        self._mode: Content | None = None
        self._typing: Sequence[str] = ()
        self._expiry = Deferred(self, self.forget)

    def refuse(self, words: Content) -> None:
        """Say that something was not done, and why."""
        self._tell("! ", words)

    def say(self, words: Content) -> None:
        """Say what was done."""
        self._tell("· ", words)

    def _tell(self, sign: str, words: Content) -> None:
        self._refusal = join(own(sign, "bold $text-error"), words)
        self._expiry.postpone(STAYS)
        self._update()
        self.refresh()  # what was refused again is said again, in the same words too

    def forget(self) -> None:
        """Take the refusal away."""
        if self._refusal is not None:
            self._refusal = None
            self._update()

    def warn(self, words: str) -> None:
        """Tell something about the text being written; our words."""
        if words != self._warning:
            self._warning = words
            self._update()

    def progress(self, words: Content | None) -> None:
        """Tell how far a file is."""
        self._progress = words
        self._update()

    def mode(self, words: Content | None) -> None:
        """Tell what Enter will do, when it is not a plain message."""
        self._mode = words
        self._update()

    def typing(self, users: Sequence[str]) -> None:
        """Tell who types."""
        self._typing = users
        self._update()

    def _update(self) -> None:
        if self._refusal is not None:
            self.show(self._refusal)
        elif self._warning:
            self.show(own(self._warning, "$text-warning"))
        elif self._progress is not None:
            self.show(self._progress)
        elif self._mode is not None:
            self.show(self._mode)
        elif self._typing:
            names = own(", ").join(peer_line(name) for name in self._typing[:_NAMED])
            more = own(" and others") if len(self._typing) > _NAMED else own("")
            verb = " is typing" if len(self._typing) == 1 else " are typing"
            self.show(join(names, more, own(verb, "dim")))
        else:
            self.show(own(""))
