"""The app outlives no terminal: whatever it does when that vanishes, it ends, and the draft is kept."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.ui.pseudo_terminal import Terminal

SCRIPT = Path(__file__).parents[2] / "ui" / "vanishing.py"
F1 = b"\x1bOP"
TAKEN = b"\x1b[?1049h"
PLACES = ["starting", "welcome", "joining", "locked"]
SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]


def crossed(modes: list[str]) -> list[Any]:
    """Return each mode with each signal; pairs that show neither for the first time are long."""
    least = min(len(modes), len(SIGNALS))
    return [
        pytest.param(mode, number, marks=[pytest.mark.long] if (at - turn) % least else [])
        for at, mode in enumerate(modes)
        for turn, number in enumerate(SIGNALS)
    ]


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Return where terminals are put whose programs must not outlive the test."""
    begun: list[Terminal] = []
    yield begun
    for one in begun:
        one.kill()


def begun(terminals: list[Terminal], folder: Path, mode: str) -> Terminal:
    """Run the app until a draft is in its composer, drawn and perhaps not saved."""
    terminal = Terminal(SCRIPT, str(folder), mode, columns=100, rows=30)
    terminals.append(terminal)
    terminal.read_until(b"Write to ")
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


def test_a_paste_with_an_escape_is_one_paste(tmp_path: Path, terminals: list[Terminal]) -> None:
    """Its lines are asked about and not sent; a byte before it that is not UTF-8 ends nothing."""
    terminal = begun(terminals, tmp_path, "quiet")
    terminal.press(b"\xfc\x1b[200~\x1b[31m\rtwo\rthree" + b"x" * 40 + b"\rfour\x1b[201~")
    terminal.read_until(b"about to paste")
    terminal.vanish()
    assert terminal.wait() == 1
    assert (tmp_path / "draft").read_text().startswith("half a though~")


def before_the_chat(terminals: list[Terminal], folder: Path, mode: str) -> Terminal:
    """Run the app until it stands where there is no chat: at its start, the welcome, or the lock."""
    if mode == "locked":
        terminal = begun(terminals, folder, mode)
        terminal.read_until(b"Locked")
        return terminal
    terminal = Terminal(SCRIPT, str(folder), mode, columns=100, rows=30)
    terminals.append(terminal)
    terminal.read_until({"starting": TAKEN}.get(mode, b"Join with an invite"))
    if mode == "joining":
        terminal.press(b"\x1b[B\rchat.example:8443\rada\rsome password\r")
        terminal.read_until(b"Connecting")
    return terminal


@pytest.mark.parametrize("mode", PLACES)
def test_a_vanished_terminal_ends_it_before_the_chat(
    mode: str, tmp_path: Path, terminals: list[Terminal]
) -> None:
    """Also there, by itself and not by the last timer, which would leave no word."""
    before_the_chat(terminals, tmp_path, mode).vanish()
    assert terminals[0].wait() == 1
    assert (tmp_path / "left").read_text() == "1"


@pytest.mark.parametrize(("mode", "number"), crossed(PLACES))
def test_a_signal_ends_it_before_the_chat(
    mode: str, number: signal.Signals, tmp_path: Path, terminals: list[Terminal]
) -> None:
    """The terminal is given back as it was: screen, cursor, mouse, and its own line discipline."""
    terminal = before_the_chat(terminals, tmp_path, mode)
    terminal.signal(number)
    assert terminal.finish(b"") == 0
    assert (tmp_path / "left").read_text() == "0"
    assert terminal.is_given_back
    if mode == "locked":
        assert (tmp_path / "draft").read_text() == "half a though~"


@pytest.mark.parametrize(("mode", "number"), crossed(["quiet", "flood"]))
def test_a_signal_ends_it(
    mode: str, number: signal.Signals, tmp_path: Path, terminals: list[Terminal]
) -> None:
    """Not by the last timer, which would tell 1; a terminal that stays is put in order."""
    terminal = begun(terminals, tmp_path, mode)
    terminal.signal(number)
    assert terminal.finish(b"") == 0
    assert terminal.is_given_back
    assert (tmp_path / "draft").read_text() == "half a though~"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_that_takes_nothing_holds_no_signal_up(
    number: signal.Signals, tmp_path: Path, terminals: list[Terminal]
) -> None:
    """It is there, but no one reads from it: the app hangs in a draw, and leaves all the same."""
    os.mkfifo(tmp_path / "full")
    terminal = begun(terminals, tmp_path, "stuck")
    with (tmp_path / "full").open():  # waits until the program opens it
        terminal.signal(number)
    assert terminal.wait() == 0
    assert (tmp_path / "draft").read_text() == "half a though~"
