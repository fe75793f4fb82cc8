"""A program's server for its demo: a process in a temporary folder, on a free port of loopback.

The commands that an operator would use start it, and the demo reaches it only over the network: it imports
nothing of the server. It waits for the process, not for a time, because a busy machine may be slow; a process
that ends early is an error. The folder and the process are gone when the context ends, however it ends.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _

_T = TypeVar("_T")

_STOP_SECONDS: Final = 6.0  # the server promises five


class DemoError(ParlourClientError):
    """The demo cannot go on."""


class DemoServer:
    """A server that can be started, killed and started again on the same data and port."""

    def __init__(self, folder: Path, module: str) -> None:
        """Use ``folder``, which must be private; `python -m` runs ``module``, the program's commands."""
        self.folder = folder
        self._module = module
        self.port = 0
        self._data = folder / "server"
        self._ready = folder / "ready"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """The server's address."""
        return f"https://127.0.0.1:{self.port}"

    async def prepare(self) -> None:
        """Create the data folder: keys, certificate, configuration."""
        await self._run("init", "--data", str(self._data))

    async def start(self) -> None:
        """Start the server and wait until it is ready."""
        self._ready.unlink(missing_ok=True)
        with (self.folder / "server.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command("run", "--data", str(self._data), "--listen", f"127.0.0.1:{self.port}"),
                "--ready-file",
                str(self._ready),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self.port = await self._await_ready(self._process)

    async def kill(self) -> None:
        """Kill the server (SIGKILL): what it had acknowledged must be on its disk."""
        await self._end(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)

    async def stop(self) -> None:
        """Stop the server as a supervisor would."""
        await self._end(signal.SIGTERM)

    async def while_it_runs(self, waiting: Coroutine[Any, Any, _T]) -> _T:
        """Return what ``waiting`` does, however slow this machine is. Raises DemoError if the server ends."""
        assert self._process is not None  # noqa: S101 - it was started
        happens, ends = asyncio.ensure_future(waiting), asyncio.ensure_future(self._process.wait())
        try:
            await asyncio.wait({happens, ends}, return_when=asyncio.FIRST_COMPLETED)
            if not happens.done():
                raise DemoError(
                    _("The demo server stopped."), _("Its log ends with: {log}").format(log=self.log()[-400:])
                )
            return happens.result()
        finally:
            happens.cancel()
            ends.cancel()
            await asyncio.gather(happens, ends, return_exceptions=True)

    async def invite(self, uses: int) -> str:
        """Create an invite link for ``uses`` people."""
        out = await self._run("invite", "create", "--data", str(self._data), "--uses", str(uses), "--json")
        return str(json.loads(out)["link"])

    @property
    def certificate(self) -> Path:
        """The certificate of the server's own CA, which `init` made public."""
        return self._data / "ca.pem"

    def log(self) -> str:
        """Return what the server wrote to its log."""
        return (self.folder / "server.log").read_text(encoding="utf-8", errors="backslashreplace")

    def check_log(self) -> None:
        """Raise DemoError with the first error that the server did not expect, if there was one."""
        for line in self.log().split("\n"):
            if '"event":"fault"' in line:
                raise DemoError(
                    _("The demo server had an error that it did not expect."),
                    _("Its log says: {line}").format(line=line),
                )

    async def _await_ready(self, process: asyncio.subprocess.Process) -> int:
        """Return the port from the ready file, which appears whole or not at all."""
        while not self._ready.exists():
            if process.returncode is not None:
                raise DemoError(
                    _("The demo server did not start."),
                    _("Its log ends with: {log}").format(log=self.log()[-400:]),
                )
            await asyncio.sleep(0.02)  # another process writes the file: there is no event to wait for
        return urlsplit(json.loads(self._ready.read_text(encoding="utf-8"))["url"]).port or 0

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(how)
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _run(self, *arguments: str) -> str:
        """Run one administration command and return what it printed."""
        process = await asyncio.create_subprocess_exec(
            *self._command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = await process.communicate()
        if process.returncode:
            raise DemoError(
                _("{module} {arguments} failed.").format(module=self._module, arguments=arguments[0]),
                err.decode(errors="replace")[-400:],
            )
        return out.decode()

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", self._module, *arguments]


@contextlib.asynccontextmanager
async def demo_server(module: str) -> AsyncIterator[DemoServer]:
    """Run a server for the time of the context; everything it wrote is removed at the end."""
    os.umask(0o077)
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        server = DemoServer(Path(name), module)
        await server.prepare()
        await server.start()
        try:
            yield server
        finally:
            await server.stop()
