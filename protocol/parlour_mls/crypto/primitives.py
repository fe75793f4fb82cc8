"""The primitives that all cipher suites here share: SHA-256, HKDF, Ed25519, ChaCha20-Poly1305.

All of it is libsodium and hashlib; what is here are the labels, and the lengths that must be checked before
bytes reach C code. A failed check raises `AuthenticationError`; no check returns a bool.
"""

import functools
import hashlib
import hmac
import os
from collections.abc import Callable

from nacl import bindings
from nacl.exceptions import BadSignatureError, CryptoError

from parlour_mls.codec import u16, vec
from parlour_mls.crypto.secret_bytes import Secret
from parlour_mls.errors import AuthenticationError, MalformedError

PROTOCOL_VERSION = 1
"""mls10 (section 6)."""

HASH_SIZE = 32
"""KDF.Nh, and the size of every hash, tag and secret."""
KEY_SIZE = 32
"""AEAD.Nk, and the size of Ed25519 public keys and of all private keys."""
NONCE_SIZE = 12
"""AEAD.Nn."""
SIGNATURE_SIZE = 64
ZERO = bytes(HASH_SIZE)

Random = Callable[[int], bytes]
"""Gives that many random bytes: `os.urandom`, or something reproducible in a test."""

system_random: Random = os.urandom


def digest(data: bytes) -> bytes:
    """Hash of the suites."""
    return hashlib.sha256(data).digest()


def mac(key: Secret, data: bytes) -> bytes:
    """MAC of the suites: HMAC-SHA256, 32 bytes."""
    return hmac.digest(key.reveal(), data, "sha256")


def check_mac(key: Secret, data: bytes, tag: bytes, what: str) -> None:
    """Compare a tag in constant time *and* at full length: a short or empty one never passes."""
    if not hmac.compare_digest(mac(key, data), tag):
        raise AuthenticationError(f"the {what} does not verify")


def extract(salt: bytes, key_material: bytes) -> bytes:
    """KDF.Extract (RFC 5869)."""
    return hmac.digest(salt, key_material, "sha256")


def expand(secret: bytes, info: bytes, length: int) -> bytes:
    """KDF.Expand (RFC 5869)."""
    if length <= HASH_SIZE:
        return hmac.digest(secret, info + b"\x01", "sha256")[:length]
    if length > 255 * HASH_SIZE:
        raise MalformedError(f"HKDF gives at most {255 * HASH_SIZE} bytes, not {length}")
    block, blocks = b"", b""
    for counter in range(1, -(-length // HASH_SIZE) + 1):
        block = hmac.digest(secret, block + info + bytes((counter,)), "sha256")
        blocks += block
    return blocks[:length]


@functools.lru_cache(maxsize=256)
def _label(label: str) -> bytes:
    return vec(b"MLS 1.0 " + label.encode())


def expand_with_label(secret: bytes, label: str, context: bytes, length: int) -> bytes:
    """ExpandWithLabel (section 8)."""
    return expand(secret, u16(length) + _label(label) + vec(context), length)


def derive_secret(secret: bytes, label: str) -> bytes:
    """DeriveSecret (section 8)."""
    return expand_with_label(secret, label, b"", HASH_SIZE)


def ref_hash(label: str, value: bytes) -> bytes:
    """RefHash (section 5.2); here the label carries its own "MLS 1.0" prefix."""
    return digest(vec(label.encode()) + vec(value))


class SigningKey:
    """An Ed25519 key pair; the private half is never printed."""

    __slots__ = ("_private", "public", "seed")

    def __init__(self, seed: Secret) -> None:
        if len(seed) != bindings.crypto_sign_SEEDBYTES:
            raise MalformedError(f"an Ed25519 seed has {bindings.crypto_sign_SEEDBYTES} bytes")
        self.seed = seed
        self.public, private = bindings.crypto_sign_seed_keypair(seed.reveal())
        self._private = Secret(private)

    @classmethod
    def generate(cls, random: Random = system_random) -> "SigningKey":
        """Make a fresh pair."""
        return cls(Secret(random(bindings.crypto_sign_SEEDBYTES)))

    def sign(self, label: str, content: bytes) -> bytes:
        """SignWithLabel (section 5.1.2)."""
        signed = bindings.crypto_sign(_label(label) + vec(content), self._private.reveal())
        return signed[:SIGNATURE_SIZE]

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public.hex()})"


def verify(public: bytes, label: str, content: bytes, signature: bytes, what: str) -> None:
    """VerifyWithLabel (section 5.1.2); libsodium refuses small-order keys and non-canonical scalars."""
    # The lengths are checked here because libsodium reads 32 and 64 bytes whatever it is given.
    if len(public) != KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        raise AuthenticationError(f"the signature of the {what} or its key has the wrong length")
    try:
        bindings.crypto_sign_open(signature + _label(label) + vec(content), public)
    except BadSignatureError:
        raise AuthenticationError(f"the signature of the {what} does not verify") from None


def aead_encrypt(key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
    """ChaCha20-Poly1305 of RFC 8439; the tag is at the end."""
    return bindings.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, aad, nonce, key)


def aead_decrypt(key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes, what: str) -> bytes:
    """Open what `aead_encrypt` made, or raise `AuthenticationError`."""
    if len(ciphertext) < bindings.crypto_aead_chacha20poly1305_ietf_ABYTES:
        raise AuthenticationError(f"the {what} is too short to hold a tag")
    try:
        return bindings.crypto_aead_chacha20poly1305_ietf_decrypt(ciphertext, aad, nonce, key)
    except CryptoError:
        raise AuthenticationError(f"the {what} cannot be decrypted") from None
