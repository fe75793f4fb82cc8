# ruff: noqa: S603, S607 - our own programs, and tmux as it is installed
"""The whole client in a terminal: `parlour chat` in a private tmux, read and typed to as a person would.

Nothing here waits for a time to pass: each wait looks at the screen until something is there, or fails
with the screen in its message.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.e2e.processes import DEADLINE, Person

_QUIET = 0.7
"""Seconds after which a question takes a key."""


class Terminal:
    """One tmux server with one client in it."""

    def __init__(
        self, person: Person, size: tuple[int, int] = (100, 30), program: Sequence[str] = ()
    ) -> None:
        """Take ``program``, called with the person's home, for the client."""
        self._socket = Path(tempfile.mkdtemp(prefix="tmux-", dir="/tmp")) / "s"  # a socket's path is short
        self._command = [*program, str(person.home)] if program else person.line("chat")
        self._size = size

    def open(self) -> "Terminal":
        """Start the client."""
        columns, rows = map(str, self._size)
        shape = ["new-session", "-d", "-x", columns, "-y", rows]
        program = ["tmux", "-S", str(self._socket), "-f", "/dev/null", *shape, *self._command]
        subprocess.run(program, check=True, env=os.environ | {"TERM": "xterm-256color"})
        return self

    def close(self) -> None:
        """Take the terminal away, as closing its window does; the client must end by itself."""
        process = self.tmux("list-panes", "-F", "#{pane_pid}").strip()
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], capture_output=True, check=False)
        if process:
            until(
                lambda: str(Path(f"/proc/{process}").exists()),
                lambda seen: seen == "False",
                "end of the client",
            )

    def tmux(self, *arguments: str) -> str:
        """Ask tmux something."""
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout

    def type(self, text: str) -> None:
        """Type letters."""
        self.tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names."""
        self.tmux("send-keys", *keys)

    def answer(self, question: str, key: str) -> None:
        """Answer a question, which takes no key that comes too soon after it, or after another one."""
        self.wait(question)
        pressed = time.monotonic()

        def is_answered(seen: str) -> bool:
            nonlocal pressed
            if question in seen and time.monotonic() - pressed > _QUIET:
                self.press(key)
                pressed = time.monotonic()
            return question not in seen

        self.wait_until(is_answered, f"answer to {question}")

    @property
    def text(self) -> str:
        """What is on the screen."""
        return self.tmux("capture-pane", "-p")

    def wait(self, *wanted: str, gone: str = "") -> str:
        """Look at the screen until all of these stand there and the other does not; returns the screen."""
        return self.wait_until(
            lambda seen: all(one in seen for one in wanted) and (not gone or gone not in seen),
            f"{wanted}, without {gone!r}",
        )

    def wait_until(self, fits: Callable[[str], bool], wanted: str) -> str:
        """Look at the screen until it fits; returns the screen."""
        return until(lambda: self.text, fits, wanted)


def until(look: Callable[[], str], fits: Callable[[str], bool], wanted: str) -> str:
    """Look again and again until it fits, or fail with what was seen."""
    end = time.monotonic() + DEADLINE
    while not fits(seen := look()):
        assert time.monotonic() < end, f"no {wanted} in:\n{seen}"
        time.sleep(0.05)  # another process draws: there is no event to wait for
    return seen
