"""Ed25519 by libsodium (RFC 8032), for statements, proofs and the key log's head.

Keys of small order, non-canonical signatures and wrong lengths are refused: under such a key one signature
would fit several messages. ``verify`` is the ``Verify`` of ``parlour_protocol.identity``.
"""

from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from parlour_mls import Secret

SEED_BYTES: Final = bindings.crypto_sign_SEEDBYTES
KEY_BYTES: Final = bindings.crypto_sign_PUBLICKEYBYTES
SIGNATURE_BYTES: Final = bindings.crypto_sign_BYTES


def public_of(seed: Secret) -> bytes:
    """Return the public key of a seed (32 bytes each)."""
    public, _ = bindings.crypto_sign_seed_keypair(seed.reveal())
    return public


def sign(seed: Secret, message: bytes) -> bytes:
    """Return the signature (64 bytes)."""
    _, private = bindings.crypto_sign_seed_keypair(seed.reveal())
    return bindings.crypto_sign(message, private)[:SIGNATURE_BYTES]


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether the signature is valid. Callers that decide by it raise on False."""
    # libsodium reads 32 and 64 bytes whatever it is given
    if len(key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        bindings.crypto_sign_open(signature + message, key)
    except (CryptoError, ValueError):
        return False
    return True
