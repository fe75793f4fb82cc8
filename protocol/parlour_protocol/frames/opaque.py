"""Bytes that only clients can read, as base64url text in a frame.

A server stores and passes them on unchanged; it does not have the keys. The text form is canonical: no
padding, no spare bits, so that equal bytes are equal text (M1: parser differentials).
"""

import base64
import binascii
import re
from typing import ClassVar, Final, Self

from parlour_protocol.limits import (
    CERTIFICATE_BYTES,
    HANDSHAKE_BYTES,
    KEY_PACKAGE_BYTES,
    SEALED_BYTES,
    STATEMENT_BYTES,
    TREE_BYTES,
    WELCOME_BYTES,
    Limit,
)

_TEXT: Final = re.compile(r"[A-Za-z0-9_-]*")
_SLICE: Final = 64 * 1024
"""Characters that are read or written at once: a long text must not hold up other threads (L27)."""


class Opaque(bytes):
    """Bytes with a size limit. Each kind is its own type, so they cannot be confused."""

    __slots__ = ()
    max_bytes: ClassVar[Limit] = HANDSHAKE_BYTES
    min_bytes: ClassVar[int] = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read base64url (RFC 4648 section 5) without padding. Raises ValueError."""
        # The cheap check comes first: text that is too long is not decoded.
        if len(text) > -(-cls.max_bytes.value * 4 // 3):
            raise ValueError("too long")
        value = b"".join(_decoded(text[at : at + _SLICE]) for at in range(0, len(text), _SLICE))
        if not cls.min_bytes <= len(value) <= cls.max_bytes.value:
            raise ValueError("too short or too long")
        return cls(value)

    @property
    def text(self) -> str:
        """The same as text in a frame."""
        step = _SLICE // 4 * 3
        return "".join(_encoded(self[at : at + step]) for at in range(0, len(self), step))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} bytes)"


def _decoded(text: str) -> bytes:
    """Read a slice: four characters are three bytes, so each but the last is complete. Raises ValueError."""
    if not _TEXT.fullmatch(text):
        raise ValueError("not base64url")
    try:
        value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if _encoded(value) != text:
        raise ValueError("base64url with spare bits")
    return value


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


class Ciphertext(Opaque):
    """An application message of MLS (RFC 9420 section 6.3)."""

    __slots__ = ()
    max_bytes = SEALED_BYTES


class HandshakeBytes(Opaque):
    """A commit of MLS, as PrivateMessage."""

    __slots__ = ()
    max_bytes = HANDSHAKE_BYTES


class WelcomeBytes(Opaque):
    """A Welcome of MLS for the devices that a commit adds."""

    __slots__ = ()
    max_bytes = WELCOME_BYTES


class TreeBytes(Opaque):
    """A ratchet tree, encrypted with a key that only the Welcome carries (RFC 9420 section 12.4.3.3)."""

    __slots__ = ()
    max_bytes = TREE_BYTES


class KeyPackageBytes(Opaque):
    """A key package of MLS (RFC 9420 section 10)."""

    __slots__ = ()
    max_bytes = KEY_PACKAGE_BYTES


class CertificateBytes(Opaque):
    """A signed statement of an account key about a device (``identity``)."""

    __slots__ = ()
    max_bytes = CERTIFICATE_BYTES


class LogEntryBytes(Opaque):
    """One entry of the key log (``identity.keylog``)."""

    __slots__ = ()
    max_bytes = CERTIFICATE_BYTES


class StatementBytes(Opaque):
    """A signed statement about who is in an encrypted room (``membership``)."""

    __slots__ = ()
    max_bytes = STATEMENT_BYTES


class PublicKey(Opaque):
    """An Ed25519 public key: 32 bytes (RFC 8032)."""

    __slots__ = ()
    max_bytes = Limit("public_key", 32, "bytes", "Ed25519 (RFC 8032)")
    min_bytes = 32


class Signature(Opaque):
    """An Ed25519 signature: 64 bytes (RFC 8032)."""

    __slots__ = ()
    max_bytes = Limit("signature", 64, "bytes", "Ed25519 (RFC 8032)")
    min_bytes = 64


class Digest(Opaque):
    """A SHA-256: 32 bytes."""

    __slots__ = ()
    max_bytes = Limit("digest", 32, "bytes", "SHA-256")
    min_bytes = 32


class FileKey(Opaque):
    """The key of one attachment: 32 bytes; only inside encrypted messages."""

    __slots__ = ()
    max_bytes = Limit("file_key", 32, "bytes", "secretstream's key")
    min_bytes = 32


class Share(Opaque):
    """A value of verification by short words: a commitment or a key; only inside encrypted messages."""

    __slots__ = ()
    max_bytes = Limit("share", 64, "bytes", "a digest or an X25519 key")


OPAQUE_TYPES: Final = (
    Ciphertext,
    HandshakeBytes,
    WelcomeBytes,
    TreeBytes,
    KeyPackageBytes,
    CertificateBytes,
    LogEntryBytes,
    StatementBytes,
    PublicKey,
    Signature,
    Digest,
    FileKey,
    Share,
)
