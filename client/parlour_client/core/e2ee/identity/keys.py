"""The two private keys of a person, the account's and the device's own; certificates, and the recovery words.

Neither key appears in a ``repr`` or a log. The account key exists on the device that made it, and where a
person typed the recovery words (BIP39, English list); every other device has a certificate instead.
Signatures are libsodium's Ed25519 (RFC 8032): keys of small order, non-canonical signatures and wrong lengths
are refused, because under such a key one signature would fit several messages. ``own_device`` stores the
keys.
"""

import functools
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, TypeVar

from mnemonic import Mnemonic
from nacl import bindings
from nacl.exceptions import CryptoError

from parlour_client.core.errors import ArchiveError
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_mls import Credential, MlsError, Secret, SigningKey
from parlour_protocol.identity import (
    Certificate,
    Revocation,
    StatementError,
    account_proof,
    credential_of,
    device_id_of,
    device_proof,
)
from parlour_protocol.kit.ids import DeviceId, Millis, SessionId
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.rooms import RoomSuite

ROOM_BINDING: Final = 0xF0C0
"""Group context: the server, the room and its kind, so that a group can't be used for another room."""
CERTIFICATE: Final = 0xF0C1
"""Leaf: the account's certificate for the device."""
TREE_KEY: Final = 0xF0C2
"""Group info: the key of the encrypted ratchet tree that comes with a Welcome."""
MEMBERSHIP: Final = 0xF0C3
"""Group context: the digest of the room's roster, so that members who disagree about it share no epoch."""

KNOWN: Final = frozenset((ROOM_BINDING, CERTIFICATE, TREE_KEY, MEMBERSHIP))
"""The capabilities of every Parlour client."""
SUITES: Final = tuple(suite.value for suite in RoomSuite)
"""The same for key packages."""


T = TypeVar("T")


def restored(restore: Callable[[bytes], T], blob: bytes) -> T:
    """Parse stored state. Raises ArchiveError."""
    try:
        return restore(blob)
    except (
        MlsError,
        StatementError,
    ) as error:  # the archive's pages are authenticated: it is another version, not damage
        raise ArchiveError(
            _("The keys of encrypted rooms were written by another version of Parlour; nothing was changed."),
            _("Open this home with that version, or log in with a separate home: parlour --home DIR login."),
        ) from error


SEED_BYTES: Final = bindings.crypto_sign_SEEDBYTES
KEY_BYTES: Final = bindings.crypto_sign_PUBLICKEYBYTES
SIGNATURE_BYTES: Final = bindings.crypto_sign_BYTES


def public_of(seed: Secret) -> bytes:
    """Return the public key of a seed (32 bytes each)."""
    public, _ = bindings.crypto_sign_seed_keypair(seed.reveal())
    return public


def sign(seed: Secret, message: bytes) -> bytes:
    """Return the signature (64 bytes)."""
    _, private = bindings.crypto_sign_seed_keypair(seed.reveal())
    return bindings.crypto_sign(message, private)[:SIGNATURE_BYTES]


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether the signature is valid. Callers that decide by it raise on False."""
    # libsodium reads 32 and 64 bytes whatever it is given
    if len(key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        bindings.crypto_sign_open(signature + message, key)
    except (CryptoError, ValueError):
        return False
    return True


@lru_cache(4096)
def read_certificate(data: bytes) -> Certificate:
    """Parse a certificate and verify its signature. Raises StatementError."""
    return Certificate.read(data, verify)


CERTIFICATE_LIFETIME: Final = 5 * 365 * 86_400_000
"""Milliseconds. Devices are ended by revocation; this only limits devices forgotten for years."""


class AccountKey:
    """The account's identity key; the recovery words encode its seed (32 bytes)."""

    __slots__ = ("public", "seed")

    def __init__(self, seed: Secret) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError("an account key's seed has 32 bytes")
        self.seed = seed
        self.public = public_of(seed)

    @classmethod
    def generate(cls) -> "AccountKey":
        """Generate a new key."""
        return cls(Secret(os.urandom(SEED_BYTES)))

    def prove(self, user: UserName, server: str) -> bytes:
        """Sign a proof for the server that we have the key."""
        return sign(self.seed, account_proof(user, server))

    def certify(
        self, user: UserName, server: str, device_key: bytes, name: DeviceName, now: Millis
    ) -> tuple[Certificate, bytes]:
        """Certify a device; returns the certificate and its bytes."""
        made = Certificate(
            user=user,
            server=server,
            account_key=self.public,
            device_key=bytes(device_key),
            name=name,
            created=now,
            expires=Millis(now + CERTIFICATE_LIFETIME),
        )
        return made, made.signed(sign(self.seed, made.to_be_signed()))

    def revoke(self, user: UserName, server: str, device_key: bytes, now: Millis) -> bytes:
        """Revoke a device for ever."""
        made = Revocation(
            user=user, server=server, account_key=self.public, device_key=bytes(device_key), at=now
        )
        return made.signed(sign(self.seed, made.to_be_signed()))

    def __repr__(self) -> str:
        return f"AccountKey(public={self.public.hex()})"


class DeviceKey:
    """A device's signature key: the one of its leaves in every group."""

    __slots__ = ("id", "seed", "server", "signer", "user")

    def __init__(self, seed: Secret, user: UserName, server: str) -> None:
        self.seed = seed
        self.signer = SigningKey(seed)
        self.user = user
        self.server = server
        self.id: DeviceId = device_id_of(user, server, self.signer.public)

    @classmethod
    def generate(cls, user: UserName, server: str) -> "DeviceKey":
        """Generate a new key."""
        return cls(Secret(os.urandom(SEED_BYTES)), user, server)

    @property
    def public(self) -> bytes:
        """The public key (32 bytes)."""
        return self.signer.public

    @property
    def credential(self) -> Credential:
        """The MLS credential of this device's leaves."""
        return Credential.basic(credential_of(self.user, self.server, self.id))

    def prove(self, session: SessionId) -> bytes:
        """Sign the proof that binds a login session to this device."""
        return sign(self.seed, device_proof(self.server, session))

    def __repr__(self) -> str:
        return f"DeviceKey({self.id})"


WORDS: Final = 24
_HINT: Final = N_("There are 24 English words, in the order they were shown.")


@functools.cache
def _bip39() -> Mnemonic:
    return Mnemonic("english")


def word_list() -> Sequence[str]:
    """Return the 2,048 words, in order: eleven bits each."""
    return _bip39().wordlist


def words_of(key: AccountKey) -> tuple[str, ...]:
    """Return the recovery words; show them once and store them nowhere."""
    return tuple(_bip39().to_mnemonic(key.seed.reveal()).split())


def key_of(words: Sequence[str]) -> AccountKey:
    """Return the account key that the words encode. Raises SetupError."""
    typed = [word.strip().lower() for word in words if word.strip()]
    if len(typed) != WORDS:
        raise SetupError(
            _("These are {count} words, not {words}.").format(count=len(typed), words=WORDS), _HINT
        )
    known = frozenset(word_list())
    for number, word in enumerate(typed, 1):
        if word not in known:
            raise SetupError(
                _("Word {number} is not in the list of recovery words.").format(number=number),
                _("Check its spelling."),
            )
    try:
        return AccountKey(Secret(bytes(_bip39().to_entropy(typed))))
    except ValueError:
        # Without its cause: that error could put the words into a log.
        raise SetupError(
            _("These words don't belong together: one is wrong, or two are swapped."), _HINT
        ) from None
