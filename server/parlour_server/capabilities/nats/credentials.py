"""A `.creds` file of NATS: the JWT of a user, and the seed of the key that signs what the server asks.

nats-py would read it with `nkeys`, which has no wheel: installing it builds it, with tools that no hash
pins. The format is NATS's: https://docs.nats.io/using-nats/developer/connecting/creds
"""

import base64
import binascii
import re
import struct
from collections.abc import Callable
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

BEGINNING: Final = "-----BEGIN NATS USER JWT-----"
_FILE: Final = re.compile(
    rf"{BEGINNING}\s+(\S+)\s+-+END NATS USER JWT-+\s.*"
    r"-----BEGIN USER NKEY SEED-----\s+([A-Z2-7]{58})\s+-+END USER NKEY SEED-+",
    re.DOTALL,
)
_SEED, _USER = 18 << 3, 20 << 3
"""The prefixes of a seed, and of a user's key: they make it begin with SU."""


def user_arguments(text: str) -> dict[str, Any]:
    """Return the arguments of nats-py for the text of a file. Raises ValueError if it is damaged."""
    found = _FILE.search(text)
    if found is None:
        raise ValueError("a JWT and a seed are missing")
    jwt = found[1].encode()
    return {"user_jwt_cb": lambda: bytearray(jwt), "signature_cb": _signer(found[2])}


def _signer(seed: str) -> Callable[[str], bytes]:
    data = base64.b32decode(seed + "=" * (-len(seed) % 8))
    (checksum,) = struct.unpack("<H", data[34:36])
    if checksum != binascii.crc_hqx(data[:34], 0):
        raise ValueError("the seed's checksum is wrong")
    kind = (data[0] & 7) << 5 | data[1] >> 3
    if data[0] & 0xF8 != _SEED or kind != _USER:
        raise ValueError("it is not the seed of a user")
    key = Ed25519PrivateKey.from_private_bytes(data[2:34])
    return lambda nonce: base64.b64encode(key.sign(nonce.encode()))
