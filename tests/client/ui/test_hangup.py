"""A terminal that vanishes without a signal ends the app, instead of keeping a core busy for ever."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path


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
            assert process.wait(30) == 1
        finally:
            process.kill()
