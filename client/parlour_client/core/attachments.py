"""Files: encrypted before upload, decrypted on download, and verified before they get their names.

An encrypted file is libsodium's secretstream under a fresh key of its own, in chunks of 64 KiB with a final
tag, its size padded (Padmé); the key travels only inside the message. A file that was truncated, reordered,
swapped or padded otherwise never gets its final name. The name is visible, and has no special meaning to any
system: it never begins with a dot (hidden) or a dash (an option of a command), is not a device of Windows or
a path, and has no invisible characters; a displayed message keeps the name that was sent. Nothing is
overwritten.
"""

import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from nacl import bindings as sodium

from parlour_client.core.errors import EncryptionError
from parlour_client.kit.errors import ServerMisbehavedError, SetupError
from parlour_client.kit.language import _
from parlour_client.kit.private_files import open_private
from parlour_mls import Secret
from parlour_protocol.frames.fields import FileName
from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.text.cell_width import beginning
from parlour_protocol.kit.text.unicode_data import is_blank
from parlour_protocol.limits import FILE_BYTES

_FORBIDDEN: Final = frozenset('/\\:*?"<>|')
"""Of any file system, Windows included."""
_DEVICES: Final = frozenset({
    "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$",
    *(f"{name}{digit}" for name in ("COM", "LPT") for digit in "0123456789\u00b9\u00b2\u00b3"),
})  # fmt: skip
_MARKS: Final = frozenset("\u200b\u200e\u200f\u061c")
"""Characters that reorder or break a line of text mean nothing in a name."""
_STEM_BYTES: Final = 180
_SUFFIX: Final = 20
"""Code points; anything longer, or with a space in it, is not a suffix."""
_NAMELESS: Final = "file"


def saved_name(sent: str) -> tuple[str, str]:
    """Return stem and suffix of the name to save under."""
    spans = (span for line in safe_text(sent).spans for span in line)
    shown = "".join("_" if span.is_escape else "".join(map(_allowed, span.text)) for span in spans)
    name = " ".join(shown.split()).lstrip(" .-").rstrip(" .")
    stem, dot, ending = name.rpartition(".")
    is_suffix = dot and stem and len(ending) <= _SUFFIX and " " not in ending
    stem, suffix = (stem, f".{ending}") if is_suffix else (name, "")
    stem = _within(stem, _STEM_BYTES).rstrip(" .") or _NAMELESS
    device = stem.split(".")[0].rstrip(" ").upper()
    return (f"_{stem}" if device in _DEVICES else stem), suffix


def _allowed(char: str) -> str:
    if char in _MARKS:
        return ""
    if is_blank(char):
        return " "  # it looks like one: to a program U+2800 is not a space
    return "_" if char in _FORBIDDEN else char


def _within(text: str, size: int) -> str:
    """Return the beginning that fits into so many bytes, cut between whole clusters."""
    end = len(text)
    while len(text[:end].encode()) > size:
        end = len(beginning(text, end - 1))
    return text[:end]


CHUNK: Final = 64 * 1024
_HEADER: Final = sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_TAG: Final = sodium.crypto_secretstream_xchacha20poly1305_ABYTES
_FINAL: Final = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_MESSAGE: Final = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_MAX_NAMES: Final = 1_000

Progress = Callable[[int, int], None]
"""Called with the bytes that are done and the total."""
UpdateDigest = Callable[[bytes], object]
"""A running SHA-256's ``update``."""


def padme(size: int) -> int:
    """Return the padded size: at most 12 % more, and few different ones (Nikitin and others, PETS 2019)."""
    if size < 2:  # noqa: PLR2004 - has no bits to keep
        return size
    exponent = size.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (size + mask) & ~mask


def sealed_size(size: int) -> int:
    """Return the encrypted size of a file of this size."""
    padded = padme(size)
    chunks = max(1, -(-padded // CHUNK))
    return _HEADER + padded + chunks * _TAG


def new_key() -> Secret:
    """Generate the key of one file."""
    return Secret(secrets.token_bytes(sodium.crypto_secretstream_xchacha20poly1305_KEYBYTES))


async def seal(
    file: BinaryIO, size: int, key: Secret, update_digest: UpdateDigest, progress: Progress
) -> AsyncIterator[bytes]:
    """Yield the encrypted form of an open file of ``size`` bytes. Raises SetupError if it becomes shorter."""
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    header = sodium.crypto_secretstream_xchacha20poly1305_init_push(state, key.reveal())
    update_digest(header)
    yield header
    left, padding = size, padme(size) - size
    while True:
        plain = _exactly(file, min(CHUNK, left))
        left -= len(plain)
        zeros = min(CHUNK - len(plain), padding) if left == 0 else 0
        padding -= zeros
        last = left == 0 and padding == 0
        tag = _FINAL if last else _MESSAGE
        chunk = sodium.crypto_secretstream_xchacha20poly1305_push(state, plain + bytes(zeros), b"", tag)
        update_digest(chunk)
        yield chunk
        progress(size - left, size)
        if last:
            return


async def plain(
    file: BinaryIO, size: int, update_digest: UpdateDigest, progress: Progress
) -> AsyncIterator[bytes]:
    """Yield an open file as it is: for an unencrypted room."""
    left = size
    while left:
        chunk = _exactly(file, min(CHUNK, left))
        left -= len(chunk)
        update_digest(chunk)
        yield chunk
        progress(size - left, size)


async def open_sealed(
    chunks: AsyncIterator[bytes], into: BinaryIO, size: int, key: Secret, progress: Progress
) -> bytes:
    """Write the content of an encrypted file; returns the ciphertext's digest. Raises EncryptionError."""
    digest = hashlib.sha256()
    pieces = _pieces(chunks, digest.update)
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    header = await anext(pieces, b"")
    if len(header) != _HEADER:
        raise _damaged()
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key.reveal())
    left, tag = size, _MESSAGE
    async for piece in pieces:
        if tag == _FINAL:
            raise _damaged()  # something was appended after the end
        try:
            data, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(state, piece, b"")
        except (RuntimeError, ValueError) as error:  # nacl's error for a chunk that is not authentic
            raise _damaged() from error
        content, padding = data[:left], data[left:]
        if padding.strip(b"\0"):
            raise _damaged()
        left -= len(content)
        into.write(content)
        progress(size - left, size)
    if tag != _FINAL or left:
        raise _damaged()  # it was truncated
    return digest.digest()


async def open_plain(chunks: AsyncIterator[bytes], into: BinaryIO, size: int, progress: Progress) -> bytes:
    """Write a file of an unencrypted room; returns its digest. Raises ServerMisbehavedError if too long."""
    digest, done = hashlib.sha256(), 0
    async for chunk in chunks:
        done += len(chunk)
        if done > size:
            raise ServerMisbehavedError(_("The file is longer than its message says."))
        digest.update(chunk)
        into.write(chunk)
        progress(done, size)
    if done != size:
        raise ServerMisbehavedError(_("The file is shorter than its message says."))
    return digest.digest()


async def _pieces(chunks: AsyncIterator[bytes], update_digest: UpdateDigest) -> AsyncIterator[bytes]:
    """Cut the bytes into header and chunks."""
    waiting, wanted = bytearray(), _HEADER
    async for chunk in chunks:
        update_digest(chunk)
        waiting += chunk
        while len(waiting) >= wanted:
            yield bytes(waiting[:wanted])
            del waiting[:wanted]
            wanted = CHUNK + _TAG
    if waiting:
        yield bytes(waiting)


def _damaged() -> EncryptionError:
    return EncryptionError(
        _("The file is damaged, or is not the one that was sent; nothing of it was kept."),
        _("Ask its author to send it again."),
    )


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise SetupError(
            _("The file became shorter while it was sent."),
            _("Send it again when no program is writing to it."),
        )
    return data


# --- files on the disk


@contextmanager
def to_send(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file to send; yields it and its size. Raises SetupError."""
    try:
        if not path.is_file():  # opening a pipe would wait for ever
            raise SetupError(_("{name} is not a readable file.").format(name=path.name))
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if sealed_size(size) > FILE_BYTES.value:
                raise SetupError(
                    _("{name} is too large.").format(name=path.name),
                    _("Up to {value} MiB can be sent.").format(value=FILE_BYTES.value // 2**20),
                )
            yield file, size
    except OSError as error:
        raise SetupError(
            _("{path} cannot be read: {strerror}.").format(path=path, strerror=error.strerror)
        ) from error


@contextmanager
def to_save(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Open an unnamed file in ``folder``, 0600; it is deleted afterwards unless it was given its name."""
    path = folder / f".parlour-{secrets.token_hex(8)}.part"
    try:
        descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    except OSError as error:
        raise SetupError(
            _("Nothing can be written to {folder}: {strerror}.").format(
                folder=folder, strerror=error.strerror
            )
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, path
    except OSError as error:
        raise SetupError(
            _("The file cannot be written: {strerror}.").format(strerror=error.strerror)
        ) from error
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


def give_name(part: Path, name: FileName) -> Path:
    """Give a finished file its name, or the next free one like it; nothing is ever overwritten."""
    stem, suffix = saved_name(name)
    for number in range(_MAX_NAMES):
        target = part.parent / (f"{stem}{suffix}" if number == 0 else f"{stem} ({number}){suffix}")
        try:
            os.link(part, target, follow_symlinks=False)  # refuses to replace, unlike a rename
        except FileExistsError:
            continue
        except OSError:  # a file system without links
            try:
                os.close(open_private(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            part.replace(target)
        return target
    raise SetupError(
        _("There are too many files called {stem}{suffix} in the folder.").format(stem=stem, suffix=suffix)
    )
