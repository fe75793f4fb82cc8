"""A session on this device: its bearer token, and the key whose proof redeems its tickets.

The key is made for each login and kept beside the token; only the public part leaves this device.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from os import urandom
from typing import Final, Self

from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import Proof, Redemption, SessionKey

_SEED_BYTES: Final = 32


class SessionKeyPair:
    """An Ed25519 key pair (RFC 8032) for one session."""

    __slots__ = ("_private", "public")

    def __init__(self, seed: Secret) -> None:
        """Use the key of ``seed``, 32 bytes as base64url. Raises ValueError."""
        from nacl.bindings import crypto_sign_seed_keypair  # noqa: PLC0415 - `--help` needs no key

        raw = urlsafe_b64decode(seed.reveal() + "=")
        if len(raw) != _SEED_BYTES:
            raise ValueError("a session key's seed has 32 bytes")
        public, self._private = crypto_sign_seed_keypair(raw)
        self.public = SessionKey(public)

    @classmethod
    def generate(cls) -> tuple[Self, Secret]:
        """Generate a key; returns its seed as well."""
        seed = Secret(urlsafe_b64encode(urandom(_SEED_BYTES)).decode().rstrip("="))
        return cls(seed), seed

    def prove(self, redemption: Redemption) -> Proof:
        """Sign the request that redeems a ticket."""
        from nacl.bindings import crypto_sign  # noqa: PLC0415 - as above

        return Proof(crypto_sign(redemption.to_be_signed(), self._private)[: Proof.max_bytes])


@dataclass(frozen=True, slots=True)
class Session:
    """A live session; without a key a server may refuse it."""

    token: Secret
    key: SessionKeyPair | None = None
