"""A node: `parlour-server run` on a data folder of its own, by the commands that an operator types."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.cluster.process import Process, ProcessError, reserved_port

_MODULE: Final = "parlour_server"


class Node:
    """A server of the cluster."""

    def __init__(
        self,
        name: str,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        *,
        launcher: tuple[str, ...] = (),
    ) -> None:
        """Keep its data and log in ``folder``, which must be private.

        ``settings`` are environment variables (`PARLOUR_DATABASE_URL`); ``launcher`` starts the command, for
        example on one core.
        """
        self.name: Final = name
        self.data: Final = folder / name
        self.port: Final = reserved_port(self)
        self.url: Final = f"https://127.0.0.1:{self.port}"
        self.settings: Final = dict(settings or {})
        self._ready = folder / f"{name}.ready"
        self.process = Process(
            name,
            [
                *launcher,
                *(sys.executable, "-m", _MODULE, "run", "--data", str(self.data)),
                *("--listen", f"127.0.0.1:{self.port}", "--ready-file", str(self._ready)),
            ],
            folder / f"{name}.log",
            environment=self.settings,
        )

    async def start(self) -> None:
        """Start it and wait until it serves."""
        self.spawn()
        await self.ready()

    def spawn(self) -> None:
        """Start it, without waiting."""
        self._ready.unlink(missing_ok=True)
        self.process.spawn()

    async def ready(self) -> None:
        """Wait until it serves. Raises ProcessError."""
        await self.process.until(self._ready.exists)

    async def stop(self) -> None:
        """Stop it as a supervisor does: it drains and ends. Raises ProcessError for a failure."""
        if status := await self.process.stop():
            raise ProcessError(f"{self.name} exited with {status}. {self.process.log_end()}")

    async def command(self, *arguments: str) -> str:
        """Run an administration command on its data folder; return what it printed. Raises ProcessError."""
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", _MODULE, *arguments, "--data", str(self.data)],
            env=os.environ | self.settings,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ProcessError(f"`parlour-server {' '.join(arguments[:2])}` failed: {done.stderr.strip()}")
        return done.stdout

    async def invite(self, uses: int) -> str:
        """Create an invite link for ``uses`` people."""
        out = await self.command("invite", "create", "--uses", str(uses), "--json")
        return str(json.loads(out)["link"])
