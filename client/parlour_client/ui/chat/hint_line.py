"""The row above the composer: a notice, what came late, what Enter does, what is new below, who is typing.

The most important of these is shown. A notice is never cut: it takes the rows that it needs, and if there
are not enough, a key opens it. It goes away with the next key that sends, or when there was time to read it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from parlour_client.kit.language import _, ngettext
from parlour_client.kit.widgets.safe import SafeStatic, join, own, peer_line
from parlour_client.ui.chat.deferred import Deferred
from parlour_client.ui.input.keymap import written

STAYS: Final = 8.0
"""Seconds for which a notice is shown at least."""
_READ: Final = 15
"""Characters that someone reads in a second, with time to look up."""
_LEFT: Final = 4
"""Rows that a notice leaves: heading, a message, composer, status."""
_LEAST: Final = 8
"""Cells below which the beginning of a text says nothing."""
_NAMED: Final = 3


class HintLine(SafeStatic):
    """What is going on, in one row as long as there is no notice."""

    @dataclass
    class TooLong(Message):
        """A notice that has no room here: offer to open it."""

        words: Content

    def __init__(self) -> None:
        super().__init__(id="hint")
        self._notice: Content | None = None
        self._offer: Content | None = None
        self._warning = ""
        self._argument: Content | None = None
        self._mode: Content | None = None
        self._quoted: Content | None = None
        self._shut: Content | None = None
        self._is_long = False
        self._below = 0
        self._typing: Sequence[str] = ()
        self._across: Content | None = None
        self._expiry = Deferred(self, self.forget)
        self.add_class("-empty")

    def on_resize(self) -> None:
        """Cut the text that is answered where the row ends."""
        self._update()

    def refuse(self, words: Content) -> None:
        """Show that something was not done, and why."""
        self._tell(own("! ", "bold $error"), words)

    def say(self, words: Content) -> None:
        """Show that something was done."""
        self._tell(own("· ", "dim"), words)

    def _tell(self, sign: Content, words: Content) -> None:
        notice = join(sign, words)
        width = self._cells
        if width > 0 and len(notice.wrap(width)) > self.screen.size.height - _LEFT:
            self.post_message(self.TooLong(words))
            return
        self._notice = notice
        self._expiry.postpone(max(STAYS, len(notice) / _READ))
        self._update()
        self.refresh()  # a repeated notice is shown again, even with the same text

    def forget(self) -> None:
        """Clear the notice."""
        if self._notice is not None:
            self._notice = None
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

    def mode(self, words: Content | None, quoted: Content | None = None) -> None:
        """Show what Enter will do, if it is not a plain message; what someone else wrote comes last."""
        self._mode, self._quoted = words, quoted
        self._update()

    def long(self, *, on: bool) -> None:
        """Show the keys for a text of several rows."""
        if on != self._is_long:
            self._is_long = on
            self._update()

    def below(self, count: int) -> None:
        """Say how many messages came below what is seen."""
        if count != self._below:
            self._below = count
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

    @property
    def _cells(self) -> int:
        """The cells of its row, also while it is hidden."""
        above = self.parent
        return above.content_size.width - self.gutter.width if isinstance(above, Widget) else 0

    def _update(self) -> None:
        words = self._most_important()
        self.set_class(not words, "-empty")
        self.show(words)

    def _most_important(self) -> Content:  # noqa: PLR0911 - one for each
        if self._notice is not None:
            return self._notice
        if self._offer is not None:
            mode = join(own("  "), self._mode) if self._mode is not None else own("")
            return join(own("· ", "bold $primary"), self._offer, mode)
        if self._shut is not None:
            return self._shut
        if self._warning:
            return own(self._warning, "$warning")
        if self._argument is not None:
            return self._argument
        if self._mode is not None:
            return self._mode_row(self._mode)
        if self._is_long:
            return own(
                _("{enter} sends · {line} new line · {editor} your editor").format(
                    enter=written(self, "composer.send", "enter"),
                    line=written(self, "composer.newline", "ctrl+j"),
                    editor=written(self, "composer.editor", "f5"),
                )
            )
        if self._below:
            words = ngettext("{count} new below ({key})", "{count} new below ({key})", self._below)
            key = written(self, "chat.newest", "ctrl+end")
            return own(words.format(count=self._below, key=key), "bold $accent")
        return _typing(self._typing) or self._across or own("")

    def _mode_row(self, words: Content) -> Content:
        left = self._cells - words.cell_length - 3
        if self._quoted is None or left < _LEAST:
            return words
        return join(words, own(" ╭ ", "dim"), self._quoted.truncate(left, ellipsis=True))


def _typing(users: Sequence[str]) -> Content:
    if not users:
        return own("")
    names = ", ".join(users[:_NAMED])
    words = (
        _("{names} and others are typing")
        if len(users) > _NAMED
        else ngettext("{names} is typing", "{names} are typing", len(users))
    )
    return peer_line(words.format(names=names))
