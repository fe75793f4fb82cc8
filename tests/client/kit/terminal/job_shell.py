"""A shell of a few lines: runs a program as its job, says when it has stopped, and continues it at a line.

`job_shell.py PROGRAM ARGUMENT…`
"""

import fcntl
import os
import signal
import subprocess
import sys
import termios


def main() -> None:
    """Run."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # it gives the terminal away while it is in the background
    job = subprocess.Popen([sys.executable, *sys.argv[1:]], process_group=0)  # noqa: S603 - a test's program
    os.tcsetpgrp(0, job.pid)
    while True:
        _, status = os.waitpid(job.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            sys.exit(os.waitstatus_to_exitcode(status))
        os.tcsetpgrp(0, os.getpgrp())
        os.write(1, b"STOPPED")
        sys.stdin.readline()
        os.tcsetpgrp(0, job.pid)
        os.killpg(job.pid, signal.SIGCONT)


if __name__ == "__main__":
    main()
