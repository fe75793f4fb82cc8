"""The key encapsulation mechanisms of the cipher suites: X25519 (RFC 9180 section 4.1), and X-Wing beside it.

X-Wing (draft-connolly-cfrg-xwing-kem; MLKEM768-X25519 in draft-ietf-hpke-pq, KEM 0x647A) hashes the secrets
of ML-KEM-768 and X25519 into one, so that it is secure as long as one of the two is. A private key has 32
bytes in both. ML-KEM is the `cryptography` package's, the rest is libsodium's and hashlib's.
"""

import functools
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nacl import bindings
from nacl.exceptions import CryptoError

from parlour_mls.codec import u16
from parlour_mls.crypto.primitives import Random, expand, extract, system_random
from parlour_mls.crypto.secret_bytes import Secret
from parlour_mls.errors import AuthenticationError, MalformedError, PolicyError, UnusableKeyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey

PUBLIC_SIZES = frozenset({32, 1216})
"""The sizes that decoders accept; whether a key is of the group's suite is checked where it enters."""
OUTPUT_SIZES = frozenset({32, 1120})
PRIVATE_SIZE = 32
"""Nsk of both: an X25519 scalar, or the seed that an X-Wing key is expanded from."""
SHARED_SIZE = 32
"""Nsecret of both."""
HPKE_VERSION = b"HPKE-v1"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key pair of one of the mechanisms."""

    private: Secret
    public: bytes


class Kem(Protocol):
    """A mechanism, as HPKE and the ratchet tree need it."""

    @property
    def number(self) -> int:
        """Its number in the registry of HPKE."""
        ...

    @property
    def public_size(self) -> int:
        """Bytes of a public key (Npk)."""
        ...

    @property
    def output_size(self) -> int:
        """Bytes of what an encapsulation sends (Nenc)."""
        ...

    def available(self) -> bool:
        """Whether this installation can do it at all; nothing else works without."""
        ...

    def derive(self, seed: bytes) -> KeyPair:
        """DeriveKeyPair (RFC 9180 section 7.1.3)."""
        ...

    def complete(self, private: bytes) -> KeyPair:
        """Give a private key with its public half. Raises MalformedError."""
        ...

    def generate(self, random: Random = system_random) -> KeyPair:
        """Make a fresh pair."""
        ...

    def check(self, public: bytes) -> None:
        """Refuse a public key that nothing can be encrypted to. Raises MlsError."""
        ...

    def encapsulate(self, public: bytes, random: Random) -> tuple[bytes, bytes]:
        """Give a fresh secret for the owner of a public key, and what to send. Raises MlsError."""
        ...

    def decapsulate(self, pair: KeyPair, output: bytes) -> bytes:
        """Give the secret that someone has sent to our key. Raises MlsError."""
        ...


def _require(value: bytes, size: int, what: str) -> None:
    if len(value) != size:  # libsodium reads as many bytes as it wants, whatever it is given
        raise MalformedError(f"{what} has {size} bytes")


_PRIME = (1 << 255) - 19
_LOW_ORDER = (
    0,
    1,
    _PRIME - 1,
    _PRIME,
    _PRIME + 1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
"""The u-coordinates of order 1, 2, 4 and 8 on the curve and its twist, as they can be written in 255 bits."""
LOW_ORDER_POINTS = frozenset((u | top).to_bytes(32, "little") for u in _LOW_ORDER for top in (0, 1 << 255))
"""All their encodings: the highest bit is ignored."""


def _require_order(point: bytes) -> None:
    if point in LOW_ORDER_POINTS:
        raise UnusableKeyError("a public key is a low-order point: no one can encrypt to it")


def _diffie_hellman(private: bytes, public: bytes) -> bytes:
    try:
        return bindings.crypto_scalarmult(private, public)
    except (CryptoError, RuntimeError):  # a low-order point: libsodium refuses the all-zero result
        raise AuthenticationError("a public key is a low-order point") from None


@functools.cache
def _has_ml_kem() -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as below
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey  # noqa: PLC0415 - as below

    try:
        MLKEM768PrivateKey.from_seed_bytes(bytes(64))
    except UnsupportedAlgorithm:
        return False
    return True


def _require_ml_kem() -> None:
    if not _has_ml_kem():
        raise PolicyError("ML-KEM is missing here: the `cryptography` package was built without it")


class X25519:
    """DHKEM(X25519, HKDF-SHA256)."""

    number = 0x0020
    public_size = 32
    output_size = 32
    _SUITE = b"KEM" + u16(0x0020)

    def available(self) -> bool:
        """Return true: it is libsodium's."""
        return True

    def _extract(self, label: bytes, key_material: bytes) -> bytes:
        return extract(b"", HPKE_VERSION + self._SUITE + label + key_material)

    def _expand(self, secret: bytes, label: bytes, info: bytes) -> bytes:
        return expand(secret, u16(32) + HPKE_VERSION + self._SUITE + label + info, 32)

    def derive(self, seed: bytes) -> KeyPair:
        """DeriveKeyPair (RFC 9180 section 7.1.3)."""
        return self.complete(self._expand(self._extract(b"dkp_prk", seed), b"sk", b""))

    def complete(self, private: bytes) -> KeyPair:
        """Give a private key with its public half."""
        _require(private, PRIVATE_SIZE, "an X25519 private key")
        return KeyPair(Secret(private), bindings.crypto_scalarmult_base(private))

    def generate(self, random: Random = system_random) -> KeyPair:
        """Make a fresh pair."""
        return self.derive(random(PRIVATE_SIZE))

    def check(self, public: bytes) -> None:
        """Refuse a low-order point: encrypting to it would fail, and no one could change the group."""
        _require(public, self.public_size, "an X25519 public key")
        _require_order(public)

    def encapsulate(self, public: bytes, random: Random) -> tuple[bytes, bytes]:
        """Encap (RFC 9180 section 4.1)."""
        _require(public, self.public_size, "an X25519 public key")
        ephemeral = random(PRIVATE_SIZE)
        output = bindings.crypto_scalarmult_base(ephemeral)
        return self._shared(_diffie_hellman(ephemeral, public), output, public), output

    def decapsulate(self, pair: KeyPair, output: bytes) -> bytes:
        """Decap (RFC 9180 section 4.1)."""
        _require(output, self.output_size, "an X25519 public key")
        return self._shared(_diffie_hellman(pair.private.reveal(), output), output, pair.public)

    def _shared(self, dh: bytes, output: bytes, recipient: bytes) -> bytes:
        return self._expand(self._extract(b"eae_prk", dh), b"shared_secret", output + recipient)


class XWing:
    """ML-KEM-768 and X25519 in one."""

    number = 0x647A
    public_size = 1216
    output_size = 1120
    _SUITE = b"KEM" + u16(0x647A)
    _LABEL = b"\\.//^\\"
    _ML_PUBLIC, _ML_OUTPUT = 1184, 1088

    def available(self) -> bool:
        """Whether `cryptography` has ML-KEM, which one that was built against an older OpenSSL has not."""
        return _has_ml_kem()

    def derive(self, seed: bytes) -> KeyPair:
        """DeriveKeyPair (draft-ietf-hpke-pq section 4): LabeledDerive with SHAKE256."""
        label = b"DeriveKeyPair"
        material = seed + HPKE_VERSION + self._SUITE + u16(len(label)) + label + u16(PRIVATE_SIZE)
        return self.complete(hashlib.shake_256(material).digest(PRIVATE_SIZE))

    def complete(self, private: bytes) -> KeyPair:
        """Give a private key with its public half."""
        lattice, scalar = self._expanded(private)
        public = lattice.public_key().public_bytes_raw() + bindings.crypto_scalarmult_base(scalar)
        return KeyPair(Secret(private), public)

    def generate(self, random: Random = system_random) -> KeyPair:
        """Make a fresh pair."""
        return self.complete(random(PRIVATE_SIZE))

    def check(self, public: bytes) -> None:
        """Refuse a low-order point, and a lattice key with a coefficient that is not reduced."""
        self._lattice(public)
        _require_order(public[self._ML_PUBLIC :])

    def _lattice(self, public: bytes) -> "MLKEM768PublicKey":
        from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey  # noqa: PLC0415 - 90 ms, and only where a room uses it

        _require_ml_kem()
        _require(public, self.public_size, "an X-Wing public key")
        try:
            return MLKEM768PublicKey.from_public_bytes(public[: self._ML_PUBLIC])
        except ValueError:  # the check of FIPS 203 section 7.2
            raise UnusableKeyError("the ML-KEM part of a public key is not valid") from None

    def encapsulate(self, public: bytes, random: Random) -> tuple[bytes, bytes]:
        """Encapsulate; the randomness of ML-KEM is always the system's."""
        lattice = self._lattice(public)
        recipient = public[self._ML_PUBLIC :]
        ephemeral = random(PRIVATE_SIZE)
        sent = bindings.crypto_scalarmult_base(ephemeral)
        first, ciphertext = lattice.encapsulate()
        return self._shared(first, _diffie_hellman(ephemeral, recipient), sent, recipient), ciphertext + sent

    def decapsulate(self, pair: KeyPair, output: bytes) -> bytes:
        """Decapsulate; a forged ML-KEM ciphertext gives another secret, not an error (FIPS 203 s6.3)."""
        _require(output, self.output_size, "an X-Wing ciphertext")
        lattice, scalar = self._expanded(pair.private.reveal())
        sent = output[self._ML_OUTPUT :]
        first = lattice.decapsulate(output[: self._ML_OUTPUT])
        return self._shared(first, _diffie_hellman(scalar, sent), sent, pair.public[self._ML_PUBLIC :])

    def _expanded(self, private: bytes) -> "tuple[MLKEM768PrivateKey, bytes]":
        from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey  # noqa: PLC0415 - the same

        _require_ml_kem()
        _require(private, PRIVATE_SIZE, "an X-Wing private key")
        expanded = hashlib.shake_256(private).digest(96)
        return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), expanded[64:]

    def _shared(self, lattice: bytes, dh: bytes, sent: bytes, recipient: bytes) -> bytes:
        return hashlib.sha3_256(lattice + dh + sent + recipient + self._LABEL).digest()
