"""The saved login in a file of the home folder, for programs without an encrypted database.

The file is 0600 and has the session's token in it, never a password. Anyone who can read the account's files
can use the session until it is ended.
"""

import asyncio
import os
from typing import Final

from parlour_client.kit.account.home import PROFILE, Home
from parlour_client.kit.account.profile import Profile, parse_profile, profile_text
from parlour_client.kit.errors import NoAccountError, SetupError
from parlour_client.kit.language import _
from parlour_client.kit.private_files import open_private, write_whole
from parlour_protocol.kit.errors import MalformedFrameError

_MAX_BYTES: Final = 2 * 1024 * 1024
"""A profile may hold a CA file."""


class ProfileFile:
    """The saved login of a home."""

    def __init__(self, home: Home) -> None:
        self._path = home.folder / PROFILE

    async def load(self) -> Profile:
        """Return the saved login. Raises NoAccountError, SetupError."""
        return await asyncio.to_thread(self._load)

    async def save(self, profile: Profile) -> None:
        """Write it durably. Raises SetupError."""
        try:
            await asyncio.to_thread(write_whole, self._path, profile_text(profile))
        except OSError as error:
            raise SetupError(
                _("{path} cannot be written: {strerror}.").format(path=self._path, strerror=error.strerror),
                _("Check whether the disk is full."),
            ) from error

    def _load(self) -> Profile:
        try:
            with os.fdopen(open_private(self._path, os.O_RDONLY), "rb") as file:
                data = file.read(_MAX_BYTES + 1)
            return parse_profile(data.decode())
        except FileNotFoundError:
            raise NoAccountError(_("No one has logged in with this home folder yet.")) from None
        except OSError as error:
            raise SetupError(
                _("{path} cannot be read: {strerror}.").format(path=self._path, strerror=error.strerror)
            ) from error
        except (MalformedFrameError, UnicodeDecodeError) as error:
            raise SetupError(
                _("{path} is damaged, so the saved login cannot be read.").format(path=self._path),
                _("Move it away and log in again."),
            ) from error
