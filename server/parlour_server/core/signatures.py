"""Ed25519 signatures: the server's key for the heads of its own logs, and the check of everyone's.

A key of small order is refused: it has signatures that are valid for every message, so a certificate by it
would prove nothing (RFC 8032 leaves this check to the verifier). libsodium refuses it, and takes half the
time of OpenSSL.
"""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from parlour_server.core.errors import SetupError
from parlour_server.core.private_file import write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


def holds(key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether ``signature`` is a valid Ed25519 signature of ``message`` (``identity.Verify``)."""
    from nacl.bindings import crypto_sign_open  # noqa: PLC0415 - only what verifies something loads it
    from nacl.exceptions import CryptoError  # noqa: PLC0415 - as above

    # libsodium reads 32 and 64 bytes whatever it is given
    if len(key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, key)
    except (CryptoError, ValueError):
        return False
    return True


def is_public_key(key: bytes) -> bool:
    """Return whether this is an Ed25519 key that anyone can have made: a point of the prime-order group."""
    from nacl.bindings import crypto_core_ed25519_is_valid_point  # noqa: PLC0415 - as above

    return len(key) == KEY_BYTES and crypto_core_ed25519_is_valid_point(key)


class SigningKey:
    """The server's key that signs the heads of its logs and nothing else, in a file of mode 0600."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        """Use this key."""
        self._key = key
        self.public: Final = key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Sign the bytes of a head (``ChainHead.to_be_signed``)."""
        return self._key.sign(message)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the key. Raises SetupError."""
        # Here, as below: most commands use the store, which can have heads signed, and no key.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

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
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with suppress(FileExistsError):  # two servers that start at once must not sign with different keys
        write_private(path, pem, replace=False)
        return True
    return False
