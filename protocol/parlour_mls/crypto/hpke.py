"""HPKE in base mode (RFC 9180): a key encapsulation of `kem`, HKDF-SHA256, ChaCha20-Poly1305.

It encrypts to a public key with a fresh ephemeral key each time. Update paths and Welcomes use the labelled
forms; the export form serves external commits (RFC 9420 section 8.3).
"""

import functools
from dataclasses import dataclass

from parlour_mls.codec import u16, vec
from parlour_mls.crypto.kem import HPKE_VERSION, Kem, KeyPair
from parlour_mls.crypto.primitives import (
    HASH_SIZE,
    KEY_SIZE,
    NONCE_SIZE,
    Random,
    aead_decrypt,
    aead_encrypt,
    expand,
    extract,
    system_random,
)

_BASE_MODE = b"\x00"


def _extract(suite: bytes, salt: bytes, label: bytes, key_material: bytes) -> bytes:
    return extract(salt, HPKE_VERSION + suite + label + key_material)


def _expand(suite: bytes, secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return expand(secret, u16(length) + HPKE_VERSION + suite + label + info, length)


@functools.cache
def _identity(kem_number: int) -> tuple[bytes, bytes]:
    """Give HPKE's suite id, and the hash of the absent PSK id under it."""
    suite = b"HPKE" + u16(kem_number) + u16(0x0001) + u16(0x0003)
    return suite, _extract(suite, b"", b"psk_id_hash", b"")


@dataclass(frozen=True, slots=True)
class HpkeCiphertext:
    """The result of an encryption (RFC 9420 section 7.6)."""

    kem_output: bytes
    ciphertext: bytes

    def encode(self) -> bytes:
        """Write it."""
        return vec(self.kem_output) + vec(self.ciphertext)


# An update path or a Welcome is encrypted to many keys under one label and context, so the last one is kept.
# No secret goes into it.
@functools.lru_cache(maxsize=1)
def _schedule(kem_number: int, info: bytes) -> bytes:
    """Write key_schedule_context (RFC 9180 section 5.1)."""
    suite, no_psk_id = _identity(kem_number)
    return _BASE_MODE + no_psk_id + _extract(suite, b"", b"info_hash", info)


class Context:
    """One direction of an HPKE exchange after its set-up."""

    __slots__ = ("_key", "_nonce", "_schedule", "_secret", "_suite")

    def __init__(self, kem: Kem, shared: bytes, info: bytes) -> None:
        self._suite, _ = _identity(kem.number)
        self._schedule = _schedule(kem.number, info)
        self._secret = _extract(self._suite, shared, b"secret", b"")
        self._key = _expand(self._suite, self._secret, b"key", self._schedule, KEY_SIZE)
        self._nonce = _expand(self._suite, self._secret, b"base_nonce", self._schedule, NONCE_SIZE)

    def _nonce_of(self, sequence: int) -> bytes:
        return (int.from_bytes(self._nonce, "big") ^ sequence).to_bytes(NONCE_SIZE, "big")

    def seal(self, aad: bytes, plaintext: bytes, sequence: int = 0) -> bytes:
        """Encrypt; MLS uses each context once, so only vectors have another sequence number than 0."""
        return aead_encrypt(self._key, self._nonce_of(sequence), aad, plaintext)

    def open(self, aad: bytes, ciphertext: bytes, sequence: int = 0) -> bytes:
        """Decrypt."""
        return aead_decrypt(self._key, self._nonce_of(sequence), aad, ciphertext, "HPKE ciphertext")

    def export(self, context: bytes, length: int) -> bytes:
        """Derive a secret that both ends share."""
        exporter = _expand(self._suite, self._secret, b"exp", self._schedule, HASH_SIZE)
        return _expand(self._suite, exporter, b"sec", context, length)


def setup_sender(
    kem: Kem, public: bytes, info: bytes, random: Random = system_random
) -> tuple[bytes, Context]:
    """SetupBaseS: the KEM output to send, and the context."""
    shared, kem_output = kem.encapsulate(public, random)
    return kem_output, Context(kem, shared, info)


def setup_receiver(kem: Kem, kem_output: bytes, pair: KeyPair, info: bytes) -> Context:
    """SetupBaseR."""
    return Context(kem, kem.decapsulate(pair, kem_output), info)


@functools.lru_cache(maxsize=1)
def _info(label: str, context: bytes) -> bytes:
    return vec(b"MLS 1.0 " + label.encode()) + vec(context)


def encrypt_with_label(
    kem: Kem, public: bytes, label: str, context: bytes, plaintext: bytes, random: Random = system_random
) -> HpkeCiphertext:
    """EncryptWithLabel (RFC 9420 section 5.1.3)."""
    kem_output, sender = setup_sender(kem, public, _info(label, context), random)
    return HpkeCiphertext(kem_output, sender.seal(b"", plaintext))


def decrypt_with_label(
    kem: Kem, pair: KeyPair, label: str, context: bytes, encrypted: HpkeCiphertext
) -> bytes:
    """DecryptWithLabel (RFC 9420 section 5.1.3)."""
    receiver = setup_receiver(kem, encrypted.kem_output, pair, _info(label, context))
    return receiver.open(b"", encrypted.ciphertext)
