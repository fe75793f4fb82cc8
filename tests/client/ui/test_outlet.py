"""The app outlives no terminal: whatever it does when that vanishes, it ends, and the draft is kept."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.ui.terminal import Terminal

SCRIPT = Path(__file__).with_name("vanishing.py")
F1 = b"\x1bOP"


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Return where terminals are put whose programs must not outlive the test."""
    begun: list[Terminal] = []
    yield begun
    for one in begun:
        one.kill()


def begun(terminals: list[Terminal], folder: Path, mode: str) -> Terminal:
    """Run the app until a draft stands in its composer, drawn and perhaps not saved."""
    terminal = Terminal(SCRIPT, str(folder), mode, columns=100, rows=30)
    terminals.append(terminal)
    terminal.read_until(b"Write here")
    terminal.press(b"half a though~")
    terminal.read_until(b"~")
    return terminal


@pytest.mark.parametrize("mode", ["quiet", "flood", "offline", "dialog"])
def test_a_vanished_terminal_ends_it(mode: str, tmp_path: Path, terminals: list[Terminal]) -> None:
    """No signal tells it: it is of no session of that terminal, as under a program that was killed."""
    terminal = begun(terminals, tmp_path, mode)
    if mode == "dialog":
        seen = len(terminal.output)
        terminal.press(F1)
        terminal.read_until(b"Esc", after=seen)
    terminal.vanish()
    assert terminal.wait() == 1
    assert (tmp_path / "draft").read_text() == "half a though~"


def test_it_ends_while_it_starts(tmp_path: Path, terminals: list[Terminal]) -> None:
    """The client hangs in its start, and the app with it: the last timer ends both."""
    terminal = Terminal(SCRIPT, str(tmp_path), "starting", columns=100, rows=30)
    terminals.append(terminal)
    terminal.read_until(b"\x1b[?1049h")
    terminal.vanish()
    assert terminal.wait() == 1


@pytest.mark.parametrize("mode", ["quiet", "flood"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it(
    mode: str, number: signal.Signals, tmp_path: Path, terminals: list[Terminal]
) -> None:
    """Not by the last timer, which would tell 1; only a terminal that stays is put in order."""
    terminal = begun(terminals, tmp_path, mode)
    terminal.signal(number)
    assert terminal.finish(b"") == 0
    assert (b"\x1b[?1049l" in terminal.output) is (number is signal.SIGTERM)
    assert (tmp_path / "draft").read_text() == "half a though~"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_that_takes_nothing_holds_no_signal_up(
    number: signal.Signals, tmp_path: Path, terminals: list[Terminal]
) -> None:
    """It is there, but nobody reads from it: the app hangs in a draw, and leaves all the same."""
    os.mkfifo(tmp_path / "full")
    terminal = begun(terminals, tmp_path, "stuck")
    with (tmp_path / "full").open():  # waits until the program opens it
        terminal.signal(number)
    assert terminal.wait() == 0
    assert (tmp_path / "draft").read_text() == "half a though~"
