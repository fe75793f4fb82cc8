"""The home folder of one account: its files, their permissions, and who adopts messages left unsent.

The folder is 0700 and everything in it 0600. A folder with other files that others can read is refused, never
changed; an empty one, or one of ours, is closed to others. Several programs may use one home at a time (a
`send` while the TUI is open): they share the archive, and ``adopt_outbox`` lets only one of them send what an
earlier one left behind.
"""

import os
import stat
from pathlib import Path
from typing import Final

from parlour_client.kit.errors import SetupError
from parlour_client.kit.private_files import HAS_MODES, belongs_to_another, exposed, lock, open_private

ARCHIVE: Final = "archive.db"
KEY: Final = "archive.key"
_LOCK: Final = "outbox.lock"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def default_folder() -> Path:
    """Return the folder that is used without ``--home``."""
    from platformdirs import user_data_path  # noqa: PLC0415 - not needed for `--help`

    return user_data_path("parlour", appauthor=False)


class Home:
    """The folder, created or checked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if problem := exposed(folder.absolute()):
            raise SetupError(
                f"The home folder {folder} is not safe: {problem}.",
                "Remove write access for others (chmod go-w), or name another folder with --home DIR.",
            )
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._close_to_others()
        except OSError as error:
            raise SetupError(
                f"The home folder {folder} cannot be used: {error.strerror}.",
                "Name another one with --home DIR.",
            ) from error
        self._lock: int | None = None

    @property
    def archive(self) -> Path:
        """The encrypted database."""
        return self.folder / ARCHIVE

    @property
    def key(self) -> Path:
        """The archive's key: wrapped by a passphrase, or plain with mode 0600."""
        return self.folder / KEY

    def adopt_outbox(self) -> bool:
        """Say whether this process adopts what earlier ones left unsent; it does so until it ends."""
        if self._lock is not None:
            return True
        descriptor = open_private(self.folder / _LOCK, os.O_RDWR | os.O_CREAT)
        if not lock(descriptor):
            os.close(descriptor)
            return False
        self._lock = descriptor
        return True

    def release_outbox(self) -> None:
        """Let another process adopt it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _close_to_others(self) -> None:
        found = self.folder.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise SetupError(f"{self.folder} is not a folder.", "Name a folder with --home DIR.")
        if belongs_to_another(self.folder):
            raise SetupError(
                f"The home folder {self.folder} belongs to another user.", "Choose one of your own."
            )
        if not HAS_MODES or not stat.S_IMODE(found.st_mode) & _OTHERS:
            return
        if self.key.exists() or not any(self.folder.iterdir()):
            self.folder.chmod(0o700)
            return
        raise SetupError(
            f"Others can read the folder {self.folder}, and it contains files that are not Parlour's.",
            "Name an empty folder, or a new one, with --home DIR.",
        )
