# ruff: noqa: ASYNC240, S608 - tests look at the files and the tables themselves
"""The archive on disk: encrypted, closed to others, searchable, and honest about damage."""

import os
import stat
from pathlib import Path

import pytest
from tests.client.core.archive.archive_events import add, event, message
from tests.client.core.core_fake import ALICE, LOBBY, FakeServer

from parlour_client.core.archive import (
    Archive,
    drafts,
    events,
    known_rooms,
    outbox_table,
    search,
    stored_values,
)
from parlour_client.core.archive.key import Key, Protection, needs_passphrase, open_key, rewrap
from parlour_client.core.archive.passphrase import Cost
from parlour_client.core.archive.schema import VERSION
from parlour_client.core.errors import (
    ArchiveError,
    DamagedArchiveError,
    PassphraseNeededError,
    WrongPassphraseError,
)
from parlour_client.core.search_query import Query
from parlour_protocol.frames import MessageText
from parlour_protocol.frames.bodies import Blank, Deleted, Edited
from parlour_protocol.frames.requests import Send
from parlour_protocol.kit.ids import Millis, Seq, new_request_id
from parlour_protocol.kit.secret import Secret

CHEAP = Cost(operations=1, memory=8 * 1024)
CANARY = "CANARYplaintext"


async def test_nothing_lies_in_plain_form_in_any_file(archive: Archive, tmp_path: Path) -> None:
    """Messages, drafts, the outbox and the session token: the bytes of no file hold any of it."""
    await add(archive, message(1, CANARY))
    await archive.write_durably(
        outbox_table.put,
        LOBBY,
        [Send(id=new_request_id(), room=LOBBY, text=MessageText.parse(CANARY))],
        Millis(1),
    )
    await archive.write(drafts.save_draft, LOBBY, CANARY)
    await archive.write(drafts.save_draft, LOBBY, CANARY, Seq(1))
    await archive.write_durably(stored_values.set_setting, "profile", CANARY)
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert {path.name for path in files} >= {"archive.db", "archive.db-wal", "archive.key"}
    for path in files:
        content = path.read_bytes()
        assert CANARY.encode() not in content
        assert b"CREATE TABLE" not in content
        assert b"SQLite format 3" not in content


async def test_files_are_private_to_this_person(archive: Archive, tmp_path: Path) -> None:
    """Whatever the umask is, others may not read them."""
    await add(archive, message(1, "hello"))
    for path in tmp_path.iterdir():
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path.name


async def test_files_are_private_under_a_careless_umask(tmp_path: Path) -> None:
    """The mode is given when a file is made, not left to the umask."""
    before = os.umask(0)
    try:
        archive = await Archive.open(tmp_path / "a.db", tmp_path / "a.key")
        await archive.write(drafts.save_draft, LOBBY, "x")
        assert all(not stat.S_IMODE(path.stat().st_mode) & 0o077 for path in tmp_path.iterdir())
        await archive.close()
    finally:
        os.umask(before)


async def test_a_deleted_text_leaves_the_archive(archive: Archive) -> None:
    """The message, its edits and its place in the search are gone."""
    await add(
        archive,
        message(1, "first CANARYone"),
        event(2, Edited(target=Seq(1), text=MessageText.parse("CANARYtwo"))),
    )
    assert [
        entry.text
        for entry in await archive.read(search.search, Query(["canarytwo"], unfinished=True), ALICE, 9)
    ] == ["CANARYtwo"]
    await add(archive, event(3, Deleted(target=Seq(1))))
    assert list(await archive.read(search.search, Query(["canary"], unfinished=True), ALICE, 9)) == []
    everything = await archive.read(lambda c: list(c.execute("SELECT body FROM events")))
    words = await archive.read(lambda c: list(c.execute("SELECT * FROM words_content")))
    assert "CANARY" not in str(everything) + str(words)


async def test_what_was_deleted_is_overwritten(archive: Archive) -> None:
    """Keys that were used and texts that were taken back: no page of the file keeps them (Marmot #756)."""
    assert await archive.read(lambda connection: connection.pragma("secure_delete")) == 1
    assert (
        await archive.read(lambda connection: connection.pragma("temp_store")) == 2
    )  # nor does another file


async def test_a_deletion_that_was_missed_leaves_the_archive_too(archive: Archive) -> None:
    """An event that comes back from the server as blank replaces what was kept."""
    await add(archive, message(1, "CANARYone"))
    await add(archive, event(1, Blank(was="message")))
    (row,) = (await archive.read(events.below, LOBBY, Seq(2), 9)).entries
    assert (row.deleted, row.text) == (True, None)
    assert list(await archive.read(search.search, Query(["canary"], unfinished=True), ALICE, 9)) == []


async def test_a_stored_event_is_never_changed_by_another(archive: Archive) -> None:
    """A server that tells the same number twice with another text does not rewrite history here."""
    await add(archive, message(1, "as it was"))
    await add(archive, message(1, "as somebody would have it"))
    (row,) = (await archive.read(events.below, LOBBY, Seq(2), 9)).entries
    assert row.text == "as it was"


async def test_a_wrong_key_is_reported_plainly(archive: Archive, tmp_path: Path) -> None:
    """The key of another archive opens nothing."""
    await add(archive, message(1, "x"))
    await archive.close()
    (tmp_path / "archive.key").unlink()
    open_key(tmp_path / "other.key", None)
    (tmp_path / "other.key").rename(tmp_path / "archive.key")
    with pytest.raises(DamagedArchiveError, match="another archive"):
        await Archive.open(tmp_path / "archive.db", tmp_path / "archive.key")


async def test_a_lost_key_is_not_replaced(archive: Archive, tmp_path: Path) -> None:
    """The place stays free for the one from a backup, which opens everything again."""
    await add(archive, message(1, "x"))
    await archive.close()
    key = tmp_path / "archive.key"
    saved = key.rename(tmp_path / "backup")
    with pytest.raises(DamagedArchiveError, match="key is missing"):
        await Archive.open(tmp_path / "archive.db", key)
    assert not key.exists()
    saved.rename(key)
    await (await Archive.open(tmp_path / "archive.db", key)).close()


@pytest.mark.parametrize("place", [20, 4096 + 100, 3 * 4096 + 2000])
async def test_a_flipped_byte_is_found(place: int, tmp_path: Path) -> None:
    """Each page is authenticated: damage is an error in words, never a wrong message."""
    archive = await Archive.open(tmp_path / "a.db", tmp_path / "a.key")
    await archive.write(known_rooms.save, [FakeServer().summary(LOBBY)])
    await add(archive, *[message(number, f"text {number} " * 50) for number in range(1, 60)])
    await archive.close()
    file = tmp_path / "a.db"
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(DamagedArchiveError):
        await _read_all(tmp_path)


async def _read_all(folder: Path) -> None:
    archive = await Archive.open(folder / "a.db", folder / "a.key")
    try:
        await archive.read(
            lambda c: [list(c.execute(f"SELECT * FROM {t}")) for t in ("events", "words", "rooms")]
        )
        await archive.read(lambda c: c.execute("PRAGMA integrity_check").fetchall())
    finally:
        await archive.close()


async def test_a_newer_archive_is_not_touched(archive: Archive, tmp_path: Path) -> None:
    """A file that a later Parlour wrote is not touched."""
    await archive.write(lambda c: c.pragma("user_version", VERSION + 1))
    with pytest.raises(ArchiveError, match="newer"):
        await Archive.open(tmp_path / "archive.db", tmp_path / "archive.key")


async def test_two_programs_share_an_archive(archive: Archive, tmp_path: Path) -> None:
    """What one writes the other reads, and neither is refused."""
    other = await Archive.open(tmp_path / "archive.db", tmp_path / "archive.key")
    for number in range(1, 20):
        await add(archive if number % 2 else other, message(number, f"text {number}"))
    assert len((await other.read(events.below, LOBBY, Seq(20), 99)).entries) == 19
    await other.close()


def test_a_passphrase_wraps_the_key(tmp_path: Path) -> None:
    """Set, needed, wrong, right, taken away: the key stays the same and never lies there in plain form."""
    file = tmp_path / "archive.key"
    key = open_key(file, None)
    assert (key.is_plain, key.made) == (True, True)
    rewrap(file, key, Secret("open sesame"), CHEAP)
    assert needs_passphrase(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    raw = bytes.fromhex(key.raw.reveal())
    import base64  # noqa: PLC0415 - beside its one use

    assert base64.b64encode(raw) not in file.read_bytes()
    with pytest.raises(PassphraseNeededError):
        open_key(file, None)
    with pytest.raises(WrongPassphraseError):
        open_key(file, Secret("open barley"))
    assert open_key(file, Secret("open sesame")) == Key(key.raw, Protection.PASSPHRASE)
    rewrap(file, key, None, CHEAP)
    assert open_key(file, None).raw == key.raw


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"key": "AAAA"}',
        b'{"key": "!!!!"}',
        b'{"key": "", "salt": "AAAA", "operations": 1, "memory": 8192}',
        b'{"key": "AAAA", "salt": "AAAA", "operations": 99, "memory": 1}',
        b'{"key": "AAAA", "salt": "AAAA", "operations": 1, "memory": 99999999999}',
        b"\xff" * 9_000,
    ],
)
def test_a_damaged_key_file_is_reported_plainly(content: bytes, tmp_path: Path) -> None:
    """It is never taken for another key, and cannot ask for all memory."""
    file = tmp_path / "archive.key"
    file.write_bytes(content)
    with pytest.raises(DamagedArchiveError):
        open_key(file, Secret("x"))
