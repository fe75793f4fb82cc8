"""Everything the archive knows of a certificate, in one SELECT: a large group has hundreds for each message.

Nothing is judged here; ``e2ee.identity.pins`` does that.
"""

from dataclasses import dataclass
from typing import Final

import apsw

from parlour_client.core.archive.key_log_copy import UNDER_THE_KEY, certificate_id
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.kit.names import UserName

_QUERY: Final = f"""
    SELECT
        (SELECT value FROM own_keys WHERE name = 'server'),
        (SELECT account_key FROM log_accounts WHERE user = :user),
        EXISTS (SELECT 1 FROM log_revocations WHERE device = :device),
        EXISTS (SELECT 1 FROM log_certificates c JOIN log_accounts a {UNDER_THE_KEY} WHERE digest = :digest),
        (SELECT account_key FROM pins WHERE user = :user),
        (SELECT level FROM pins WHERE user = :user)"""  # noqa: S608 - a constant of ours


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about a certificate, its device and the person whom it names."""

    server: bytes | None
    account_key: bytes | None
    """The account's current key, by the key log."""
    revoked: bool
    logged: bool
    """Exactly this certificate is in the log, under the current key."""
    pinned: bytes | None
    level: str | None


def facts(connection: apsw.Connection, user: UserName, device: DeviceId, data: bytes) -> Facts:
    """Look a certificate up."""
    names = {"user": str(user), "device": device, "digest": certificate_id(data)}
    server, key, revoked, logged, pinned, level = next(connection.execute(_QUERY, names))
    return Facts(server, key, bool(revoked), bool(logged), pinned, level)
