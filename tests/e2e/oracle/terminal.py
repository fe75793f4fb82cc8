"""The client in a real pseudo-terminal, every byte read strictly and drawn on terminals that disagree.

It answers what a terminal answers (whether it knows synchronised output), and nothing else: a question that
a stranger's text asks is a violation. It waits for what is written, never for a time. The stages press its
keys.
"""

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import termios
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from tests.e2e.oracle.grammar import Reader, Token
from tests.e2e.oracle.grid import Agreeing, Grid, narrow, own_width
from tests.forked import ForkedPython

PATIENCE = 90.0
STUCK = -1
"""What stands for the exit code of a client that does not end when it is told to."""
QUIET = 0.03
"""Seconds without output after which a frame is taken for done."""
ASKS_SYNC, SYNC = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
PLACEHOLDER = "Write to "
MARK = re.compile(r"#(\d+);")


class StuckError(Exception):
    """What was waited for never came."""


class Terminal:
    """One client process: what Python is called with."""

    def __init__(
        self, command: Sequence[str], env: dict[str, str], columns: int, rows: int, texts: Iterable[str]
    ) -> None:
        self.reader = Reader(texts)
        self.screen = Agreeing(columns, rows)
        self.others: dict[str, Grid] = {
            "own width": Grid(columns, rows, own_width),
            "narrow": Grid(columns, rows, narrow),
        }
        self.seen: set[int] = set()
        """Marks that came by."""
        self.bytes = 0
        self.breaks_rows = False
        """Whether it goes on in a new row at its right edge: the screen forbids it, the line mode cannot."""
        self._column = 0
        self._moved: set[str] = set()
        self._borders: list[tuple[int, str]] = []
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self._text, self._frames = "", 0
        self._command, self._env, self._size = command, env, (columns, rows)
        self._master = -1
        self.process: ForkedPython

    async def start(self) -> None:
        """Run the client."""
        self._master, slave = pty.openpty()
        columns, rows = self._size
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        files = {0: slave, 1: slave, 2: slave}
        self.process = ForkedPython(self._command, files=files, env=self._env, start_new_session=True)
        os.close(slave)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 1 << 20)
        except OSError:  # Linux: the program closed its side
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
            self._ended.set()
            self._changed.set()
            return
        if ASKS_SYNC in data:
            os.write(self._master, SYNC)
        self.bytes += len(data)
        tokens = self.reader.feed(data)
        if not self.reader.closing:
            self.screen.feed(tokens)
            for grid in self.others.values():
                grid.feed(tokens)
            self._look_at_borders()
            if self.breaks_rows:
                self._look_at_edges(tokens)
        text = "".join(token.text for token in tokens if token.kind == "T")
        self._text = (self._text + text)[-200_000:]
        self.seen.update(int(mark) for mark in MARK.findall(text))
        self._changed.set()

    def _look_at_edges(self, tokens: Iterable[Token]) -> None:
        """Note rows that the terminal had to break: their rest stands where a line of the client begins."""
        for token in tokens:
            if token.kind != "T":
                self._column = 0
                continue
            before = self._column
            self._column += sum(own_width(char) for char in token.text)
            if before <= self._size[0] < self._column:
                self._borders.append((0, "a row was left to the terminal to break"))

    # --- what the stages do

    def press(self, keys: str) -> None:
        """Type."""
        self.forget()
        view = memoryview(keys.encode())
        while view:
            view = view[os.write(self._master, view) :]

    def forget(self) -> None:
        """Wait only for what is written from here on."""
        self._text, self._frames = "", self.reader.frames

    async def until(self, wanted: str | Callable[[str], bool], words: str = "") -> None:
        """Wait until something is written after the last key, and its frame is complete.

        ``words`` say in an error what it was.
        """
        met = (lambda text: wanted in text) if isinstance(wanted, str) else wanted
        try:
            async with asyncio.timeout(PATIENCE):
                while self.reader.in_frame or not met(self._text):
                    if self._ended.is_set():
                        raise StuckError(f"the client ended; its last words: {self._text[-200:]!a}")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise StuckError(
                f"{words or wanted!a} was not written; the last was {self._text[-200:]!a}"
            ) from None

    async def drawn(self, seconds: float = 1.5) -> bool:
        """Wait until a whole frame was drawn after the last key; tell whether one was."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.reader.frames == self._frames and not self._ended.is_set():
                    self._changed.clear()
                    await self._changed.wait()
        await self.quiet(QUIET / 2)
        return self.reader.frames > self._frames

    async def differs(self, does: Callable[[list[str]], bool], seconds: float = 1.5) -> bool:
        """Wait until the screen's rows are as wanted, and drawn whole; tell whether they came to be."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while (self.reader.in_frame or not does(self.lines())) and not self._ended.is_set():
                    self._changed.clear()
                    await self._changed.wait()
        await self.quiet(QUIET / 2)
        return does(self.lines())

    async def quiet(self, seconds: float = QUIET) -> None:
        """Wait until nothing more is drawn."""
        with suppress(TimeoutError):
            while not self._ended.is_set():
                self._changed.clear()
                async with asyncio.timeout(seconds):
                    await self._changed.wait()

    async def shows(self, wanted: str) -> None:
        """Wait until the screen shows something."""
        await self.until(lambda _text: self.has(wanted), wanted)

    async def wrote(self, wanted: str) -> None:
        """Wait until the screen shows something, or showed it for a moment between two looks."""
        await self.until(lambda text: wanted in text or self.has(wanted), wanted)

    async def leave(self, keys: str, words: str) -> None:
        """Press the keys that leave a dialog; wait until its words are gone and the composer is empty."""
        self.press(keys)
        await self.until(lambda _text: not self.has(words) and self.has(PLACEHOLDER), f"the end of {words!a}")

    def has(self, words: str) -> bool:
        """Tell whether the screen shows something."""
        return any(words in line for line in self.lines())

    def lines(self) -> list[str]:
        """Return the screen, row by row."""
        return [self.screen.line(row) for row in range(self.screen.rows)]

    def check(self) -> list[tuple[int, str]]:
        """Return the violations since the last check, each with its row; borders included."""
        found = self.reader.violations + self._borders
        self.reader.violations, self._borders = [], []
        return found

    def _look_at_borders(self) -> None:
        """Note borders that have moved; at once, since what is drawn next may put them back."""
        for name, grid in self.others.items():
            for row in self.screen.moved(grid):
                key = f"{name}/{row}/{grid.line(row - 1)}"
                if key not in self._moved:
                    self._moved.add(key)
                    self._borders.append((row, f"a pane border moved ({name})"))

    def nearest_mark(self, row: int) -> int | None:
        """Return the number in the nearest mark below the row, else above it."""
        marks = [
            (at + 1, int(found[1])) for at, line in enumerate(self.lines()) if (found := MARK.search(line))
        ]
        below = [mark for at, mark in marks if at >= row]
        return below[0] if below else marks[-1][1] + 1 if marks else None

    async def quit(self, keys: str) -> int:
        """End the client as a person does; return its exit code."""
        self.reader.closing = True
        if not self._ended.is_set():
            self.press(keys)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._ended.wait()
                return await self.process.ended()
        except TimeoutError:
            return STUCK
        finally:
            if self.process.returncode is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                await self.process.ended()
            os.close(self._master)
