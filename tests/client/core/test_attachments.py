"""Sealed files: whole or not at all, and names that stay where they belong."""

import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from parlour_client.core.attachments import (
    CHUNK,
    give_name,
    new_key,
    open_plain,
    open_sealed,
    padme,
    seal,
    sealed_size,
    to_save,
    to_send,
)
from parlour_client.core.errors import EncryptionError
from parlour_client.kit.errors import ServerMisbehavedError, SetupError
from parlour_mls import Secret
from parlour_protocol.frames.fields import FileName

KEY = new_key()
HEADER, TAG = 24, 17


def nothing(_done: int, _all: int) -> None:
    """Hear of progress."""


async def chunks(data: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    """Yield bytes in pieces that fit no chunk."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def sealed(content: bytes, key: Secret = KEY) -> bytes:
    """Return the encrypted form."""
    digest = hashlib.sha256()
    found = b"".join([c async for c in seal(io.BytesIO(content), len(content), key, digest.update, nothing)])
    assert digest.digest() == hashlib.sha256(found).digest()
    return found


async def opened(data: bytes, size: int, key: Secret = KEY) -> bytes:
    """Return the content."""
    into = io.BytesIO()
    await open_sealed(chunks(data), into, size, key, nothing)
    return into.getvalue()


@pytest.mark.parametrize("size", [0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
async def test_a_file_comes_back_as_it_was(size: int) -> None:
    """Any size, also none; what the server holds has the padded size."""
    content = bytes(n % 251 for n in range(size))
    data = await sealed(content)
    assert len(data) == sealed_size(size)
    assert await opened(data, size) == content


def test_sizes_are_rounded_up() -> None:
    """Padmé: never more than 12 %, and a thousand sizes become a few dozen."""
    sizes = range(1, 200_000, 97)
    assert all(size <= padme(size) <= size * 1.12 + 1 for size in sizes)
    assert len({padme(size) for size in sizes}) < 200


async def test_every_way_to_damage_an_encrypted_file_is_refused() -> None:
    """Cut off, chunks swapped or doubled, of another file, a flipped bit, something after the end."""
    size = 3 * CHUNK + 7
    content = bytes(n % 251 for n in range(size))
    data = await sealed(content)
    piece = CHUNK + TAG
    first, second = data[HEADER : HEADER + piece], data[HEADER + piece : HEADER + 2 * piece]
    other = await sealed(bytes(size))
    for bad in (
        data[: HEADER + piece],
        data[:-1],
        data[:10],
        b"",
        data[:HEADER] + second + first + data[HEADER + 2 * piece :],
        data[:HEADER] + first + first + data[HEADER + 2 * piece :],
        other[:HEADER] + data[HEADER:],
        data[:-5] + bytes([data[-5] ^ 1]) + data[-4:],
        data + b"x",
    ):
        with pytest.raises(EncryptionError):
            await opened(bad, size)
    with pytest.raises(EncryptionError):
        await opened(data, size, new_key())
    with pytest.raises(EncryptionError):
        await opened(data, size - 1)  # the message says another size: the rest is no padding
    with pytest.raises(EncryptionError):
        await opened(await sealed(b""), 1)


async def test_a_plain_file_has_the_size_that_its_message_says() -> None:
    """Too long is noticed while it comes, too short at the end."""
    for size in (9, 11):
        with pytest.raises(ServerMisbehavedError):
            await open_plain(chunks(b"0123456789"), io.BytesIO(), size, nothing)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.txt", "a.txt"),
        ("..bashrc", "bashrc"),
        (".profile", "profile"),
        ("C:evil", "C_evil"),
        ("NUL.txt", "_NUL.txt"),
        ("tab\u202etxt.exe", "tab_txt.exe"),
    ],
)
def test_a_name_stays_in_the_folder_and_is_plain(name: str, wanted: str, tmp_path: Path) -> None:
    """No dot file, no device, no drive, no direction of writing; mode 0600; no trace of the part."""
    with to_save(tmp_path) as (file, part):
        file.write(b"x")
        file.flush()
        saved = give_name(part, FileName(name))
    assert [path.name for path in tmp_path.iterdir()] == [wanted]
    assert saved.parent == tmp_path
    assert saved.stat().st_mode & 0o777 == 0o600


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A file or a link of the same name stays; the new one is numbered."""
    (tmp_path / "a.txt").write_text("mine")
    (tmp_path / "a (1).txt").symlink_to(tmp_path / "nowhere")
    with to_save(tmp_path) as (file, part):
        file.write(b"theirs")
        file.flush()
        assert give_name(part, FileName("a.txt")).name == "a (2).txt"
    assert (tmp_path / "a.txt").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    """The part goes with the failure, also when the person cancels."""

    def fail() -> None:
        with to_save(tmp_path) as (file, _):
            file.write(b"half")
            raise EncryptionError("no")

    with pytest.raises(EncryptionError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_only_files_of_a_size_that_can_be_sent(tmp_path: Path) -> None:
    """No folder, no pipe, nothing too large."""
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(26 * 2**20)
    for path in (tmp_path, tmp_path / "absent", large):
        with pytest.raises(SetupError), to_send(path):
            pass
