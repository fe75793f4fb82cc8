"""The server's TLS context, which is reloaded without a restart.

TLS 1.3 only (T2: weak TLS), no session tickets, HTTP/1.1 by ALPN. It refuses a private key that anyone else
can read, and never asks for a passphrase at a terminal. `net_server.py` takes the current context for
each new connection.

`tls_groups.py` chooses the key exchange groups.
"""

import os
import ssl
import stat
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from parlour_protocol.kit.certificates import public_key_digest
from parlour_server.core.errors import SetupError
from parlour_server.core.net.tls_groups import narrow

CLEANSE_PLAINTEXT: Final = 0x2  # SSL_OP_CLEANSE_PLAINTEXT of OpenSSL 3, for which Python has no name
"""OpenSSL wipes its buffers after a read (L18)."""


class TlsFiles:
    """The certificate and key in use.

    ``context`` is for the next connection, ``key_digest`` the SHA-256 of the public key that it shows
    (SubjectPublicKeyInfo), ``expires`` when that certificate ends, in seconds since 1970.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read both files. Raises SetupError."""
        self._certificate = certificate
        self._key = key
        self.context = _context(certificate, key)
        self.key_digest, self.expires = _shown(certificate)

    def reload(self) -> None:
        """Read the files again, for new connections. Raises SetupError and keeps the old pair."""
        try:
            context = _context(self._certificate, self._key)
            key_digest, expires = _shown(self._certificate)
        except SetupError as error:
            raise SetupError(f"{error}; the old certificate stays in use") from error
        self.context, self.key_digest, self.expires = context, key_digest, expires


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    _refuse_open_key(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # No resumption: it saves reconnecting clients little, and costs every other one 0.1 ms.
    context.num_tickets = 0
    context.options |= CLEANSE_PLAINTEXT
    context.set_alpn_protocols(["http/1.1"])
    narrow(context)
    try:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        raise SetupError(
            f"the certificate {certificate} and the key {key} do not work together ({error}); "
            "`init` creates a pair"
        ) from error
    return context


def _shown(certificate: Path) -> tuple[bytes, float]:
    """Return the digest of a certificate's public key, and when it expires."""
    try:
        read = x509.load_pem_x509_certificate(certificate.read_bytes())
        digest = public_key_digest(read.public_bytes(Encoding.DER))
    except (OSError, ValueError) as error:
        raise SetupError(f"cannot read the certificate {certificate}: {error}") from error
    return digest, read.not_valid_after_utc.timestamp()


def _refuse_open_key(key: Path) -> None:
    """Raise SetupError for a key that is missing, or that other users can read."""
    try:
        mode = key.stat().st_mode
    except OSError as error:
        raise SetupError(f"cannot read the key {key}: {error.strerror}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SetupError(f"other users can read the private key {key}; run `chmod 600 {key}`")


def _no_passphrase() -> str:
    # Without a callback OpenSSL would ask at the terminal and hang a server that has none.
    return ""
