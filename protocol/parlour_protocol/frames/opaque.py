"""The kinds of bytes that only clients can read, as base64url text in a frame.

A server stores and passes them on unchanged; it does not have the keys.
"""

from typing import Final

from parlour_protocol.kit.opaque import Opaque
from parlour_protocol.limits import (
    CERTIFICATE_BYTES,
    HANDSHAKE_BYTES,
    KEY_PACKAGE_BYTES,
    SEALED_BYTES,
    STATEMENT_BYTES,
    TREE_BYTES,
    WELCOME_BYTES,
)


class Ciphertext(Opaque):
    """An application message of MLS (RFC 9420 section 6.3)."""

    __slots__ = ()
    max_bytes = SEALED_BYTES.value


class HandshakeBytes(Opaque):
    """A commit of MLS, as PrivateMessage."""

    __slots__ = ()
    max_bytes = HANDSHAKE_BYTES.value


class WelcomeBytes(Opaque):
    """A Welcome of MLS for the devices that a commit adds."""

    __slots__ = ()
    max_bytes = WELCOME_BYTES.value


class TreeBytes(Opaque):
    """A ratchet tree, encrypted with a key that only the Welcome carries (RFC 9420 section 12.4.3.3)."""

    __slots__ = ()
    max_bytes = TREE_BYTES.value


class KeyPackageBytes(Opaque):
    """A key package of MLS (RFC 9420 section 10)."""

    __slots__ = ()
    max_bytes = KEY_PACKAGE_BYTES.value


class CertificateBytes(Opaque):
    """A signed statement of an account key about a device (``identity``)."""

    __slots__ = ()
    max_bytes = CERTIFICATE_BYTES.value


class LogEntryBytes(Opaque):
    """One entry of the key log (``identity.keylog``)."""

    __slots__ = ()
    max_bytes = CERTIFICATE_BYTES.value


class StatementBytes(Opaque):
    """A signed statement about who is in an encrypted room (``membership``)."""

    __slots__ = ()
    max_bytes = STATEMENT_BYTES.value


class PublicKey(Opaque):
    """An Ed25519 public key: 32 bytes (RFC 8032)."""

    __slots__ = ()
    max_bytes = 32
    min_bytes = 32


class Signature(Opaque):
    """An Ed25519 signature: 64 bytes (RFC 8032)."""

    __slots__ = ()
    max_bytes = 64
    min_bytes = 64


class Digest(Opaque):
    """A SHA-256: 32 bytes."""

    __slots__ = ()
    max_bytes = 32
    min_bytes = 32


class FileKey(Opaque):
    """The key of one attachment: 32 bytes; only inside encrypted messages."""

    __slots__ = ()
    max_bytes = 32
    min_bytes = 32


class Share(Opaque):
    """A value of verification by short words: a commitment or a key; only inside encrypted messages."""

    __slots__ = ()
    max_bytes = 64


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
