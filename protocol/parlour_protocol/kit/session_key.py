"""The key of a session: what its owner signs to redeem a ticket, so that a stolen ticket opens nothing (K50).

A client makes an Ed25519 key for each login and keeps the private one; the server has the public one. The
proof is valid for one ticket, at one server under one name, for one request.
"""

from dataclasses import dataclass
from typing import Final

from parlour_protocol.kit.opaque import Opaque

PROOF_HEADER: Final = "Session-Proof"
"""The header with the proof: a ``Proof`` as base64url."""
_PURPOSE: Final = b"parlour ticket proof v1"


class SessionKey(Opaque):
    """An Ed25519 public key: 32 bytes (RFC 8032)."""

    __slots__ = ()
    max_bytes = 32
    min_bytes = 32


class Proof(Opaque):
    """An Ed25519 signature: 64 bytes (RFC 8032)."""

    __slots__ = ()
    max_bytes = 64
    min_bytes = 64


@dataclass(frozen=True, slots=True)
class Redemption:
    """The request that redeems a ticket, as both sides see it."""

    ticket: bytes
    """Its SHA-256."""
    host: str
    """The Host header in lower case."""
    server_key: bytes
    """SHA-256 of the SubjectPublicKeyInfo of the certificate that the server shows in TLS."""
    path: str
    method: str = "GET"

    def to_be_signed(self) -> bytes:
        """Return what the session's key signs: the purpose, then each part after its length (4 bytes)."""
        parts = (
            _PURPOSE,
            self.ticket,
            self.host.encode(),
            self.server_key,
            self.method.encode(),
            self.path.encode(),
        )
        return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
