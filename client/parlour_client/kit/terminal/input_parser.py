"""Reads keys and pastes from what a terminal sends: nothing inside a paste is a key.

Textual's parser looks for keys after every Esc in a paste: what follows, line ends as well, becomes keys, and
so is sent, or runs a command. So a paste is collected here until its end, and Textual's parser sees only its
two marks. So is an answer of the terminal to a question of ours, of which that parser would make keys.
A byte that is not UTF-8 becomes U+FFFD, where Textual's reader would end the app.
"""

import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import Final

from textual._xterm_parser import XTermParser  # it has no public name; the tests use it
from textual.events import Paste
from textual.message import Message

_BEGIN: Final = "\x1b[200~"
_END: Final = "\x1b[201~"
_ANSWER: Final = re.compile(r"\x1b_G[^\x1b]*\x1b\\|\x1b\[\?[\d;]*c")
"""What a terminal says of Kitty's graphics, and its attributes (DA1): no key is written so."""
_BEGUN: Final = re.compile(r"\x1b(_(G[^\x1b]*\x1b?)?|\[(\?[\d;]*)?)?\Z")


class TerminalAnswer(Message):
    """What the terminal answered to a question."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class InputParser:
    """Textual's parser for everything but pastes."""

    def __init__(self, asked: int = 0) -> None:
        self._keys = XTermParser()
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._before = ""
        """The last characters outside of a paste, because its mark may come in several reads."""
        self._pasted: str | None = None
        self._begun = ""
        """The first characters of an answer, because it may come in several reads."""
        self._is_esc_old = False
        """Whether an Esc that may begin an answer was there before the last read."""
        self.asked = asked
        """Questions that the terminal has not answered yet; each ends with that for the attributes."""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield what is complete now."""
        rest = self._decode(data)
        while rest:
            if self._pasted is None:
                seen = self._before + rest
                at = seen.find(_BEGIN)
                end = len(rest) if at < 0 else at + len(_BEGIN) - len(self._before)
                yield from self._feed_keys(rest[:end])
                self._before = seen[1 - len(_BEGIN) :] if at < 0 else ""
                self._pasted = None if at < 0 else ""
                rest = rest[end:]
            else:
                text, mark, rest = (self._pasted + rest).partition(_END)
                self._pasted = None if mark else text
                if mark:
                    yield from (
                        message for message in self._keys.feed(mark) if not isinstance(message, Paste)
                    )
                    yield Paste(text.replace("\x00", ""))

    def _feed_keys(self, text: str) -> Iterator[Message]:
        """Yield what is complete of text outside of a paste: keys, and the answer to a question."""
        text, self._begun = self._begun + text, ""
        while self.asked and (answer := _ANSWER.search(text)):
            if before := text[: answer.start()]:
                yield from self._keys.feed(before)
            yield TerminalAnswer(answer[0])
            text = text[answer.end() :]
            self.asked -= answer[0].endswith("c")
        if self.asked and (begun := _BEGUN.search(text)):
            text, self._begun, self._is_esc_old = text[: begun.start()], begun[0], False
        if text:  # no text would be the end of all input
            yield from self._keys.feed(text)

    def tick(self) -> Iterator[Message]:
        """Yield an Esc that nothing has followed for a while; call it between reads."""
        if self._begun == "\x1b":
            if self._is_esc_old:  # nothing followed it: it is the key
                self._begun = ""
                yield from self._keys.feed("\x1b")
            self._is_esc_old = True
        yield from self._keys.tick()

    def close(self) -> None:
        """Take no more."""
        for _ in self._keys.feed(""):
            pass
