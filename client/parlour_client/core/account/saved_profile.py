"""The saved login as one setting inside the encrypted archive."""

from typing import Final

from parlour_client.core.archive import Archive
from parlour_client.core.archive.stored_values import set_setting, setting
from parlour_client.core.errors import DamagedArchiveError, no_account
from parlour_client.kit.account.profile import Profile, parse_profile, profile_text
from parlour_client.kit.language import _
from parlour_protocol.kit.errors import MalformedFrameError

_NAME: Final = "profile"


class ArchivedProfile:
    """The saved login of an archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    async def load(self) -> Profile:
        """Return the saved login. Raises NoAccountError."""
        text = await self._archive.read(setting, _NAME)
        if text is None:
            raise no_account()
        try:
            return parse_profile(text)
        except MalformedFrameError as error:
            raise DamagedArchiveError(_("The saved account cannot be read.")) from error

    async def save(self, profile: Profile) -> None:
        """Write it durably."""
        await self._archive.write_durably(set_setting, _NAME, profile_text(profile))
