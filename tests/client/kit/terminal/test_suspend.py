"""Ctrl+Z in a real terminal, under a shell and without one."""

import os
import signal
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from tests.client.ui.pseudo_terminal import Terminal

from parlour_client.kit.terminal.safe_app import SafeApp

SHELL = Path(__file__).with_name("job_shell.py")
PROGRAM = Path(__file__).parents[2] / "ui" / "in_terminal.py"


def test_ctrl_z_stops_and_comes_back_with_a_whole_screen(tmp_path: Path) -> None:
    """The shell gets the terminal as it was; `fg` draws everything again, and keys arrive."""
    (tmp_path / "texts.json").write_text('["hello"]')
    terminal = Terminal(SHELL, str(PROGRAM), str(tmp_path / "texts.json"), columns=80, rows=24)
    terminal.read_until(b"END OF ALL")
    terminal.press(b"\x1a")
    terminal.read_until(b"STOPPED")
    assert terminal.output.rindex(b"\x1b[?1049l") > terminal.output.rindex(b"\x1b[?1049h")
    stopped = len(terminal.output)
    terminal.press(b"fg\n")
    terminal.read_until(b"END OF ALL", after=stopped)
    terminal.press(b"typed afterwards")
    terminal.read_until(b"afterwards", after=stopped)
    assert terminal.finish() == 0
    assert terminal.is_given_back


def test_without_a_shell_ctrl_z_does_nothing(tmp_path: Path) -> None:
    """Stopped as the terminal's only program, it could never be continued."""
    (tmp_path / "texts.json").write_text('["hello"]')
    terminal = Terminal(PROGRAM, str(tmp_path / "texts.json"), columns=80, rows=24)
    terminal.read_until(b"END OF ALL")
    terminal.press(b"\x1astill here")
    terminal.read_until(b"still here")
    assert terminal.finish() == 0


async def test_what_continues_it_is_not_heard_by_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heard late, in another thread, it would take a terminal that is taken again, and never give it back."""

    class Lent(SafeApp):
        lend_terminal = staticmethod(nullcontext)  # type: ignore[assignment]

    def ours(*_: object) -> None:
        """Be the driver's."""

    heard: list[Any] = []
    app = Lent()
    async with app.run_test():
        before = signal.signal(signal.SIGCONT, ours)
        try:
            monkeypatch.setattr(os, "kill", lambda *_: heard.append(signal.getsignal(signal.SIGCONT)))
            app.action_suspend_process()
            assert heard == [signal.SIG_DFL]
            assert signal.getsignal(signal.SIGCONT) is ours
        finally:
            signal.signal(signal.SIGCONT, before)
