"""Ed25519 signatures: the server's key for the heads of its own logs, and the check of everyone's.

A key of small order is refused: it has signatures that are valid for every message, so a certificate by it
would prove nothing (RFC 8032 leaves this check to the verifier).
"""

from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from parlour_server.kit.errors import SetupError
from parlour_server.kit.private_file import write_private

_SIGN_BIT: Final = 0x7F
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(text)
    for text in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)
"""The y coordinates of the eight points of small order, and their forms that are not reduced."""


def holds(key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether ``signature`` is a valid Ed25519 signature of ``message`` (``identity.Verify``)."""
    if key[:-1] + bytes([key[-1] & _SIGN_BIT]) in _SMALL_ORDER:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class SigningKey:
    """The server's key that signs the heads of its logs and nothing else, in a file of mode 0600."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Use this key."""
        self._key = key
        self.public: Final = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, message: bytes) -> bytes:
        """Sign the bytes of a head (``ChainHead.to_be_signed``)."""
        return self._key.sign(message)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the key. Raises SetupError."""
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise SetupError(f"cannot read the signing key {path}; restore it from a backup") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SetupError(f"{path} does not contain an Ed25519 key; restore it from a backup")
        return cls(key)


def make_signing_key(path: Path) -> bool:
    """Create the key; False if there was one already. Raises SetupError."""
    if path.exists():
        return False
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with suppress(FileExistsError):  # two servers that start at once must not sign with different keys
        write_private(path, pem, replace=False)
        return True
    return False
