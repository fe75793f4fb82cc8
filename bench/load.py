"""Run the load generator, built from `wsload.c` when it is not yet, on a core of its own."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.servers import LOAD_CORE, Running, pin

SOURCE = Path(__file__).with_name("wsload.c")
PROGRAM = Path(__file__).parent / "bin" / "wsload"


def build() -> None:
    """Compile the load generator."""
    if PROGRAM.exists() and PROGRAM.stat().st_mtime > SOURCE.stat().st_mtime:
        return
    PROGRAM.parent.mkdir(exist_ok=True)
    subprocess.run(["gcc", "-O2", "-o", str(PROGRAM), str(SOURCE), "-lssl", "-lcrypto"], check=True)


@dataclass(frozen=True)
class Load:
    """What to offer: connections, senders, mode, messages a second (0: closed loop), seconds."""

    connections: int
    senders: int = 4
    mode: str = "rate"
    rate: float = 0
    seconds: float = 4
    window: int = 1
    extra: tuple[str, ...] = field(default=())

    def run(self, server: Running, *options: str) -> dict[str, Any]:
        """Offer it and return what the generator counted."""
        command = [str(PROGRAM), "-q", "-p", str(server.port), "-P", str(server.pid), "-m", self.mode]
        command += ["-n", str(self.connections), "-s", str(self.senders), "-t", str(self.seconds)]
        command += ["-w", str(self.window), *self.extra, *options]
        if self.rate:
            command += ["-r", str(self.rate)]
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            preexec_fn=lambda: pin(LOAD_CORE),
            timeout=300,
        )
        found: dict[str, Any] = json.loads(done.stdout)
        if found["ready"] != self.connections:
            raise SystemExit(
                f"only {found['ready']} of {self.connections} connections came up: {done.stderr}"
            )
        return found
