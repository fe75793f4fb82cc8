"""The saved login: the account, the server, how it is trusted, the session's token and its key.

It never contains a password. The sign-in writes it, a program's connection reads it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from parlour_client.kit.errors import LoggedOutError
from parlour_client.kit.language import _
from parlour_client.kit.transport.session import Session, SessionKeyPair
from parlour_client.kit.transport.trust import CaFile, Pin, SystemRoots, Trust
from parlour_protocol.kit.codec import strict_decoder
from parlour_protocol.kit.fields import encode_field
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.secret import Secret

_encoder: Final = msgspec.json.Encoder(enc_hook=encode_field)


@dataclass(frozen=True, slots=True)
class Account:
    """The account that a program uses."""

    user: UserName
    device: DeviceName
    server: str


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The saved login. ``session`` is absent after a logout; ``ca`` and ``pin`` exclude each other.

    ``key`` is the seed of the session's key; a login by an earlier version has none.
    """

    server: str
    user: UserName
    device: DeviceName
    session: Secret | None = None
    ca: str | None = None
    pin: str | None = None
    key: Secret | None = None

    @property
    def live_session(self) -> Session:
        """The session with its key. Raises LoggedOutError after a logout."""
        if self.session is None:
            raise LoggedOutError(_("You are logged out."))
        return Session(self.session, None if self.key is None else SessionKeyPair(self.key))

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


class ProfileStore(Protocol):
    """Where a program keeps the saved login: a private file, or its own encrypted database."""

    async def load(self) -> Profile:
        """Return the saved login. Raises NoAccountError."""
        ...

    async def save(self, profile: Profile) -> None:
        """Write it durably."""
        ...


def profile_text(profile: Profile) -> str:
    """Return a profile as it is stored."""
    return _encoder.encode(profile).decode()


def parse_profile(text: str) -> Profile:
    """Read a stored profile. Raises MalformedFrameError."""
    profile: Profile = strict_decoder(Profile)(text.encode())
    return profile


CurrentProfile = Callable[[], Profile]
"""Returns the profile with the current session."""
