"""Group L: a picture that takes over its decoder."""

import subprocess
import sys
from pathlib import Path

from parlour_client.kit.pictures import decoder
from parlour_lab.attack import Evidence, NotTriedError, Stage, attack

_TAKEN_OVER = """
import os, runpy, socket, sys
runpy.run_path(sys.argv[1])["confine"]()
for name, attempt in {
    "reads a file": lambda: open("/etc/hostname").read(),
    "has a socket": lambda: (os.close(0), socket.socket()),
    "starts a process": lambda: os.fork() or os._exit(0),
    "signals the client": lambda: os.kill(os.getppid(), 0),
}.items():
    try:
        attempt()
    except OSError as error:
        print(f"{name}: {error.strerror}")
    else:
        print(f"{name}: yes")
"""


@attack(
    "A picture whose code runs in the decoder looks for files, the network and other processes",
    expects="The kernel refuses it all of them.",
    stage=Stage.UNIT,
)
def decoder_taken_over(folder: Path, seen: Evidence) -> bool:
    if sys.platform != "linux":
        raise NotTriedError("seccomp is Linux's")
    command = (sys.executable, "-I", "-c", _TAKEN_OVER, decoder.__file__)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=True)  # noqa: S603
    for line in done.stdout.splitlines():
        seen.observed(line)
    return ": yes" not in done.stdout
