"""The home folder of a chat account: the archive and its key, and who adopts messages left unsent.

Several programs may use one home at a time (a `send` while the TUI is open): they share the archive, and
``adopt_outbox`` lets only one of them send what an earlier one left behind.
"""

import os
from pathlib import Path
from typing import ClassVar, Final

from parlour_client.kit.account import home
from parlour_client.kit.private_files import lock, open_private

ARCHIVE: Final = "archive.db"
KEY: Final = "archive.key"
_LOCK: Final = "outbox.lock"


def default_folder() -> Path:
    """Return the folder that is used without ``--home``."""
    return home.default_folder("parlour")


class ChatHome(home.Home):
    """The folder, created or checked."""

    own_file: ClassVar[str] = KEY

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
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
