"""The archive's key: 32 random bytes in ``archive.key``, wrapped by a passphrase when one is set.

The file is made once, with mode 0600, and replaced as a whole. Without a passphrase the key lies in it in
plain form, and ``Key.is_plain`` lets the caller say so. The passphrase is stretched by Argon2id and the key
sealed by XSalsa20-Poly1305 (PyNaCl). ``Archive`` calls it.
"""

import base64
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec

from parlour_client.core.errors import DamagedArchiveError, PassphraseNeededError, WrongPassphraseError
from parlour_client.core.private import open_private
from parlour_protocol.errors import MalformedFrameError
from parlour_protocol.frames.codec import strict_decoder
from parlour_protocol.secret import Secret

KEY_BYTES: Final = 32
_MAX_FILE: Final = 4096
_MAX_MEMORY: Final = 1 << 30  # a key file that asks for more would stop the machine


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What stands in the file: the key (base64), plain or sealed."""

    key: str
    salt: str = ""
    operations: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0
    memory: Annotated[int, msgspec.Meta(ge=0, le=_MAX_MEMORY)] = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess of the passphrase costs (Argon2id)."""

    operations: int
    memory: int


MODERATE: Final = Cost(operations=3, memory=256 << 20)
"""libsodium's MODERATE: about a second and 256 MiB a guess."""


@dataclass(frozen=True, slots=True)
class Key:
    """The opened key. ``made`` says that the file did not exist before."""

    raw: Secret
    is_plain: bool
    made: bool = False


def open_key(path: Path, passphrase: Secret | None) -> Key:
    """Read the key, or make one. Raises WrongPassphraseError, PassphraseNeededError, DamagedArchiveError."""
    if not path.exists():
        try:
            return _make_key(path, passphrase)
        except FileExistsError:
            pass  # another program made it in the meantime
    found = _read(path)
    if not found.salt:
        return Key(Secret(_unpacked(found.key, KEY_BYTES).hex()), is_plain=True)
    if passphrase is None:
        raise PassphraseNeededError("This archive is protected by a passphrase.")
    return Key(Secret(_unseal(found, passphrase).hex()), is_plain=False)


def needs_passphrase(path: Path) -> bool:
    """Say whether the key is there and wrapped."""
    return path.exists() and bool(_read(path).salt)


def rewrap(path: Path, key: Key, passphrase: Secret | None, cost: Cost = MODERATE) -> None:
    """Set, change or take away the passphrase; the file is replaced as a whole."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    _write(beside, _sealed(bytes.fromhex(key.raw.reveal()), passphrase, cost))
    beside.replace(path)


def _make_key(path: Path, passphrase: Secret | None) -> Key:
    raw = secrets.token_bytes(KEY_BYTES)
    _write(path, _sealed(raw, passphrase, MODERATE))
    return Key(Secret(raw.hex()), is_plain=passphrase is None, made=True)


def _write(path: Path, content: _KeyFile) -> None:
    handle = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(content))
        file.flush()
        os.fsync(file.fileno())  # an archive whose key was lost with the power is lost too


def _read(path: Path) -> _KeyFile:
    try:
        with path.open("rb") as file:
            found: _KeyFile = strict_decoder(_KeyFile)(file.read(_MAX_FILE))
    except MalformedFrameError as error:
        raise DamagedArchiveError("The file archive.key is damaged.") from error
    return found


def _sealed(raw: bytes, passphrase: Secret | None, cost: Cost) -> _KeyFile:
    if passphrase is None:
        return _KeyFile(_packed(raw))
    from nacl.pwhash import argon2id  # noqa: PLC0415 - only where there is a passphrase
    from nacl.secret import SecretBox  # noqa: PLC0415

    salt = secrets.token_bytes(argon2id.SALTBYTES)
    box = SecretBox(_stretched(passphrase, salt, cost))
    return _KeyFile(_packed(bytes(box.encrypt(raw))), _packed(salt), cost.operations, cost.memory)


def _unseal(found: _KeyFile, passphrase: Secret) -> bytes:
    from nacl.exceptions import CryptoError  # noqa: PLC0415
    from nacl.pwhash import argon2id  # noqa: PLC0415
    from nacl.secret import SecretBox  # noqa: PLC0415

    salt = _unpacked(found.salt, argon2id.SALTBYTES)
    sealed = _unpacked(found.key, SecretBox.NONCE_SIZE + SecretBox.MACBYTES + KEY_BYTES)
    try:
        return SecretBox(_stretched(passphrase, salt, Cost(found.operations, found.memory))).decrypt(sealed)
    except CryptoError as error:
        raise WrongPassphraseError("That passphrase does not open this archive.") from error


def _stretched(passphrase: Secret, salt: bytes, cost: Cost) -> bytes:
    from nacl.exceptions import CryptoError  # noqa: PLC0415
    from nacl.pwhash import argon2id  # noqa: PLC0415

    try:
        return argon2id.kdf(
            KEY_BYTES, passphrase.reveal().encode(), salt, opslimit=cost.operations, memlimit=cost.memory
        )
    except (CryptoError, ValueError) as error:
        raise DamagedArchiveError("The file archive.key is damaged.") from error


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unpacked(text: str, length: int) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise DamagedArchiveError("The file archive.key is damaged.") from error
    if len(data) != length:
        raise DamagedArchiveError("The file archive.key is damaged.")
    return data
