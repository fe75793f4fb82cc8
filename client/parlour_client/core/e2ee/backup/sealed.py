"""The format of a backup: chunks in a chain, and a signed manifest that says where the chain ends.

Keys come from the account key's seed, which the recovery words encode, and from nothing else. A chunk says
inside which backup it belongs to, its number, and the digest of the chunk before it; the manifest has the
last digest and the number of chunks, names the account, and is signed by a certified device. So whatever was
changed, left out, repeated or exchanged is refused, each with its own sentence. Values only: no file, no
clock.
"""

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from parlour_client.core.e2ee.identity.keys import AccountKey, read_certificate, sign, verify
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_client.core.errors import EncryptionError
from parlour_client.kit.language import N_, _
from parlour_mls import Secret
from parlour_protocol.identity import StatementError

_PERSON: Final = b"parlour backup 1"
"""BLAKE2b's personalisation, 16 bytes: no other use of the seed derives these keys."""
_SIGNED: Final = b"parlour backup manifest v1\0"
_CHUNK: Final = b"parlour backup chunk v1"
_MANIFEST: Final = b"parlour backup sealed manifest v1"
_NONCE: Final = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_TAG: Final = sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES
DIGEST: Final = 32
START: Final = bytes(DIGEST)
"""The digest before the first chunk, and before the first manifest."""
ID: Final = 16
_NUMBER: Final = 8
_LENGTH: Final = 4
_HEAD: Final = ID + _NUMBER + DIGEST + _LENGTH
_CLASSES: Final = tuple(4096 << shift for shift in range(0, 12, 2))
"""The sizes of padded plaintexts: 4 KiB to 4 MiB, each four times the one before."""
CHUNK_BYTES: Final = _CLASSES[-1] - _HEAD
"""The most that one chunk holds."""
SEALED_BYTES: Final = ID + _NONCE + _CLASSES[-1] + _TAG
"""The most bytes of a sealed chunk or manifest."""


class BackupError(EncryptionError):
    """A backup is refused, and nothing of it was restored."""

    hint = N_("Nothing was restored.")


class OtherWordsError(BackupError):
    """It was made with other recovery words."""

    hint = N_("If your account key was reset since, only the words from before the reset open it.")


class ForeignBackupError(BackupError):
    """It belongs to another account."""


class AlteredBackupError(BackupError):
    """Its bytes were changed, or its signature is not a device's of this account."""


class IncompleteBackupError(BackupError):
    """Its end is missing."""


class RepeatedChunkError(BackupError):
    """A chunk is there a second time."""


class MisplacedChunkError(BackupError):
    """A chunk is missing, stands elsewhere or is of another backup."""


class OlderBackupError(BackupError):
    """This device knows a newer version of it."""


class ForkedBackupError(BackupError):
    """This device knows another backup with the same version."""


class Manifest(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """One version of a backup."""

    backup: Annotated[bytes, Meta(min_length=ID, max_length=ID)]
    version: Annotated[int, Meta(ge=1, lt=1 << 53)]
    previous: Annotated[bytes, Meta(min_length=DIGEST, max_length=DIGEST)]
    """The digest of the version before; ``START`` for the first."""
    user: str
    server: str
    chunks: Annotated[int, Meta(ge=0, lt=1 << 53)]
    tip: Annotated[bytes, Meta(min_length=DIGEST, max_length=DIGEST)]
    """The digest of the last chunk, and with it of all."""
    events: Annotated[int, Meta(ge=0, lt=1 << 53)]
    at: Annotated[int, Meta(ge=0, lt=1 << 53)]
    """When it was made, in milliseconds."""

    @property
    def digest(self) -> bytes:
        """Identify this version; sealing it again changes nothing."""
        return hashlib.sha256(_SIGNED + msgspec.json.encode(self)).digest()


class Known(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """The newest version of a backup that this device wrote or restored."""

    version: int
    digest: bytes
    at: int = 0
    """When it was made, in milliseconds."""

    def require_current(self, manifest: Manifest) -> None:
        """Raise OlderBackupError, ForkedBackupError."""
        if manifest.version < self.version:
            raise OlderBackupError(
                _("This is version {old} of the backup; this device knows version {new}.").format(
                    old=manifest.version, new=self.version
                ),
                _("Nothing was restored. Use the newest one."),
            )
        same = manifest.version == self.version and manifest.digest != self.digest
        if same or (manifest.version == self.version + 1 and manifest.previous != self.digest):
            raise ForkedBackupError(_("This backup does not continue the one that this device knows."))


class _Signed(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    manifest: bytes
    certificate: bytes
    signature: bytes


class BackupKey:
    """The keys of an account's backups."""

    __slots__ = ("_chunks", "_manifest", "account", "id")

    def __init__(self, account: AccountKey) -> None:
        def derived(use: bytes) -> bytes:
            seed = account.seed.reveal()
            return hashlib.blake2b(use, key=seed, person=_PERSON, digest_size=DIGEST).digest()

        self._chunks = Secret(derived(b"chunks"))
        self._manifest = Secret(derived(b"manifest"))
        self.id = derived(b"name")[:ID]
        """Says which words a backup belongs to, and nothing about them."""
        self.account = account.public

    def seal_chunk(self, backup: bytes, number: int, previous: bytes, data: bytes) -> bytes:
        """Seal at most ``CHUNK_BYTES``; ``previous`` is the digest of the sealed chunk before."""
        head = backup + number.to_bytes(_NUMBER, "big") + previous
        return _seal(self._chunks, _CHUNK, head, data)

    def chunks(self, manifest: Manifest, sealed: Iterable[bytes]) -> Iterator[bytes]:
        """Open all chunks in order. Raises BackupError, for a missing end after the last one."""
        previous, number = START, 0
        for chunk in sealed:
            head, data = _opened(self._chunks, _CHUNK, chunk, ID + _NUMBER + DIGEST)
            if head[:ID] != manifest.backup:
                raise MisplacedChunkError(_("A part of this backup comes from another backup."))
            stands = int.from_bytes(head[ID : ID + _NUMBER], "big")
            if stands < number:
                raise RepeatedChunkError(_("A part of this backup is there twice."))
            if stands > number or number >= manifest.chunks:
                raise MisplacedChunkError(_("A part of this backup is missing or misplaced."))
            if head[ID + _NUMBER :] != previous:
                raise MisplacedChunkError(_("A part of this backup is from another version."))
            previous, number = digest_of(chunk), number + 1
            yield data
        if number < manifest.chunks:
            raise IncompleteBackupError(_("The end of this backup is missing."))
        if previous != manifest.tip:
            raise MisplacedChunkError(_("A part of this backup is from another version."))

    def seal_manifest(self, manifest: Manifest, device: OwnIdentity) -> bytes:
        """Sign a manifest as this device, and seal it. Raises DevicePendingError."""
        text = msgspec.json.encode(manifest)
        signature = sign(device.key.seed, _SIGNED + text)
        signed = msgspec.json.encode(_Signed(text, device.certified(), signature))
        return self.id + _seal(self._manifest, _MANIFEST, self.id, signed)

    def open_manifest(self, sealed: bytes, user: str, server: str) -> Manifest:
        """Open the manifest of a backup of this account. Raises BackupError."""
        if sealed[:ID] != self.id:
            raise OtherWordsError(_("This backup was made with other recovery words than yours."))
        head, data = _opened(self._manifest, _MANIFEST, sealed[ID:], ID)
        try:
            signed = msgspec.json.decode(data, type=_Signed)
            manifest = msgspec.json.decode(signed.manifest, type=Manifest)
            by = read_certificate(signed.certificate)
        except (msgspec.MsgspecError, StatementError, UnicodeDecodeError):
            raise _altered() from None
        if (manifest.user, manifest.server) != (user, server) or (by.user, by.server) != (user, server):
            raise ForeignBackupError(
                _("This is a backup of {user} at {server}, not of this account.").format(
                    user=manifest.user, server=manifest.server
                )
            )
        genuine = verify(by.device_key, _SIGNED + signed.manifest, signed.signature)
        if head != self.id or by.account_key != self.account or not genuine:
            raise AlteredBackupError(_("No device of this account signed this backup."))
        return manifest


def new_backup() -> bytes:
    """Return the identifier of a new backup."""
    return secrets.token_bytes(ID)


def digest_of(chunk: bytes) -> bytes:
    """Return the digest that the next chunk, or the manifest, contains."""
    return hashlib.sha256(chunk).digest()


def _altered() -> AlteredBackupError:
    return AlteredBackupError(_("This backup was changed or damaged."))


def _seal(key: Secret, label: bytes, head: bytes, data: bytes) -> bytes:
    """Seal with padding to a size class."""
    plain = head + len(data).to_bytes(_LENGTH, "big") + data
    size = next((size for size in _CLASSES if size >= len(plain)), None)
    if size is None:
        raise ValueError("a chunk is too large")
    nonce = secrets.token_bytes(_NONCE)
    padded = plain.ljust(size, b"\0")
    return nonce + sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(padded, label, nonce, key.reveal())


def _opened(key: Secret, label: bytes, sealed: bytes, head: int) -> tuple[bytes, bytes]:
    """Return head and data. Raises AlteredBackupError."""
    nonce, ciphertext = sealed[:_NONCE], sealed[_NONCE:]
    if len(ciphertext) - _TAG not in _CLASSES:
        raise _altered()
    try:
        plain = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, label, nonce, key.reveal())
    except CryptoError:
        raise _altered() from None
    end = head + _LENGTH + int.from_bytes(plain[head : head + _LENGTH], "big")
    if end > len(plain) or plain.count(0, end) != len(plain) - end:
        raise _altered()
    return plain[:head], plain[head + _LENGTH : end]
