"""Seals what a stolen database must not show: refresh tokens, and what pending logins are asked with.

The key comes from the server's own key, which is in the data folder and never in the database. With another
server key nothing opens any more, and people log in again.
"""

import os
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES: Final = 12


class Sealer:
    """Seals with one key; each text for one place, so that a row can't be put in another's stead."""

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key)

    @classmethod
    def of(cls, server_key: Path) -> Self:
        """Derive the key from the file with the server's."""
        derived = HKDF(SHA256(), 32, salt=None, info=b"parlour company login v1")
        return cls(derived.derive(server_key.read_bytes()))

    def seal(self, text: bytes, place: bytes) -> bytes:
        """Return the sealed text."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text, place)

    def open(self, sealed: bytes, place: bytes) -> bytes | None:
        """Return the text; None if it was sealed by another key, or for another place."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
        except (InvalidTag, ValueError):
            return None
