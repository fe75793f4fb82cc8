"""The home folder of a chat account: the archive and its key, and who adopts messages left unsent.

Several programs may use one home at a time (a `send` while the TUI is open): they share the archive, and
``adopt_outbox`` lets only one of them send what an earlier one left behind.
"""

import os
import re
from pathlib import Path
from typing import ClassVar, Final

from parlour_client.kit.account import home
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_client.kit.private_files import lock, open_private

ARCHIVE: Final = "archive.db"
KEY: Final = "archive.key"
_LOCK: Final = "outbox.lock"
DEFAULT_ACCOUNT: Final = "default"
"""The name of the account that is used without ``--account``."""
ACCOUNT_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def default_folder() -> Path:
    """Return the folder that is used without ``--home``."""
    return home.default_folder("parlour")


def account_folder(name: str) -> Path:
    """Return the home folder of an account, existing or not. Raises SetupError for an invalid name."""
    if not ACCOUNT_NAME.fullmatch(
        name
    ):  # a name is one folder below ours: no dots and no slashes lead out of it
        raise SetupError(
            _("Account names use lowercase letters, digits, hyphens and underscores only."),
            _("For example: parlour --account work"),
        )
    return default_folder() if name == DEFAULT_ACCOUNT else default_folder() / "accounts" / name


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
