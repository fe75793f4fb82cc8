"""The cipher suites of this engine: they differ in how keys are encapsulated, and in nothing else.

Hash, KDF, AEAD and signatures are the same in both (`primitives`). A group keeps its suite for life, and
everything that enters it must be of the same one: key packages, leaves, paths, Welcomes.
"""

from dataclasses import dataclass
from typing import Final

from parlour_mls.codec import X25519_SUITE, XWING_SUITE
from parlour_mls.crypto.kem import X25519, Kem, XWing
from parlour_mls.errors import InvalidError, NotForThisGroupError


@dataclass(frozen=True, slots=True)
class CipherSuite:
    """One suite: its number in MLS, its name, and its key encapsulation."""

    number: int
    name: str
    kem: Kem

    def check_public_key(self, key: bytes) -> None:
        """Refuse a key of another suite, or one to which no one can encrypt, when it enters a group."""
        if len(key) != self.kem.public_size:
            raise InvalidError(
                f"a public key has {len(key)} bytes: it is not for the group's cipher suite ({self.name})"
            )
        self.kem.check(key)


CLASSIC: Final = CipherSuite(X25519_SUITE, "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519", X25519())
"""RFC 9420 section 17.1."""
HYBRID: Final = CipherSuite(XWING_SUITE, "MLS_128_MLKEM768X25519_CHACHA20POLY1305_SHA256_Ed25519", XWing())
"""Experimental: draft-ietf-mls-pq-ciphersuites-06 has this KEM with Ed25519 and AES only, and its numbers are
not assigned yet, so this one is for private use."""

_SUITES: Final = {suite.number: suite for suite in (CLASSIC, HYBRID)}


def suite_of(number: int) -> CipherSuite:
    """Give the suite with that number. Raises NotForThisGroupError."""
    suite = _SUITES.get(number)
    if suite is None:
        raise NotForThisGroupError(f"this client does not know cipher suite {number:#06x} (section 5.1)")
    return suite
