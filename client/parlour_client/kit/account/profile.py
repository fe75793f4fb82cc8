"""The saved login: the account, the server, how it is trusted, and the session token.

It is one setting inside the encrypted archive and never contains a password. The sign-in writes it, the
client reads it.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from parlour_client.core.archive import Archive
from parlour_client.core.archive.stored_values import set_setting, setting
from parlour_client.core.model import Account
from parlour_client.kit.errors import DamagedArchiveError, NoAccountError
from parlour_client.kit.transport.trust import CaFile, Pin, SystemRoots, Trust
from parlour_protocol.kit.codec import strict_decoder
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.fields import encode_field
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.secret import Secret

_NAME: Final = "profile"
_encoder: Final = msgspec.json.Encoder(enc_hook=encode_field)


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The saved login. ``session`` is absent after a logout; ``ca`` and ``pin`` exclude each other."""

    server: str
    user: UserName
    device: DeviceName
    session: Secret | None = None
    ca: str | None = None
    pin: str | None = None

    @property
    def address(self) -> ServerAddress:
        """The server's address."""
        return ServerAddress.parse(self.server)

    @property
    def trust(self) -> Trust:
        """How the server is verified."""
        if self.pin is not None:
            return Pin(self.pin)
        return CaFile(self.ca) if self.ca is not None else SystemRoots()

    @property
    def account(self) -> Account:
        """The account."""
        return Account(self.user, self.device, self.server)


def trust_fields(trust: Trust) -> dict[str, str]:
    """Return the profile's fields for a trust."""
    match trust:
        case Pin(value):
            return {"pin": value}
        case CaFile(pem):
            return {"ca": pem}
        case SystemRoots():
            return {}


async def load_profile(archive: Archive) -> Profile:
    """Return the saved account. Raises NoAccountError."""
    text = await archive.read(setting, _NAME)
    if text is None:
        raise NoAccountError("No one has logged in with this home folder yet.")
    try:
        profile: Profile = strict_decoder(Profile)(text.encode())
    except MalformedFrameError as error:
        raise DamagedArchiveError("The saved account cannot be read.") from error
    return profile


async def save_profile(archive: Archive, profile: Profile) -> None:
    """Write the account."""
    await archive.write_durably(set_setting, _NAME, _encoder.encode(profile).decode())


class Credentials:
    """The credentials of a running client: its profile, with a new session after another login."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile

    def current(self) -> Profile:
        """Return the profile with the current session."""
        return self.profile


CurrentProfile = Callable[[], Profile]
"""Returns the profile with the current session."""
