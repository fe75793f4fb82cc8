"""Textual's driver, which a terminal that vanishes or takes nothing never holds up.

A terminal that is gone answers each write with an error, and Textual's writer dies of it: its queue fills,
and the next draw would block the app for ever, with every timer in it. A read then returns at once, for ever,
and would keep a core busy. So a thread of its own looks after the terminal; once it is lost nothing is drawn
or read any more, and the app is told to leave. Not on Windows, where a closed console ends its processes.

A terminal that takes nothing holds Textual's writer in a write for ever. Python flushes standard error when
it ends, and would wait for that write; so the writer does not write through it.
"""

import fcntl
import io
import os
import select
import struct
import termios
import threading
from functools import partial
from queue import Full
from typing import Any, Final, TextIO

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from parlour_client.kit.terminal.alt_keys import read_alt_keys
from parlour_client.kit.terminal.hangup import LAST_SECONDS, terminal_is_gone, write_nowhere
from parlour_client.kit.terminal.input_parser import InputParser

LOOK_EVERY: Final = 2.0
"""Seconds between two checks if the system does not report a hang-up."""
READ_EVERY: Final = 0.1
"""Seconds to wait for input until the parser may give up on the rest of a key."""
PATIENCE: Final = 0.5
"""Seconds until a waiting write checks whether there is still a terminal, and whether to wait on."""
READ_BYTES: Final = 4096
"""The most that is read at once."""
BATCH: Final = 8192
"""Bytes that are collected before they are written without a flush."""
_WINDOW: Final = struct.Struct("HHHH")
"""Rows, columns, width and height in pixels, as the system tells them: ioctl_tty(2)."""


class TerminalFile(io.TextIOBase):
    """The descriptor of a text file, without the lock of its buffer: a stuck write blocks no one."""

    def __init__(self, file: TextIO) -> None:
        self._descriptor = file.fileno()
        self._encoding, self._errors = file.encoding, file.errors or "strict"
        self._pending = bytearray()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def write(self, text: str, /) -> int:
        """Take text, and write it when there is enough of it."""
        self._pending += text.encode(self._encoding, self._errors)
        if len(self._pending) >= BATCH:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Write all of it."""
        data, self._pending = memoryview(self._pending), bytearray()
        while data:
            data = data[os.write(self._descriptor, data) :]


class TerminalDriver(LinuxDriver):
    """A driver that loses its terminal gracefully."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        read_alt_keys()
        self._exit = partial(app.call_later, app.exit, return_code=1)
        self._file: TextIO = TerminalFile(self._file)  # type: ignore[assignment]  # Textual's writer uses no more of it
        self._lost = threading.Event()
        self._hurried = False
        self._watch: threading.Thread | None = None
        self._parser = InputParser()

    def start_application_mode(self) -> None:
        """Take the terminal, and watch it from then on."""
        if self._watch is None:
            self._watch = threading.Thread(target=self._look, name="terminal-watch", daemon=True)
            self._watch.start()
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual gives it no types

    def run_input_thread(self) -> None:
        """Read until the app leaves, as Textual's method does, with a parser that takes no paste for keys."""
        parser = self._parser = InputParser(self._parser.asked)  # the terminal was lent meanwhile
        is_last = False
        while not is_last:
            is_last = self.exit_event.is_set()  # what has come by then is read, so that no shell gets it
            if select.select([self.fileno], [], [], READ_EVERY)[0]:
                for message in parser.feed(os.read(self.fileno, READ_BYTES)):
                    self.process_message(message)
            for message in parser.tick():
                self.process_message(message)
        parser.close()

    def ask(self, question: str) -> None:
        """Ask the terminal; a ``TerminalAnswer`` for each answer goes to the app. It ends with DA1."""
        self._parser.asked += 1
        self.write(question + "\x1b[c")

    @property
    def cell_pixels(self) -> tuple[int, int]:
        """Width and height of a cell in pixels; zeros if the terminal does not say."""
        rows, columns, width, height = _WINDOW.unpack(
            fcntl.ioctl(self.fileno, termios.TIOCGWINSZ, bytes(_WINDOW.size))
        )
        return width // max(1, columns), height // max(1, rows)

    def write(self, data: str) -> None:
        """Draw; wait for a slow terminal, never for a lost one."""
        self._put(data)

    def close(self) -> None:
        """Write the rest, if there is still a terminal."""
        self._put(None)
        writer = self._writer_thread
        while writer is not None and writer.is_alive() and not self._lost.is_set():
            writer.join(PATIENCE)
            self._give_up_if_hurried()

    def _put(self, data: str | None) -> None:
        while not self._lost.is_set() and self._writer_thread is not None:
            try:
                self._writer_thread._queue.put(data, timeout=PATIENCE)  # noqa: SLF001 - its own write waits for ever
            except Full:
                self._give_up_if_hurried()
            else:
                return

    def _give_up_if_hurried(self) -> None:
        writer = self._writer_thread
        if self._hurried and writer is not None and writer.is_alive():
            self.lose()

    def hurry(self) -> None:
        """Wait only a moment for a stuck terminal."""
        self._hurried = True

    def lose(self) -> None:
        """Stop writing and reading."""
        write_nowhere()
        self._lost.set()
        self.exit_event.set()

    def _look(self) -> None:
        poll = select.poll()
        poll.register(self.fileno, 0)  # nothing but the hang-up
        while not terminal_is_gone():
            if poll.poll(LOOK_EVERY * 1000) and not terminal_is_gone():
                self._lost.wait(LOOK_EVERY)  # a system whose terminals cannot be polled
        self.lose()
        last = threading.Timer(LAST_SECONDS, partial(os._exit, 1))
        last.daemon = True  # it delays nothing if all ends well
        last.start()
        self._exit()
