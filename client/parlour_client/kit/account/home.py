"""The home folder of one account: its files and their permissions.

The folder is 0700 and everything in it 0600. A folder with other files that others can read is refused, never
changed; an empty one, or one of the program's, is closed to others.
"""

import stat
from pathlib import Path
from typing import ClassVar, Final

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_client.kit.private_files import HAS_MODES, belongs_to_another, exposed

PROFILE: Final = "profile.json"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def default_folder(program: str) -> Path:
    """Return the folder that a program uses without ``--home``."""
    from platformdirs import user_data_path  # noqa: PLC0415 - not needed for `--help`

    return user_data_path(program, appauthor=False)


class Home:
    """The folder, created or checked."""

    own_file: ClassVar[str] = PROFILE
    """With this file in it, a folder is the program's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if problem := exposed(folder.absolute()):
            raise SetupError(
                _("The home folder {folder} is not safe: {problem}.").format(folder=folder, problem=problem),
                _("Remove write access for others (chmod go-w), or name another folder with --home DIR."),
            )
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._close_to_others()
        except OSError as error:
            raise SetupError(
                _("The home folder {folder} cannot be used: {strerror}.").format(
                    folder=folder, strerror=error.strerror
                ),
                _("Name another one with --home DIR."),
            ) from error

    def _close_to_others(self) -> None:
        found = self.folder.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise SetupError(
                _("{folder} is not a folder.").format(folder=self.folder), _("Name a folder with --home DIR.")
            )
        if belongs_to_another(self.folder):
            raise SetupError(
                _("The home folder {folder} belongs to another user.").format(folder=self.folder),
                _("Choose one of your own."),
            )
        if not HAS_MODES or not stat.S_IMODE(found.st_mode) & _OTHERS:
            return
        if (self.folder / self.own_file).exists() or not any(self.folder.iterdir()):
            self.folder.chmod(0o700)
            return
        raise SetupError(
            _("Others can read the folder {folder}, and it contains other files.").format(folder=self.folder),
            _("Name an empty folder, or a new one, with --home DIR."),
        )
