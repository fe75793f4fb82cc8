"""What a server and the short commands load, and what they do with the garbage collector meanwhile.

Their time is that of the modules that they load, so these tests hold that and no time.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from parlour_server.chat.cli.command_line import COMMAND_LINE

REPORTED = """
import gc, json, os, signal, sys, threading
reading, writing = os.pipe()
collections = []

def collected(phase, info):
    if "parlour_server.core.net.tls_groups" in sys.modules:  # what `run` loads first
        collections.append(phase)

def report():
    os.read(reading, 1000)
    gc.callbacks.remove(collected)
    print(json.dumps({
        "modules": list(sys.modules),
        "collections": len(collections),
        "collects": gc.isenabled(),
        "kept": gc.get_freeze_count(),
    }), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=report, daemon=True).start()
gc.callbacks.append(collected)
from parlour_server.chat.cli import main
main(["run", "--data", sys.argv[1], "--listen", "127.0.0.1:0", "--ready-fd", str(writing), *sys.argv[2:]])
"""

REPORTED_AT_END = """
import atexit, gc, json, sys
atexit.register(lambda: print(json.dumps([gc.get_freeze_count(), *sys.modules]), file=sys.stderr))
from parlour_server.chat.cli import main
main(sys.argv[1:])
"""

NOT_AT_START = (
    "acme",
    "alembic",
    "josepy",
    "nacl",
    "nats",
    "opentelemetry",
    "parlour_mls",
    "parlour_protocol.encrypted",
    "parlour_server.capabilities.openapi.document",  # most servers are never asked for the document
    "parlour_server.capabilities.server_backups.contents",
    "parlour_server.capabilities.prometheus.text",
    "parlour_server.capabilities.acme.order",
    "parlour_server.capabilities.diagnostics.examine",
    "parlour_server.host.setup.initialise",
    "parlour_server.capabilities.opentelemetry.tracing",
    "prometheus_client",
    "psycopg",
    "sqlalchemy",
    "webauthn",
    "zxcvbn",
)
"""Modules, with those below them, that serving does not need or needs only when it is asked for something."""


@dataclass(frozen=True)
class Start:
    """A server at the moment when it is ready."""

    modules: frozenset[str]
    collections: int
    collects: bool
    kept: int

    def loaded(self, *names: str) -> list[str]:
        """Return which of the modules are there."""
        return [name for name in names if any(f"{one}.".startswith(f"{name}.") for one in self.modules)]


def start(data: Path, *flags: str) -> Start:
    """Start a server, and stop it when it is ready."""
    command = [sys.executable, "-c", REPORTED, data, *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own code
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return Start(frozenset(found.pop("modules")), **found)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a data folder."""
    folder = tmp_path_factory.mktemp("start") / "data"
    assert COMMAND_LINE.run(["init", "--data", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def started(data: Path) -> Start:
    """Start a server with the settings of a new folder."""
    return start(data)


def test_a_server_serves_without_what_only_some_need(started: Start) -> None:
    """What a setting turns on, another command does or someone has to ask for is loaded then."""
    assert "parlour_server.host.server" in started.modules
    assert started.loaded(*NOT_AT_START) == []


def test_a_server_that_may_migrate_does_not_load_what_migrates(data: Path) -> None:
    """Services start it with the flag each time, and seldom is there anything to do."""
    assert start(data, "--migrate").loaded(*NOT_AT_START) == []


def test_metrics_load_their_library(data: Path) -> None:
    """So the name in the list above is the right one."""
    found = start(data, "--metrics", "127.0.0.1:0")
    assert found.loaded("prometheus_client", "parlour_server.capabilities.prometheus.text") == [
        "prometheus_client",
        "parlour_server.capabilities.prometheus.text",
    ]


def test_no_garbage_is_looked_for_among_modules_that_stay(started: Start) -> None:
    """The collector is off while they are loaded. When it is on again it does not visit them."""
    assert started.collections == 0
    assert started.collects
    assert started.kept > 0


def ended(*words: str) -> tuple[int, set[str]]:
    """Run a command; return how many objects the last collection leaves out, and the modules."""
    command = [sys.executable, "-c", REPORTED_AT_END, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    kept, *modules = json.loads(done.stderr)
    return kept, set(modules)


def test_a_command_that_uses_the_store_loads_no_keys(data: Path) -> None:
    """Few commands sign anything, and that library is a twentieth."""
    _, modules = ended("user", "list", "--data", str(data))
    assert "parlour_server.chat.store.chat_store" in modules
    assert not modules & {"argon2", "cryptography", "h11", "nacl", "starlette", "websockets"}


@pytest.mark.parametrize("words", ["--version", "doctor --help"])
def test_a_command_ends_without_looking_for_garbage_among_its_modules(words: str) -> None:
    """That would be a tenth of its time."""
    kept, modules = ended(*words.split())
    assert kept > 0
    assert "asyncio" not in modules
