"""The data folder: all of a server's files, in one folder that only its user can enter (O2).

The folder is 0700 and every file in it 0600; a folder or a file that others can read is refused, with the
command that fixes it, because someone may already have read it. New files are written atomically.
"""

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parlour_server.kit.errors import SetupError
from parlour_server.kit.setup.parents import exposed

_FOLDER_MODE: Final = 0o700
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The paths of a server's files."""

    path: Path

    @property
    def settings(self) -> Path:
        """The configuration."""
        return self.path / "parlour.toml"

    @property
    def database(self) -> Path:
        """The SQLite file; `-wal` and `-shm` files lie beside it."""
        return self.path / "parlour.db"

    @property
    def ca_certificate(self) -> Path:
        """The certificate of the server's own CA, which can be given to clients."""
        return self.path / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """The key of the CA."""
        return self.path / "ca.key"

    @property
    def certificate(self) -> Path:
        """The server's certificate, followed by its chain."""
        return self.path / "server.pem"

    @property
    def key(self) -> Path:
        """The server's key; the pin of invite links is its public half."""
        return self.path / "server.key"

    @property
    def log_key(self) -> Path:
        """The key that signs the head of the key log."""
        return self.path / "keylog.key"

    @property
    def files(self) -> Path:
        """The folder of uploaded files, each named by its id."""
        return self.path / "files"

    @property
    def running(self) -> Path:
        """The address of the running server; missing when none runs."""
        return self.path / "run.json"

    @property
    def reserve(self) -> Path:
        """Space that is released when the disk is full."""
        return self.path / "reserve"

    @property
    def operator_log(self) -> Path:
        """Commands' actions that the server has not logged yet."""
        return self.path / "operator.audit"

    def create(self) -> None:
        """Create the folder, or check the existing one. Raises SetupError."""
        try:
            for above in reversed(self.path.parents):
                with contextlib.suppress(FileExistsError):
                    above.mkdir(mode=_FOLDER_MODE)
            with contextlib.suppress(FileExistsError):
                self.path.mkdir(mode=_FOLDER_MODE)
        except OSError as error:
            raise SetupError(f"cannot create the folder {self.path}: {error.strerror}") from error
        self.check()

    def check(self) -> None:
        """Raise SetupError for the first problem."""
        for problem in self.problems():
            raise SetupError(problem)

    def problems(self) -> list[str]:
        """Return a sentence for each file that others can access, with the fix."""
        if not self.path.is_dir():
            return [f"there is no data folder {self.path}; `parlour-server init --data {self.path}` makes it"]
        above = exposed(self.path.absolute())
        try:
            found = [
                *([f"{above}; `chmod go-w` it, or use another data folder"] if above else []),
                *_problem(self.path),
                *(p for file in sorted(self.path.iterdir()) for p in _problem(file)),
            ]
        except OSError as error:
            return [f"cannot read the data folder {self.path}: {error.strerror}"]
        return found

    def require(self) -> None:
        """Raise SetupError unless this is a private, initialised data folder."""
        self.check()
        for file in (self.key, self.log_key):
            if not file.exists() and self.database.exists():
                raise self.lost(file)
        for file in (self.database, self.certificate, self.key, self.log_key):
            if not file.exists():
                raise SetupError(
                    f"{file} is missing; `parlour-server init --data {self.path}` creates what is missing"
                )

    def lost(self, key: Path) -> SetupError:
        """Return the error for a lost key: with another one this would be a different server (L21)."""
        return SetupError(
            f"{key} is missing, and with a new key no client would recognise this server; restore it from a "
            f"backup, or give it up by `parlour-server init --data {self.path} --replace-lost-keys`"
        )


def _problem(path: Path) -> list[str]:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        status = path.stat()  # the permissions of a link are those of its target
    if status.st_uid != os.geteuid():
        return [f"{path} belongs to another user; run the server as that user, or `chown` it"]
    if status.st_mode & _OTHERS:
        mode = "700" if stat.S_ISDIR(status.st_mode) else "600"
        return [
            f"other users can access {path} (mode {stat.S_IMODE(status.st_mode):o}); `chmod {mode} {path}`"
        ]
    return []
