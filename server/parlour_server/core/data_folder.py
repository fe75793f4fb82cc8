"""The data folder: all files of a program's server, in one folder that only its user can enter (O2).

The folder is 0700 and every file in it 0600; a folder or a file that others can read is refused, with the
command that fixes it, because someone may already have read it. New files are written atomically.
"""

import contextlib
import os
import pwd
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parlour_protocol.kit.ids import Millis
from parlour_server.core.errors import SetupError
from parlour_server.core.parents import closed_folder_at, exposed
from parlour_server.core.program_name import ProgramName
from parlour_server.core.store.engine.connection import Connection

_FOLDER_MODE: Final = 0o700
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key of the program's own: `init` makes it, a backup has it, and no other may take its place (L21)."""

    name: str
    about: str
    make: Callable[[Path], bool]
    """Create it, unless it exists; returns whether it did."""


@dataclass(frozen=True, slots=True)
class UploadFolder:
    """The folder of files that people uploaded, each named by its id."""

    name: str
    max_bytes: int
    recorded: Callable[[Connection, Millis], Sequence[tuple[str, int, bytes]]]
    """Return the files that the database says are there now: name, size and SHA-256."""


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The paths of a server's files."""

    path: Path
    program: ProgramName
    keys: tuple[KeyFile, ...] = ()
    uploads: UploadFolder | None = None
    signing_key_name: str = "audit.key"
    others: tuple[str, ...] = ()
    """The names of files that capabilities keep."""
    main: "DataFolder | None" = None
    """The server's own folder, if this is that of one more process of it."""

    @property
    def settings(self) -> Path:
        """The configuration."""
        return self.path / f"{self.program.word}.toml"

    @property
    def database(self) -> Path:
        """The SQLite file; `-wal` and `-shm` files lie beside it."""
        return self.path / f"{self.program.word}.db"

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
    def certificate_state(self) -> Path:
        """The note about the certificate of another CA that was put here for the server's key."""
        return self.path / "certificate.json"

    @property
    def database_wal(self) -> Path:
        """The write-ahead log that SQLite keeps beside the database while it is open."""
        return self.database.with_name(self.database.name + "-wal")

    @property
    def files(self) -> tuple[Path, ...]:
        """The configuration, the certificates and all keys, of which some may be missing."""
        keys = (*(self.path / key.name for key in self.keys), self.signing_key)
        return (
            self.settings,
            self.ca_certificate,
            self.ca_key,
            self.certificate,
            self.key,
            self.certificate_state,
            *(self.path / name for name in self.others),
            *dict.fromkeys(keys),
        )

    @property
    def running(self) -> Path:
        """The address of the running server; missing when none runs."""
        return self.path / "run.json"

    @property
    def online(self) -> Path:
        """The note about the people who were connected to the running server a few seconds ago."""
        return self.path / "online.json"

    @property
    def reserve(self) -> Path:
        """Space that is released when the disk is full."""
        return self.path / "reserve"

    @property
    def unfinished(self) -> Path:
        """A file that is here while a command fills this folder, and stays if that breaks off."""
        return self.path / "restore-unfinished"

    @property
    def operator_record(self) -> Path:
        """The folder of commands' actions that the server has not logged yet."""
        return self.path / "operator"

    @property
    def more(self) -> Path:
        """The folder with folders of more processes of this server, if it has any."""
        return self.path / "workers"

    def everywhere(self, name: str) -> list[Path]:
        """Return where a file or folder of this name is here, and in the folders of more processes."""
        return [self.path / name, *sorted(self.more.glob(f"*/{name}"))]

    @property
    def signing_key(self) -> Path:
        """The key with which the server signs what it records; a program may use a key of its own for it."""
        return self.path / self.signing_key_name

    @property
    def _init(self) -> str:
        """The command that creates what is missing."""
        return f"{self.program.command} init --data {self.path}"

    def create(self) -> None:
        """Create the folder, or check the existing one. Raises SetupError."""
        if (closed := closed_folder_at(self.path)) is not None:
            raise SetupError(
                f"{self.path} lies in {closed}, a folder of backups: what removes or copies those would meet"
                " this server; choose a place outside of it"
            )
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
        """Return a sentence for each file that others can access, with the fix.

        A folder that is something else is not to be changed: closing /etc to others would stop the machine.
        """
        if not self.path.is_dir():
            return [f"there is no data folder {self.path}; `{self._init}` makes it"]
        if self.unfinished.exists():
            why = f"the restore of a backup into {self.path} has not finished"
            return [f"{why}; if none is running, remove this folder and restore the backup again"]
        above = exposed(self.path.absolute())
        try:
            owner = self.path.stat().st_uid
            if owner not in {0, os.geteuid()}:
                return [_of_another(self.path, owner)]
            found = [
                *([f"{above}; `chmod go-w` it, or use another data folder"] if above else []),
                *_problem(self.path),
                *(p for file in sorted(self.path.iterdir()) for p in self._problem_of_file(file)),
            ]
        except OSError as error:
            return [f"cannot read the data folder {self.path}: {error.strerror}"]
        if found and self._is_something_else():
            files = "it has other files, and none of a server's"
            return [f"{self.path} is not a data folder: {files}; name the server's folder, or a new one"]
        return found

    def _problem_of_file(self, file: Path) -> list[str]:
        try:
            return _problem(file, is_public=file in {self.certificate, self.ca_certificate})
        except (
            FileNotFoundError
        ):  # since it was listed: a running server replaces its notes, and SQLite its files
            return []

    def _is_something_else(self) -> bool:
        """Return whether files are here, and none that a server has from its beginning."""
        return any(self.path.iterdir()) and not any(
            os.path.lexists(path) for path in (*self.files, self.database)
        )

    def require(self, *, has_database: bool = True) -> None:
        """Raise SetupError unless this is a private, initialised data folder.

        It has the database, unless that is on a server of its own.
        """
        self.check()
        keys = (self.key, *(self.path / key.name for key in self.keys))
        was_made = self.database.exists() if has_database else self.ca_certificate.exists()
        for file in keys:
            if not file.exists() and was_made:
                raise self.lost(file)
        for file in (*([self.database] if has_database else []), self.certificate, *keys):
            if not file.exists():
                raise SetupError(f"{file} is missing; `{self._init}` creates what is missing")

    def lost(self, key: Path) -> SetupError:
        """Return the error for a lost key: with another one this would be a different server (L21)."""
        return SetupError(
            f"{key} is missing, and with a new key no client would recognise this server; restore it from a "
            f"backup, or give it up by `{self._init} --replace-lost-keys`"
        )


def _problem(path: Path, *, is_public: bool = False) -> list[str]:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return _problem_of_link(path, is_public=is_public)
    if status.st_uid != os.geteuid():
        return [_of_another(path, status.st_uid)]
    return _problem_of_mode(path, status)


def _of_another(path: Path, owner: int) -> str:
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"#{owner}"
    if path.is_dir():
        return f"{path} belongs to the user {name}; run this as that user: `sudo -u {name} …`"
    return (
        f"{path} belongs to the user {name}; run this as that user, or `chown` it if someone else put it here"
    )


def _problem_of_link(path: Path, *, is_public: bool) -> list[str]:
    """Look at what a link leads to, and at every folder on the way. Root may own it, as with certbot."""
    if above := exposed(path.absolute()):
        return [f"{above}; the link {path} is not safe"]
    try:
        status = path.stat()
    except FileNotFoundError:
        return [f"{path} is a link to {path.readlink()}, which is missing; restore it, or remove the link"]
    except PermissionError:
        return [_unreadable(path)]
    if status.st_uid not in {0, os.geteuid()}:
        return [f"{path} leads to a file of another user; `chown` it, or copy it here"]
    if not is_public:
        problem = _problem_of_mode(path, status)
    elif status.st_mode & _OTHERS_WRITE:
        problem = [f"other users can write to {path.resolve()}; `chmod go-w` it"]
    else:
        problem = []
    return problem or ([] if os.access(path, os.R_OK) else [_unreadable(path)])


def _problem_of_mode(path: Path, status: os.stat_result) -> list[str]:
    if status.st_mode & _OTHERS:
        mode = "700" if stat.S_ISDIR(status.st_mode) else "600"
        return [
            f"other users can access {path} (mode {stat.S_IMODE(status.st_mode):o}); `chmod {mode} {path}`"
        ]
    return []


def _unreadable(path: Path) -> str:
    return (
        f"{path} is a link to {path.readlink()}, which this user can't read; let `cert import` copy it here"
        " whenever it is renewed"
    )
