"""Runs a server as a process: resource limits, signals, the ready file, and a bounded stop.

SIGTERM and SIGINT stop it within five seconds, whatever happens (R5), after the seconds that load balancers
get to notice (`connections.drain_seconds`); SIGHUP reloads certificates and
configuration, the level of the log too. Core files, which would contain passwords, are disabled.
"""

import asyncio
import gc
import json
import os
import resource
import signal
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from websockets.version import version as websockets_version

from parlour_server.app.base_app import BaseApp
from parlour_server.app.process import ServerProcess
from parlour_server.core.addresses import is_loopback, listen_address
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.net.message_assembler import refuse_old_websockets
from parlour_server.core.net.tls_groups import HAS_HYBRID
from parlour_server.core.output import log, set_level, set_up, warn
from parlour_server.core.private_file import write_private
from parlour_server.host.event_loops import loop_factory
from parlour_server.host.server import Server
from parlour_server.host.setup.open_store import engine_for

_Settings = TypeVar("_Settings", bound=Settings)
_LAST_RESORT_SECONDS: Final = 4.9
_TOGETHER_SECONDS: Final = 0.5
"""A terminal, and systemd, send a signal to processes as well as to their parent, which passes it on."""
_SPARE_FILES: Final = 256  # the database, the log, sockets that are being refused


@dataclass(frozen=True, slots=True)
class Ready:
    """Where to write the address when the server is ready."""

    file: Path | None = None
    descriptor: int | None = None

    def announce(self, url: str) -> None:
        """Write `{"url": …}` atomically. Raises SetupError."""
        data = json.dumps({"url": url}).encode() + b"\n"
        if self.file is not None:
            write_private(self.file, data)
        if self.descriptor is not None:
            try:
                with os.fdopen(self.descriptor, "wb") as out:
                    out.write(data)
            except OSError as error:
                raise SetupError(f"cannot write to descriptor {self.descriptor}: {error.strerror}") from error


def serve(
    app: BaseApp[_Settings, Any],
    folder: DataFolder,
    load: Callable[[], _Settings],
    ready: Ready,
    *,
    loop: str = "auto",
    options: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Serve until a signal. ``load`` reads the settings, now and on SIGHUP. Raises SetupError.

    ``options`` are those that capabilities have added to the command: one may serve in other processes.
    """
    refuse_old_websockets(websockets_version)
    is_shared = engine_for(app, folder, load()).is_shared
    process = ServerProcess(folder=folder, load=load, announce=ready.announce, is_shared=is_shared)
    for capability in app.capabilities:
        if capability.fork is not None:
            forked = capability.fork(process, options)
            if forked is None:
                return
            process = forked
    settings = process.load()
    process.folder.require(has_database=not is_shared)
    if process.number is None:
        set_up()
    else:
        set_up(worker=process.number)
    set_level(settings.log.level)
    _limit_process(settings)
    with asyncio.Runner(loop_factory=loop_factory(loop)) as runner:
        runner.run(_serve(app, process, settings))


async def _serve(app: BaseApp[_Settings, Any], process: ServerProcess, settings: _Settings) -> None:
    together = 0.0 if process.parent is None else _TOGETHER_SECONDS
    stop = _Stop(settings.connections.drain_seconds, together)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, _refuse_reload, "the server is still starting")
    if process.parent is not None:
        loop.add_reader(process.parent, _parent_ended, stop, process.parent)
    server = await Server.start(app, process.folder, settings, sockets=process.sockets)
    loop.add_signal_handler(signal.SIGHUP, _reload, server, process.load)
    try:
        _say_what_is_in_force(settings, server.url)
        collect_garbage()
        process.announce(server.url)
        await stop.asked.wait()
        await server.drain(stop.hurry)
    finally:
        await server.stop()


class _Stop:
    """Starts stopping, at a second signal at once; if something hangs, the process is ended anyway.

    Nothing is lost, because everything acknowledged is on disk. It uses a thread, because the event loop may
    hang.
    """

    def __init__(self, drain_seconds: float, together: float) -> None:
        """Signals within ``together`` seconds of the first are one."""
        self.asked, self.hurry = asyncio.Event(), asyncio.Event()
        self._drain_seconds = drain_seconds
        self._together = together
        self._at = 0.0

    def __call__(self) -> None:
        """Handle a signal."""
        now, seconds = time.monotonic(), _LAST_RESORT_SECONDS
        if not self.asked.is_set():
            self.asked.set()
            self._at = now
            seconds += self._drain_seconds
        elif self.hurry.is_set() or now - self._at < self._together:
            return
        else:
            self.hurry.set()
        last = threading.Timer(seconds, os._exit, (0,))
        last.daemon = True
        last.start()


def _parent_ended(stop: _Stop, descriptor: int) -> None:
    """Stop: nobody would start this worker again, or stop it, and it has the sockets."""
    asyncio.get_running_loop().remove_reader(descriptor)
    warn("supervisor_ended", consequence="this worker stops")
    stop()


def _reload(server: Server[_Settings], load: Callable[[], _Settings]) -> None:
    try:
        settings = load()
        waiting = server.reload(settings)
    except SetupError as error:
        _refuse_reload(str(error))
        return
    set_level(settings.log.level)
    if waiting:
        warn("restart_needed", settings=", ".join(waiting))


def _refuse_reload(why: str) -> None:
    warn("reload_refused", why=why, in_force="the previous settings")


def collect_garbage() -> None:
    """Collect garbage from now on, without what is there: it stays. The command turned it off before."""
    gc.freeze()
    gc.enable()


def _limit_process(settings: Settings) -> None:
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.connections.total + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        if most < wanted:
            warn("few_files", allowed=most, wanted=wanted, do="raise the limit of open files (ulimit -n)")


def _say_what_is_in_force(settings: Settings, url: str) -> None:
    log("ready", url=url, openssl=ssl.OPENSSL_VERSION, post_quantum=HAS_HYBRID)
    if os.geteuid() == 0:
        warn("running_as_root", do="run the server as its own user; it needs no privileges")
    host, _ = listen_address(settings.listen.address)
    if not is_loopback(host):
        log("public", address=settings.listen.address, note="other machines can connect")
