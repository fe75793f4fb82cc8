"""The key that signs the head of the key log: created once, stored in the data folder with mode 0600.

Every page of the log contains its public key, and a client warns when that changes. It signs heads and
nothing else.
"""

from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from parlour_protocol.frames.opaque import PublicKey, Signature
from parlour_protocol.identity import Head
from parlour_server.kit.errors import SetupError
from parlour_server.kit.private_file import write_private


class KeyLogSigner:
    """Signs heads of one server's log."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Use this key."""
        self._key = key
        self.public = PublicKey(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, head: Head, server: str) -> Signature:
        """Sign a head of the log of ``server``."""
        return Signature(self._key.sign(head.to_be_signed(server)))

    @classmethod
    def load(cls, path: Path) -> "KeyLogSigner":
        """Read the key. Raises SetupError."""
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise SetupError(
                f"cannot read the signing key of the key log, {path}; restore it from a backup"
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise SetupError(f"{path} does not contain an Ed25519 key; restore it from a backup")
        return cls(key)


def make_log_key(path: Path) -> bool:
    """Create the key; False if there was one already. Raises SetupError."""
    if path.exists():
        return False
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with suppress(FileExistsError):  # two servers that start at once must not sign with different keys
        write_private(path, pem, replace=False)
        return True
    return False
