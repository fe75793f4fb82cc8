"""`run --workers N`: several servers of one PostgreSQL database, as processes behind one address.

A supervisor binds the address and starts the workers, which inherit its sockets: one that is idle accepts,
and while one is restarted the others do. Worker 1 is the server of the data folder; each other one has a
folder `workers/N` in it with the same keys, and is to everything else a server on a machine of its own. The
supervisor passes signals on, and starts a worker again that ends by itself. It serves nothing and runs no
thread, so that it can fork at any time.
"""

import asyncio
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from parlour_server.app.process import ServerProcess
from parlour_server.core.addresses import in_url, listen_address
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.config.settings_table import rows
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.net.listener import bind
from parlour_server.core.output import log, set_level, set_up, warn
from parlour_server.core.private_file import write_private
from parlour_server.host.server_process import Ready, collect_garbage
from parlour_server.host.setup.folder_lock import locked

_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 30.0
_LONG_ENOUGH: Final = 60.0
"""Seconds after which a worker that ends is started again at once."""
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_STOP_SECONDS: Final = 8.0
"""Workers end by themselves in five; after that they are killed."""


def settings_of_worker(number: int, load: Callable[[], Settings]) -> Settings:
    """Return the settings that ``load`` reads, as this worker needs them. Raises SetupError."""
    settings = load()
    if not settings.listen.metrics:
        return settings
    host, port = listen_address(settings.listen.metrics)
    metrics = f"{in_url(host)}:{port + number - 1 if port else 0}"
    listen = msgspec.structs.replace(settings.listen, metrics=metrics)
    return msgspec.structs.replace(settings, listen=listen)


@dataclass(slots=True)
class _WorkerPlace:
    """A worker's number, and the process that has it now."""

    number: int
    pid: int | None = None
    begun: float = 0.0
    again_at: float = 0.0
    pause: float = _FIRST_PAUSE
    url: bytes = b""
    """The address, once it serves."""
    ready: int | None = None
    is_behind: bool = False
    """The configuration may have changed since it was started."""


def refuse_file(server: ServerProcess) -> None:
    """Raise SetupError unless several servers can use the database."""
    if not server.is_shared:
        raise SetupError(
            "--workers needs a PostgreSQL database: processes that share a SQLite file take turns at each "
            "commit, and together store hardly more than one does; run without it, or move the server to "
            f"PostgreSQL with `{server.folder.program.command} import`"
        )


def start_workers(server: ServerProcess, count: int) -> ServerProcess | None:
    """Run workers until a signal; returns None then.

    It also returns in each worker, with what to serve. Raises SetupError, and when a worker can't start.
    """
    collect_garbage()  # in this process, and in those that it forks
    folder, settings = server.folder, server.load()
    refuse_file(server)
    folder.require(has_database=False)
    set_up()
    set_level(settings.log.level)
    if not any(row.value for row in rows(settings) if row.name == "bus.url"):
        consequence = "workers notice each other's messages up to a second late"
        warn("no_bus", consequence=consequence, do="run a NATS server here, and name it in bus.url")
    folders = [folder, *(_make_folder(folder, number) for number in range(2, count + 1))]
    with locked(DataFolder(folder.more, folder.program)):
        sockets = asyncio.run(bind(settings.listen.address))
        return _Supervisor(server, folders, sockets, settings.connections.drain_seconds).run()


def _make_folder(folder: DataFolder, number: int) -> DataFolder:
    """Make, or bring up to date, the data folder of a worker: the same keys and files, its own audit log."""
    workers = DataFolder(folder.more, folder.program)
    workers.create()
    made = replace(folder, path=workers.path / str(number), main=folder)
    made.create()
    _copy_keys(folder, made)
    if folder.uploads is not None:
        uploads = made.path / folder.uploads.name
        with suppress(FileExistsError):
            uploads.symlink_to(Path("..", "..", folder.uploads.name))
    return made


def _copy_keys(source: DataFolder, target: DataFolder) -> None:
    """Copy the configuration, certificates and keys that differ. Raises SetupError."""
    for path in source.files:
        copied = target.path / path.name
        try:
            data = path.read_bytes()
            if not copied.exists() or copied.read_bytes() != data:
                write_private(copied, data)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise SetupError(f"cannot copy {path} to {copied}: {error.strerror}") from error


class _Supervisor:
    """Starts the processes, and ends with the last of them."""

    def __init__(
        self,
        server: ServerProcess,
        folders: Sequence[DataFolder],
        sockets: Sequence[socket.socket],
        drain_seconds: int,
    ) -> None:
        self._server = server
        self._folders = folders
        self._sockets = list(sockets)
        self._drain_seconds = drain_seconds
        self._announce: Callable[[str], None] | None = server.announce
        self._places = [_WorkerPlace(number) for number in range(1, len(folders) + 1)]
        self._stopping = False
        self._failed = False
        self._kill_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._life, self._own_life = os.pipe()
        self._woken, self._waker = os.pipe()
        for descriptor in (self._woken, self._waker):
            os.set_blocking(descriptor, False)

    def run(self) -> ServerProcess | None:
        """Run until all have ended after a signal; in a worker, return what to serve."""
        before = {number: signal.signal(number, _note) for number in _SIGNALS}
        wakeup = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        worker: ServerProcess | None = None
        try:
            while worker is None and not self._is_over():
                worker = self._start_due()
                if worker is None:
                    self._wait()
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._close(in_worker=worker is not None)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        if worker is None and self._failed:
            raise SetupError("a worker could not start; its error is above")
        return worker

    def _is_over(self) -> bool:
        return self._stopping and all(place.pid is None for place in self._places)

    def _start_due(self) -> ServerProcess | None:
        """Start the workers whose time has come; return what to serve in a new one."""
        now = time.monotonic()
        for place in self._places:
            if self._stopping or place.pid is not None or place.again_at > now:
                continue
            reading, writing = os.pipe()
            place.begun, place.url, place.is_behind = now, b"", False
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)  # a signal to the new process is not ours
            pid = os.fork()
            if pid == 0:
                os.close(reading)
                return replace(
                    self._server,
                    folder=self._folders[place.number - 1],
                    load=partial(settings_of_worker, place.number, self._server.load),
                    announce=Ready(descriptor=writing).announce,
                    number=place.number,
                    sockets=self._sockets,
                    parent=self._life,
                )
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            os.close(writing)
            place.pid, place.ready = pid, reading
            self._selector.register(reading, selectors.EVENT_READ, place)
        return None

    def _wait(self) -> None:
        """Wait for signals, for workers that are ready, and for the next one to start."""
        now = time.monotonic()
        due = [place.again_at - now for place in self._places if place.pid is None and not self._stopping]
        if self._stopping:
            due.append(self._kill_at - now)
        for key, _ in self._selector.select(max(0.0, min(due)) if due else None):
            if key.data is None:
                for number in os.read(self._woken, 4096):
                    self._handle(number)
            else:
                self._hear(key.data)
        if self._stopping and time.monotonic() >= self._kill_at:
            self._kill_at += _STOP_SECONDS
            self._send(signal.SIGKILL)

    def _handle(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._reap()
        elif number == signal.SIGHUP:
            self._reload()
        elif number in {signal.SIGTERM, signal.SIGINT}:
            self._stop(number)

    def _hear(self, place: _WorkerPlace) -> None:
        """Take what a worker wrote when it was ready; say so when all are."""
        if place.ready is None:
            return
        data = os.read(place.ready, 4096)
        if data:
            place.url += data
            return
        self._forget_pipe(place)
        if place.is_behind and place.pid is not None:
            os.kill(place.pid, signal.SIGHUP)
        if self._announce is not None and all(one.url for one in self._places):
            announce, self._announce = self._announce, None
            announce(msgspec.json.decode(self._places[0].url)["url"])
            log("workers_ready", workers=len(self._places))

    def _reap(self) -> None:
        for place in self._places:
            if place.pid is None:
                continue
            pid, status = os.waitpid(place.pid, os.WNOHANG)
            if pid:
                self._ended(place, os.waitstatus_to_exitcode(status))

    def _ended(self, place: _WorkerPlace, status: int) -> None:
        place.pid = None
        self._forget_pipe(place)
        if self._stopping:
            return
        if self._announce is not None:  # at the first start nothing is there that would need it
            self._failed = True
            self._stop(signal.SIGTERM)
            return
        now = time.monotonic()
        if now - place.begun > _LONG_ENOUGH:
            place.pause = _FIRST_PAUSE
        place.again_at = now + place.pause
        warn("worker_ended", worker=place.number, status=status, starts_again_in=place.pause)
        place.pause = min(place.pause * 2, _LONGEST_PAUSE)

    def _reload(self) -> None:
        try:
            for folder in self._folders[1:]:
                _copy_keys(self._folders[0], folder)
        except SetupError as error:
            warn("reload_refused", why=str(error), in_force="the previous settings")
            return
        for place in self._places:
            if place.url and place.pid is not None:
                os.kill(place.pid, signal.SIGHUP)
            else:
                place.is_behind = True  # it may have read the settings already

    def _stop(self, number: int) -> None:
        if not self._stopping:
            self._stopping = True
            self._kill_at = time.monotonic() + _STOP_SECONDS + self._drain_seconds
        self._send(number)

    def _send(self, number: int) -> None:
        for place in self._places:
            if place.pid is not None:
                os.kill(place.pid, number)  # ours until it is waited for, so no other process has this id

    def _forget_pipe(self, place: _WorkerPlace) -> None:
        if place.ready is not None:
            self._selector.unregister(place.ready)
            os.close(place.ready)
            place.ready = None

    def _close(self, *, in_worker: bool) -> None:
        """Close what the supervisor has; a worker keeps the sockets, and the descriptor that outlives it."""
        self._selector.close()
        for place in self._places:
            if place.ready is not None:
                os.close(place.ready)
        for descriptor in (self._own_life, self._woken, self._waker):
            os.close(descriptor)
        if not in_worker:
            os.close(self._life)
            for sock in self._sockets:
                sock.close()


def _note(_number: int, _frame: object) -> None:
    """Do nothing: the number is read from the descriptor that wakes the loop."""
