"""The examples, run by the commands of their READMEs, and what their processes have loaded."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from tools.cluster.process import reserved_port

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE = 60.0
KIT = ("parlour_protocol", "parlour_server", "parlour_client")
FOLDERS = {"kit", "core", "app", "host", "capabilities"}
"""Their folders that every program has."""
LIST_MODULES = """
import atexit, os, pathlib, sys
atexit.register(lambda: pathlib.Path(os.environ["MODULES"]).write_text("\\n".join(sys.modules)))
"""


def readme_commands(folder: Path) -> list[str]:
    """Return what its README runs, from `-m` on: init, run, invite, client."""
    text = (folder / "README.md").read_text()
    return re.findall(r"^    \S+/python (-m .*)$", text, re.MULTILINE)


class ExampleServer:
    """The server of an example, started as its README says."""

    def __init__(self, name: str, folder: Path) -> None:
        self._example = EXAMPLES / name
        self._port = reserved_port(self)
        (folder / "sitecustomize.py").write_text(LIST_MODULES)
        self._modules = folder / "modules"
        self._ready = folder / "ready"
        self._log = folder / "log"
        self._environment = {
            **os.environ,
            "HOME": str(folder),
            "MODULES": str(self._modules),
            "PYTHONPATH": str(folder),
            f"{name.upper()}_LISTEN_ADDRESS": f"127.0.0.1:{self._port}",
        }
        self._init, self._run, self._invite, self._client = readme_commands(self._example)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make its data, and serve."""
        self._done(self._init)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own
                [*self._line(self._run), "--ready-file", str(self._ready)],
                stderr=log,
                env=self._environment,
                cwd=self._example,
            )
        end = time.monotonic() + PATIENCE
        while not self._ready.exists():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.02)  # another process writes the file: there is no event to wait for
        assert urlsplit(json.loads(self._ready.read_text())["url"]).port == self._port

    def stop(self) -> None:
        """Stop as systemd does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            assert self._process.wait(PATIENCE) == 0, self._log.read_text()

    def invite(self) -> str:
        """Return an invite link, as someone copies it from the terminal."""
        found = re.search(rf"{self._example.name}://\S+", self._done(self._invite))
        assert found is not None
        return found[0]

    def run_client(self) -> subprocess.CompletedProcess[str]:
        """Run the client without a terminal."""
        return self._finished(self._client)

    def modules(self) -> list[str]:
        """Return what the process of the server had loaded when it ended."""
        return self._modules.read_text().splitlines()

    def _line(self, command: str) -> list[str]:
        words = command.replace("~", self._environment["HOME"]).split()
        return [sys.executable, *words]

    def _done(self, command: str) -> str:
        done = self._finished(command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _finished(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own
            self._line(command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=self._environment,
            cwd=self._example,
        )


def of_the_chat(modules: list[str]) -> list[str]:
    """Return the modules of Parlour that are not the kit's."""
    ours = [name for name in modules if name.partition(".")[0] in KIT]
    assert any(".kit." in name for name in ours)
    return [name for name in ours if name not in KIT and name.split(".")[1] not in FOLDERS]


def assert_the_client_loads_nothing_of_the_chat(name: str) -> None:
    """Neither of its side nor of the server's."""
    code = f"import sys, {name}.client; print(*sys.modules)"
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=EXAMPLES / name
    )
    modules = done.stdout.split()
    assert of_the_chat(modules) == []
    assert not any(module.startswith("parlour_server") for module in modules)


def assert_the_server_loads_nothing_of_the_chat(name: str, folder: Path) -> None:
    """Its process is asked at its end, after it has served."""
    server = ExampleServer(name, folder)
    server.start()
    server.stop()
    modules = server.modules()
    assert "parlour_server.host.server" in modules
    assert of_the_chat(modules) == []
    assert not any(module.startswith("parlour_client") for module in modules)
