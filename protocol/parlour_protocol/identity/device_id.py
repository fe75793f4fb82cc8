"""Device ids, which are derived from keys, and proofs of possession.

A device's id *is* the hash of its signature key with its owner's name, so that a server cannot assign it to
another key. The code that a new device shows is the beginning of that id.
"""

import base64
import hashlib
from typing import Final

from parlour_protocol.kit.ids import DeviceId, SessionId
from parlour_protocol.kit.names import UserName

_DEVICE: Final = b"parlour device v1\0"
_PROOF: Final = b"parlour device proof v1\0"
_ACCOUNT_PROOF: Final = b"parlour account proof v1\0"
_CODE_LENGTH: Final = 16
"""Characters of base32: 80 bits, too many to find another key with the same code."""


def device_id_of(user: UserName, server: str, key: bytes) -> DeviceId:
    """Return the id of the device of ``user`` at ``server`` whose Ed25519 public key is ``key``."""
    digest = hashlib.sha256(_DEVICE + _account(user, server) + key).digest()
    return DeviceId(base64.b32encode(digest[:16]).decode().rstrip("=").lower())


def pairing_code(device: DeviceId) -> str:
    """Return the code that a new device shows and its owner types on another one: `abcd-efgh-ijkl-mnop`."""
    code = device[:_CODE_LENGTH]
    return "-".join(code[start : start + 4] for start in range(0, _CODE_LENGTH, 4))


def credential_of(user: UserName, server: str, device: DeviceId) -> bytes:
    """Return the identity in an MLS credential: `user@server/device` (RFC 9420 section 5.3)."""
    return f"{user}@{server}/{device}".encode()


def device_proof(server: str, session: SessionId) -> bytes:
    """Return the bytes that a device signs to bind a session to itself, valid only for that session."""
    return _PROOF + server.encode() + b"\0" + session.encode()


def account_proof(user: UserName, server: str) -> bytes:
    """Return the bytes that an account key signs when it is published."""
    return _ACCOUNT_PROOF + _account(user, server)


def _account(user: UserName, server: str) -> bytes:
    return f"{user}\0{server}\0".encode()
