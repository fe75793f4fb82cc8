"""People whom another device of this account verified: keys are compared once, not on every device.

It travels with the history that an approved device of the account sends. It counts only for the key that was
compared, and reverts nothing: if this device sees another key, that stays an alarm. Functions over a
connection.
"""

from typing import Final

import apsw
import msgspec

from parlour_client.core.archive import key_pins
from parlour_client.core.e2ee.identity import key_trust
from parlour_client.core.e2ee.status import Trust
from parlour_protocol.frames.opaque import PublicKey
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import NameRefusedError, UserName, parse_user_name

_METHOD: Final = "own device"


class SharedTrust(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, tag="verified"):
    """One person and the account key that was compared with them, in base64url."""

    user: str
    account_key: str

    def read(self) -> tuple[UserName, bytes]:
        """Parse the person and the key. Raises MalformedFrameError if either is invalid."""
        try:
            return parse_user_name(self.user), bytes(PublicKey.parse(self.account_key))
        except (NameRefusedError, ValueError) as error:
            raise MalformedFrameError(str(error)) from None


def verified_people(connection: apsw.Connection) -> list[SharedTrust]:
    """Return everyone whom this device has verified."""
    found = []
    for user, level in key_pins.levels(connection).items():
        pinned = key_pins.find(connection, user)
        if level == key_pins.VERIFIED and pinned is not None:
            found.append(SharedTrust(str(user), PublicKey(pinned.account_key).text))
    return found


def take(connection: apsw.Connection, user: UserName, key: bytes, now: Millis) -> None:
    """Mark someone as verified if their current key is the one that was compared."""
    known = key_trust.meet(connection, user, now) == key
    if known and key_trust.trust(connection, user) is not Trust.VERIFIED:
        key_pins.verify(connection, user, key, now, _METHOD)
