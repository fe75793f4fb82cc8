"""The archive's key: 32 random bytes in ``archive.key``, plain, or wrapped by a passphrase or the keyring.

The file is created once, with mode 0600, and replaced as a whole. A passphrase is stretched by Argon2id and
wraps the key with XSalsa20-Poly1305 (PyNaCl); the system's keyring keeps a second key that wraps the one in
the file, so neither opens anything by itself. An existing passphrase still works if there is no keyring. A
plain key is never taken for a protected one: ``Key.protection`` says which. ``Archive`` and `parlour
passphrase` use it.
"""

import base64
import os
import secrets
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec.structs import replace

from parlour_client.core.archive import system_keyring
from parlour_client.core.archive.passphrase import (
    KEY_BYTES,
    MAX_LANES,
    MAX_MEMORY,
    MAX_OPERATIONS,
    SALT_BYTES,
    Cost,
    calibrated,
    stretched,
)
from parlour_client.core.archive.system_keyring import NoKeyringError
from parlour_client.core.errors import DamagedArchiveError, PassphraseNeededError, WrongPassphraseError
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_client.kit.private_files import open_private
from parlour_protocol.kit.codec import strict_decoder
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.secret import Secret

_MAX_FILE: Final = 4096
_PUT_BACK: Final = N_(
    "Restore it from a backup. Without it nothing opens the archive: move archive.* out of "
    "the home folder and log in again; encrypted messages then come only from another device "
    "of yours."
)
_ELSEWHERE: Final = N_(
    "Open it in the desktop session that has this keyring. To open it elsewhere, too, set a "
    "passphrase there and then run `parlour passphrase --keyring`."
)


class Protection(StrEnum):
    """The protection of the archive from someone with the disk, in words for the person."""

    NONE = N_("not protected by a passphrase")
    PASSPHRASE = N_("protected by a passphrase")
    KEYRING = N_("protected by the system keyring")


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The content of the file (base64): the key, plain or wrapped, and what unwraps it."""

    key: str = ""
    salt: str = ""
    operations: Annotated[int, msgspec.Meta(ge=0, le=MAX_OPERATIONS)] = 0
    memory: Annotated[int, msgspec.Meta(ge=0, le=MAX_MEMORY)] = 0
    lanes: Annotated[int, msgspec.Meta(ge=1, le=MAX_LANES)] = 1  # as in files from before there were several
    ring: str = ""
    """The name in the system's keyring."""
    ring_key: str = ""
    """The archive's key, wrapped by the one in the keyring."""

    @property
    def cost(self) -> Cost:
        """The cost of a guess."""
        return Cost(self.operations, self.memory, self.lanes)


@dataclass(frozen=True, slots=True)
class Key:
    """The opened key. ``made`` says that the file did not exist before."""

    raw: Secret
    protection: Protection
    made: bool = False

    @property
    def is_plain(self) -> bool:
        """Say whether everyone who reads the file has the key."""
        return self.protection is Protection.NONE


def open_key(path: Path, passphrase: Secret | None) -> Key:
    """Read the key, or make one if there is no archive yet.

    Raises WrongPassphraseError, PassphraseNeededError, NoKeyringError, DamagedArchiveError.
    """
    if not path.exists():
        if path.with_suffix(".db").exists():
            # Another key would not open the archive, and would replace the old one.
            raise DamagedArchiveError(
                _("The archive's key is missing: there is no file {name}.").format(name=path.name), _PUT_BACK
            )
        try:
            return _make_key(path, passphrase)
        except FileExistsError:
            pass  # another program made it in the meantime
    found = _read(path)
    if found.ring:
        try:
            return Key(_as_secret(_from_ring(found)), Protection.KEYRING)
        except NoKeyringError as error:
            if not found.salt:
                raise NoKeyringError(
                    _("The key of this archive is in a keyring. {error}").format(error=error), _ELSEWHERE
                ) from error
    if not found.salt:
        return Key(_as_secret(_unpacked(found.key, KEY_BYTES)), Protection.NONE)
    if passphrase is None:
        raise PassphraseNeededError(_("This archive is protected by a passphrase."))
    return Key(_as_secret(_unseal(found, passphrase)), _protection(found))


def needs_passphrase(path: Path) -> bool:
    """Say whether the key is there and only a passphrase opens it here and now."""
    if not path.exists():
        return False
    found = _read(path)
    if found.ring and found.salt:
        try:
            _from_ring(found)
        except NoKeyringError:
            return True
        return False
    return bool(found.salt)


def protection_of(path: Path) -> Protection:
    """Say how an existing key is protected, without opening it."""
    return _protection(_read(path))


def opens(path: Path, passphrase: Secret) -> bool:
    """Say whether it is the passphrase of the key; False also if there is none."""
    found = _read(path)
    try:
        return bool(found.salt and _unseal(found, passphrase))
    except WrongPassphraseError:
        return False


def rewrap(path: Path, key: Key, passphrase: Secret | None, cost: Cost | None = None) -> None:
    """Set, change or remove the passphrase, and take the key out of the keyring.

    The file is replaced as a whole. Without ``cost`` a guess takes as long as is bearable on this machine.
    """
    before = _read(path).ring
    _replace(path, _sealed(_as_bytes(key.raw), passphrase, cost))
    if before:  # after the file is safe: until then it is the only way in
        system_keyring.forget(before)


def into_keyring(path: Path, key: Key) -> bool:
    """Let the system's keyring open the key; says whether a passphrase opens it as well, as before.

    Raises NoKeyringError; then nothing has changed.
    """
    from nacl.secret import SecretBox  # noqa: PLC0415 - as in `_sealed`

    found, wrapping = _read(path), secrets.token_bytes(KEY_BYTES)
    name = system_keyring.keep(_packed(wrapping))
    sealed = _packed(bytes(SecretBox(wrapping).encrypt(_as_bytes(key.raw))))
    kept = found if found.salt else _KeyFile()  # a plain key must not stay beside a wrapped one
    try:
        _replace(path, replace(kept, ring=name, ring_key=sealed))
    except OSError as error:
        system_keyring.forget(name)
        raise SetupError(
            _("The file {path} cannot be written: {strerror}.").format(path=path, strerror=error.strerror)
        ) from error
    if found.ring:
        system_keyring.forget(found.ring)
    return bool(found.salt)


def _protection(found: _KeyFile) -> Protection:
    if found.ring:
        return Protection.KEYRING
    return Protection.PASSPHRASE if found.salt else Protection.NONE


def _make_key(path: Path, passphrase: Secret | None) -> Key:
    raw = secrets.token_bytes(KEY_BYTES)
    made = _sealed(raw, passphrase, None)
    _write(path, made)
    return Key(_as_secret(raw), _protection(made), made=True)


def _replace(path: Path, content: _KeyFile) -> None:
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    _write(beside, content)
    beside.replace(path)


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
        raise DamagedArchiveError(_("The file archive.key is damaged.")) from error
    return found


def _sealed(raw: bytes, passphrase: Secret | None, cost: Cost | None) -> _KeyFile:
    if passphrase is None:
        return _KeyFile(_packed(raw))
    from nacl.secret import SecretBox  # noqa: PLC0415 - only where something is sealed

    salt, cost = secrets.token_bytes(SALT_BYTES), cost or calibrated()
    box = SecretBox(stretched(passphrase, salt, cost))
    sealed = _packed(bytes(box.encrypt(raw)))
    return _KeyFile(sealed, _packed(salt), cost.operations, cost.memory, cost.lanes)


def _unseal(found: _KeyFile, passphrase: Secret) -> bytes:
    try:
        wrapping = stretched(passphrase, _unpacked(found.salt, SALT_BYTES), found.cost)
    except ValueError as error:
        raise DamagedArchiveError(_("The file archive.key is damaged.")) from error
    try:
        return _open_box(wrapping, found.key)
    except ValueError as error:
        raise WrongPassphraseError(_("That passphrase does not open this archive.")) from error


def _from_ring(found: _KeyFile) -> bytes:
    """Return the key from the system's keyring. Raises NoKeyringError."""
    kept = system_keyring.find(found.ring)
    if kept is None:
        raise NoKeyringError(_("The system keyring here doesn't have this archive's key."))
    try:
        return _open_box(_unpacked(kept, KEY_BYTES), found.ring_key)
    except (ValueError, DamagedArchiveError) as error:
        raise NoKeyringError(_("The key in the system keyring doesn't open this archive.")) from error


def _open_box(wrapping: bytes, sealed: str) -> bytes:
    """Unwrap a key. Raises ValueError for another wrapping key, DamagedArchiveError."""
    from nacl.exceptions import CryptoError  # noqa: PLC0415 - as in `_sealed`
    from nacl.secret import SecretBox  # noqa: PLC0415

    data = _unpacked(sealed, SecretBox.NONCE_SIZE + SecretBox.MACBYTES + KEY_BYTES)
    try:
        return SecretBox(wrapping).decrypt(data)
    except CryptoError as error:
        raise ValueError("another key sealed it") from error


def _as_secret(raw: bytes) -> Secret:
    return Secret(raw.hex())


def _as_bytes(raw: Secret) -> bytes:
    return bytes.fromhex(raw.reveal())


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unpacked(text: str, length: int) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise DamagedArchiveError(_("The file archive.key is damaged.")) from error
    if len(data) != length:
        raise DamagedArchiveError(_("The file archive.key is damaged."))
    return data
