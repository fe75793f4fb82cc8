"""HPKE in base mode (RFC 9180): X25519, HKDF-SHA256, ChaCha20-Poly1305.

It encrypts to a public key with a fresh ephemeral key each time and refuses low-order points, which would
give a shared secret known to everybody. `path` and the Welcome code use the labelled forms; the export form
serves external commits (RFC 9420 section 8.3).
"""

from dataclasses import dataclass

from nacl import bindings
from nacl.exceptions import CryptoError

from .codec import u16, vec
from .errors import AuthenticationError, MalformedError
from .secret import Secret
from .suite import (
    HASH_SIZE,
    KEY_SIZE,
    NONCE_SIZE,
    Random,
    aead_open,
    aead_seal,
    expand,
    extract,
    system_random,
)

_KEM = b"KEM" + u16(0x0020)
_HPKE = b"HPKE" + u16(0x0020) + u16(0x0001) + u16(0x0003)
_VERSION = b"HPKE-v1"
_BASE_MODE = b"\x00"


def _extract(suite: bytes, salt: bytes, label: bytes, key_material: bytes) -> bytes:
    return extract(salt, _VERSION + suite + label + key_material)


def _expand(suite: bytes, secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return expand(secret, u16(length) + _VERSION + suite + label + info, length)


_NO_PSK_ID = _extract(_HPKE, b"", b"psk_id_hash", b"")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An X25519 key pair."""

    private: Secret
    public: bytes

    @classmethod
    def derive(cls, seed: bytes) -> "KeyPair":
        """DeriveKeyPair (RFC 9180 section 7.1.3)."""
        return cls.of(_expand(_KEM, _extract(_KEM, b"", b"dkp_prk", seed), b"sk", b"", KEY_SIZE))

    @classmethod
    def of(cls, private: bytes) -> "KeyPair":
        """Complete a private key with its public half."""
        if len(private) != KEY_SIZE:
            raise MalformedError(f"an X25519 private key has {KEY_SIZE} bytes")
        return cls(Secret(private), bindings.crypto_scalarmult_base(private))

    @classmethod
    def generate(cls, random: Random = system_random) -> "KeyPair":
        """Make a fresh pair."""
        return cls.derive(random(KEY_SIZE))


@dataclass(frozen=True, slots=True)
class HpkeCiphertext:
    """What one encryption gives (RFC 9420 section 7.6)."""

    kem_output: bytes
    ciphertext: bytes

    def encode(self) -> bytes:
        """Write it."""
        return vec(self.kem_output) + vec(self.ciphertext)


class Context:
    """One direction of an HPKE exchange after its set-up."""

    __slots__ = ("_exporter", "_key", "_nonce")

    def __init__(self, shared: bytes, info: bytes) -> None:
        context = _BASE_MODE + _NO_PSK_ID + _extract(_HPKE, b"", b"info_hash", info)
        secret = _extract(_HPKE, shared, b"secret", b"")
        self._key = _expand(_HPKE, secret, b"key", context, KEY_SIZE)
        self._nonce = _expand(_HPKE, secret, b"base_nonce", context, NONCE_SIZE)
        self._exporter = _expand(_HPKE, secret, b"exp", context, HASH_SIZE)

    def _nonce_of(self, sequence: int) -> bytes:
        return (int.from_bytes(self._nonce, "big") ^ sequence).to_bytes(NONCE_SIZE, "big")

    def seal(self, aad: bytes, plaintext: bytes, sequence: int = 0) -> bytes:
        """Encrypt; MLS uses each context once, so only vectors have another sequence number than 0."""
        return aead_seal(self._key, self._nonce_of(sequence), aad, plaintext)

    def open(self, aad: bytes, ciphertext: bytes, sequence: int = 0) -> bytes:
        """Decrypt."""
        return aead_open(self._key, self._nonce_of(sequence), aad, ciphertext, "HPKE ciphertext")

    def export(self, context: bytes, length: int) -> bytes:
        """Derive a secret that both ends share."""
        return _expand(_HPKE, self._exporter, b"sec", context, length)


def _diffie_hellman(private: bytes, public: bytes) -> bytes:
    if len(public) != KEY_SIZE:
        raise MalformedError(f"an X25519 public key has {KEY_SIZE} bytes")
    try:
        return bindings.crypto_scalarmult(private, public)
    except (CryptoError, RuntimeError):  # a low-order point: libsodium refuses the all-zero result
        raise AuthenticationError("a public key is a low-order point") from None


def _shared(dh: bytes, kem_output: bytes, recipient: bytes) -> bytes:
    return _expand(
        _KEM, _extract(_KEM, b"", b"eae_prk", dh), b"shared_secret", kem_output + recipient, KEY_SIZE
    )


def setup_sender(public: bytes, info: bytes, random: Random = system_random) -> tuple[bytes, Context]:
    """SetupBaseS: the KEM output to send, and the context."""
    ephemeral = random(KEY_SIZE)
    kem_output = bindings.crypto_scalarmult_base(ephemeral)
    return kem_output, Context(_shared(_diffie_hellman(ephemeral, public), kem_output, public), info)


def setup_receiver(kem_output: bytes, pair: KeyPair, info: bytes) -> Context:
    """SetupBaseR."""
    dh = _diffie_hellman(pair.private.reveal(), kem_output)
    return Context(_shared(dh, kem_output, pair.public), info)


def _info(label: str, context: bytes) -> bytes:
    return vec(b"MLS 1.0 " + label.encode()) + vec(context)


def encrypt_with_label(
    public: bytes, label: str, context: bytes, plaintext: bytes, random: Random = system_random
) -> HpkeCiphertext:
    """EncryptWithLabel (RFC 9420 section 5.1.3)."""
    kem_output, sender = setup_sender(public, _info(label, context), random)
    return HpkeCiphertext(kem_output, sender.seal(b"", plaintext))


def decrypt_with_label(pair: KeyPair, label: str, context: bytes, sealed: HpkeCiphertext) -> bytes:
    """DecryptWithLabel (RFC 9420 section 5.1.3)."""
    receiver = setup_receiver(sealed.kem_output, pair, _info(label, context))
    return receiver.open(b"", sealed.ciphertext)
