"""A terminal that vanishes, with a signal or without, ends the app; what is being written is saved first."""

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from parlour_client.kit.terminal import hangup
from parlour_client.kit.terminal.hangup import Hangup


def test_a_vanished_terminal_ends_the_app(tmp_path: Path) -> None:
    """The process is of no session of that terminal, so no signal tells it."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    command = [sys.executable, "-m", "parlour_client", "--home", str(tmp_path / "home"), "chat"]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    ) as process:
        os.close(slave)
        drawn = b""
        while b"arlour" not in drawn and select.select([master], [], [], 60)[0]:
            drawn += os.read(master, 65_536)
        # until the screen stands: one that is still being drawn would notice by its writes
        stands = time.monotonic() + 3
        while (left := stands - time.monotonic()) > 0:
            if select.select([master], [], [], left)[0]:
                os.read(master, 65_536)
        os.close(master)
        try:
            assert process.wait(120) == 1
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("gone", [False, True])
async def test_it_saves_and_then_leaves(
    number: signal.Signals, *, gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this order and once; a terminal that is gone is written to no more, one that stays is left alone."""
    monkeypatch.setattr(hangup, "LAST_SECONDS", 60.0)
    done: list[str] = []
    left = asyncio.Event()
    reading, writing = os.pipe()

    async def save() -> None:
        os.kill(os.getpid(), signal.SIGTERM)  # a second one: by default it would end the tests
        await asyncio.sleep(0)
        done.append("saved")

    def leave() -> None:
        done.append("left")
        left.set()

    mine = Hangup(save, leave, terminal=(writing,), gone=lambda: gone, end=lambda: done.append("ended"))
    before = signal.getsignal(number)
    mine.install()
    os.kill(os.getpid(), number)
    async with asyncio.timeout(60):
        await left.wait()
    mine.remove()
    assert done == ["saved", "left"]
    assert signal.getsignal(number) is before
    os.write(writing, b"x")
    os.set_blocking(reading, False)
    # where no one holds the pipe's other end there is an end to read
    assert os.read(reading, 1) == (b"" if gone else b"x")
    assert mine._last is not None
    mine._last.cancel()
    os.close(reading)
    os.close(writing)


async def test_what_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saving hangs: the last timer ends the process, so that the outbox is free for the next one."""
    monkeypatch.setattr(hangup, "LAST_SECONDS", 0.01)
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    mine = Hangup(
        asyncio.Event().wait,  # type: ignore[arg-type]
        lambda: None,
        terminal=(),
        end=lambda: loop.call_soon_threadsafe(ended.set) and None,
    )
    mine.install()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(60):
        await ended.wait()
    mine.remove()
    assert mine._ending is not None
    mine._ending.cancel()
