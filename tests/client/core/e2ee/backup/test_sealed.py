"""A backup is refused when anything of it was changed, left out, repeated or exchanged, each in its words."""

from collections.abc import Sequence
from typing import Final

import pytest
from msgspec.structs import replace
from tests.client.core.e2ee.identity_world import ANA, BEN

from parlour_client.core.e2ee.backup import sealed
from parlour_client.core.e2ee.backup.sealed import (
    START,
    AlteredBackupError,
    BackupKey,
    ForeignBackupError,
    ForkedBackupError,
    IncompleteBackupError,
    Known,
    Manifest,
    MisplacedChunkError,
    OlderBackupError,
    OtherWordsError,
    RepeatedChunkError,
    digest_of,
    new_backup,
)
from parlour_client.core.e2ee.identity import keys
from parlour_client.core.e2ee.identity.keys import AccountKey, DeviceKey
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName, parse_device_name

SERVER: Final = "chat.example"
ACCOUNT: Final = AccountKey.generate()
KEY: Final = BackupKey(ACCOUNT)
PARTS: Final = (b"CANARY one", b"two", b"three")


def device(
    account: AccountKey = ACCOUNT, user: UserName = ANA, *, by: AccountKey | None = None
) -> OwnIdentity:
    """Return a device of an account, with a certificate by it or by another key."""
    key = DeviceKey.generate(user, SERVER)
    made = (by or account).certify(user, SERVER, key.public, parse_device_name("laptop"), Millis(1))
    return OwnIdentity(user, SERVER, key, account.public, account, made[1], DeviceStatus.ACTIVE)


def chain(backup: bytes, parts: Sequence[bytes] = PARTS) -> tuple[list[bytes], Manifest]:
    """Return sealed chunks and their manifest."""
    chunks, previous = list[bytes](), START
    for number, part in enumerate(parts):
        chunks.append(KEY.seal_chunk(backup, number, previous, part))
        previous = digest_of(chunks[-1])
    manifest = Manifest(
        backup, 1, START, str(ANA), SERVER, chunks=len(chunks), tip=previous, events=3, at=1_000_000
    )
    return chunks, manifest


def opened(chunks: Sequence[bytes], manifest: Manifest) -> list[bytes]:
    """Open all chunks."""
    return list(KEY.chunks(manifest, chunks))


def test_a_whole_backup_opens() -> None:
    """With keys made again from the words."""
    again = BackupKey(keys.key_of(keys.words_of(ACCOUNT)))
    chunks, manifest = chain(new_backup())
    sealed_manifest = KEY.seal_manifest(manifest, device())
    assert again.open_manifest(sealed_manifest, ANA, SERVER) == manifest
    assert tuple(again.chunks(manifest, chunks)) == PARTS


def test_nothing_of_it_is_readable_and_sizes_are_few() -> None:
    """Neither texts nor names; a chunk of one byte is as long as one of four thousand."""
    chunks, manifest = chain(new_backup())
    whole = b"".join([*chunks, KEY.seal_manifest(manifest, device())])
    assert not [word for word in (b"CANARY", ANA.encode(), SERVER.encode(), manifest.backup) if word in whole]
    assert len({len(chunk) for chunk in chunks}) == 1
    lengths = [length for size in sealed._CLASSES for length in (size // 3, size // 2, size - 64)]
    sizes = {len(KEY.seal_chunk(manifest.backup, 0, START, bytes(length))) for length in lengths}
    assert len(sizes) == len(sealed._CLASSES)


def test_other_words_do_not_open_it() -> None:
    """It says so before it says that anything is damaged."""
    _, manifest = chain(new_backup())
    other = AccountKey.generate()
    theirs = BackupKey(other).seal_manifest(manifest, device(other))
    with pytest.raises(OtherWordsError, match="other recovery words"):
        KEY.open_manifest(theirs, ANA, SERVER)


@pytest.mark.parametrize(("user", "server"), [(BEN, SERVER), (ANA, "other.example")])
def test_a_backup_of_another_account_is_foreign(user: UserName, server: str) -> None:
    """Even with the same words, at another server or under another name."""
    _, manifest = chain(new_backup())
    with pytest.raises(ForeignBackupError, match="not of this account"):
        KEY.open_manifest(KEY.seal_manifest(manifest, device()), user, server)


def test_a_manifest_by_no_device_of_the_account_is_refused() -> None:
    """Who has the backup's keys can't write one in a device's name without the account's certificate."""
    _, manifest = chain(new_backup())
    with pytest.raises(AlteredBackupError, match="No device of this account signed"):
        KEY.open_manifest(KEY.seal_manifest(manifest, device(by=AccountKey.generate())), ANA, SERVER)
    certified, signing = device(), device()
    forged = OwnIdentity(
        ANA, SERVER, signing.key, ACCOUNT.public, ACCOUNT, certified.certificate, DeviceStatus.ACTIVE
    )
    with pytest.raises(AlteredBackupError, match="No device of this account signed"):
        KEY.open_manifest(KEY.seal_manifest(manifest, forged), ANA, SERVER)


@pytest.mark.parametrize("at", [0, 15, 16, 40, 200, -1])
def test_each_byte_of_a_manifest_counts(at: int) -> None:
    """Also the one that names the words."""
    _, manifest = chain(new_backup())
    data = bytearray(KEY.seal_manifest(manifest, device()))
    data[at] ^= 1
    with pytest.raises((AlteredBackupError, OtherWordsError)):
        KEY.open_manifest(bytes(data), ANA, SERVER)


@pytest.mark.parametrize("cut", [0, 1, 16, 60, 4096])
def test_a_short_manifest_is_refused(cut: int) -> None:
    """None is so short that the decoder fails otherwise."""
    _, manifest = chain(new_backup())
    with pytest.raises((AlteredBackupError, OtherWordsError)):
        KEY.open_manifest(KEY.seal_manifest(manifest, device())[:cut], ANA, SERVER)


@pytest.mark.parametrize("at", [0, 23, 24, 100, -1])
def test_a_changed_chunk_is_refused(at: int) -> None:
    """Nonce, text, padding and tag."""
    chunks, manifest = chain(new_backup())
    chunks[1] = chunks[1][:at] + bytes([chunks[1][at] ^ 1]) + (chunks[1][at + 1 :] if at != -1 else b"")
    with pytest.raises(AlteredBackupError, match="changed or damaged"):
        opened(chunks, manifest)


def test_the_end_may_not_be_missing() -> None:
    """A backup without its last chunk is not one that is shorter."""
    chunks, manifest = chain(new_backup())
    with pytest.raises(IncompleteBackupError, match="end of this backup is missing"):
        opened(chunks[:-1], manifest)


def test_a_gap_is_refused() -> None:
    """Nor may one be missing in the middle, or one more stand at the end."""
    chunks, manifest = chain(new_backup())
    with pytest.raises(MisplacedChunkError, match="missing or misplaced"):
        opened([chunks[0], chunks[2]], manifest)
    more = KEY.seal_chunk(manifest.backup, 3, manifest.tip, b"more")
    with pytest.raises(MisplacedChunkError, match="missing or misplaced"):
        opened([*chunks, more], manifest)


def test_swapped_chunks_are_refused() -> None:
    """Each has its place."""
    chunks, manifest = chain(new_backup())
    with pytest.raises(MisplacedChunkError, match="missing or misplaced"):
        opened([chunks[1], chunks[0], chunks[2]], manifest)


def test_a_repeated_chunk_is_refused() -> None:
    """In the place of another, and besides."""
    chunks, manifest = chain(new_backup())
    with pytest.raises(RepeatedChunkError, match="there twice"):
        opened([chunks[0], chunks[0], chunks[2]], manifest)


def test_a_chunk_of_another_backup_is_refused() -> None:
    """Of the same account, with the same number."""
    chunks, manifest = chain(new_backup())
    others, _ = chain(new_backup())
    with pytest.raises(MisplacedChunkError, match="another backup"):
        opened([chunks[0], others[1], chunks[2]], manifest)


@pytest.mark.parametrize("place", [1, 2])
def test_a_chunk_of_another_version_is_refused(place: int) -> None:
    """The chain tells in the middle, the manifest at the end."""
    backup = new_backup()
    chunks, manifest = chain(backup)
    others, _ = chain(backup, (b"CANARY one", b"other", b"three"))
    mixed = list(chunks)
    mixed[place] = others[place] if place == 1 else KEY.seal_chunk(backup, 2, digest_of(chunks[1]), b"other")
    with pytest.raises(MisplacedChunkError, match="another version"):
        opened(mixed, manifest)


def test_an_older_version_is_refused_and_so_is_a_fork() -> None:
    """What this device wrote or restored last is the measure."""
    _, first = chain(new_backup())
    second = replace(first, version=2, previous=first.digest)
    known = Known(2, second.digest)
    known.require_current(second)
    known.require_current(replace(second, version=3, previous=second.digest))
    Known(0, START).require_current(first)
    with pytest.raises(OlderBackupError, match="version 1 of the backup; this device knows version 2"):
        known.require_current(first)
    for fork in (replace(second, tip=START), replace(first, version=3, previous=first.digest)):
        with pytest.raises(ForkedBackupError, match="does not continue"):
            known.require_current(fork)


def test_a_chunk_has_a_limit() -> None:
    """The largest class, and nothing above."""
    KEY.seal_chunk(new_backup(), 0, START, bytes(sealed.CHUNK_BYTES))
    with pytest.raises(ValueError, match="too large"):
        KEY.seal_chunk(new_backup(), 0, START, bytes(sealed.CHUNK_BYTES + 1))
