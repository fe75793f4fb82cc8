"""A backup in a file gives a new device with the recovery words what the lost one has read, and no more."""

import asyncio
from pathlib import Path

import pytest
from tests.client.core.client_parts import parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN
from tests.client.core.e2ee.test_chat import texts
from tests.client.core.e2ee.test_orchestration import pair, say

from parlour_client.core.client import Client
from parlour_client.core.e2ee.backup.sealed import (
    AlteredBackupError,
    IncompleteBackupError,
    MisplacedChunkError,
    OlderBackupError,
    OtherWordsError,
)
from parlour_client.core.e2ee.errors import NoAccountKeyError
from parlour_client.core.e2ee.values import Trust
from parlour_client.core.events import Change, HistoryReplaced
from parlour_client.core.model import Delivery
from parlour_client.kit.errors import ParlourClientError, SetupError
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq


async def seq_of(client: Client, room: RoomId, text: str) -> Seq:
    """Return the number of a message."""
    found = [entry.seq for entry in await client.history.timeline(room) if str(entry.text) == text]
    assert found[0] is not None
    return found[0]


async def backed_up(harness: Harness, path: Path) -> tuple[Client, Client, RoomId, list[str]]:
    """Return ana and ben in a room; ana has edited, pinned, verified and made a backup."""
    ana, ben, room = await pair(harness)
    await ana.encryption.person(BEN)
    await ana.encryption.confirm(BEN, (await ana.encryption.person(BEN)).safety_number)
    await say(harness, ben, room, "CANARY long ago")
    await say(harness, ana, room, "CANARY yse")
    await say(harness, ana, room, "CANARY last")
    await ana.messages.edit(room, await seq_of(ana, room, "CANARY yse"), "CANARY yes")
    await ana.messages.react(room, await seq_of(ana, room, "CANARY long ago"), "👍")
    await ana.messages.pin(room, await seq_of(ana, room, "CANARY last"))
    await ana.preferences.favourite(room)
    await harness.until(lambda: not parts(ana).outbox.unsent(room))
    await harness.quiet()
    words = list(await ana.encryption.recovery_words())
    assert await ana.encryption.backup.last() is None
    exporting = asyncio.ensure_future(ana.encryption.backup.export(path))
    await harness.until(exporting.done)
    assert await ana.encryption.backup.last() is not None
    assert exporting.result().events >= 6
    return ana, ben, room, words


def backups_in(folder: Path) -> list[str]:
    """Return the names of backups, and of what may be left of them."""
    return [one.name for one in folder.iterdir() if "backup" in one.name]


async def recovered(harness: Harness, words: list[str]) -> Client:
    """Return a new device of ana, approved with the words."""
    phone = await harness.open(ANA, "phone")
    recovering = asyncio.ensure_future(phone.encryption.recover(words))
    await harness.until(recovering.done)
    recovering.result()
    await harness.quiet()
    return phone


async def restore(harness: Harness, client: Client, path: Path) -> dict[str, int]:
    """Restore; returns what is missing."""
    restoring = asyncio.ensure_future(client.encryption.backup.restore(path))
    await harness.until(restoring.done)
    return restoring.result().missing


async def test_words_and_file_bring_back_what_was_read(harness: Harness, tmp_path: Path) -> None:
    """In order, with edits, reactions, pins, settings and verified people; answers to it work."""
    path = tmp_path / "ana.backup"
    ana, ben, room, words = await backed_up(harness, path)
    assert b"CANARY" not in path.read_bytes()
    await harness.close(ana)
    phone = await recovered(harness, words)
    assert await texts(phone, room) == []
    told: list[Change] = []
    phone.events.subscribe(told.append)
    assert await restore(harness, phone, path) == {}
    assert await texts(phone, room) == ["CANARY long ago", "CANARY yes", "CANARY last"]
    assert HistoryReplaced(room) in told
    entries = [entry for entry in await phone.history.timeline(room) if entry.text is not None]
    assert [reaction.reaction for reaction in entries[0].reactions] == ["👍"]
    assert entries[2].pinned
    assert phone.encryption.trust(BEN) is Trust.VERIFIED
    assert [one.favourite for one in phone.rooms.all if one.id == room] == [True]
    assert entries[0].seq is not None
    await phone.messages.send(room, "I am back", reply_to=entries[0].seq)
    await harness.until(lambda: not parts(phone).outbox.unsent(room))
    await harness.quiet()
    last = [entry for entry in await ben.history.timeline(room) if entry.text is not None][-1]
    assert (str(last.text), last.reply_to, last.delivery) == ("I am back", entries[0].seq, Delivery.STORED)


async def test_restoring_twice_changes_nothing(harness: Harness, tmp_path: Path) -> None:
    """As after an interruption: what is here is counted, and stays."""
    path = tmp_path / "ana.backup"
    ana, _, room, _ = await backed_up(harness, path)
    before = await ana.history.timeline(room)
    assert await restore(harness, ana, path) == {}
    assert await ana.history.timeline(room) == before
    verifying = asyncio.ensure_future(ana.encryption.backup.verify(path))
    await harness.until(verifying.done)
    assert verifying.result().elsewhere == 0


async def test_a_deleted_message_does_not_come_back(harness: Harness, tmp_path: Path) -> None:
    """It is deleted in the room's log, which counts."""
    path = tmp_path / "ana.backup"
    ana, _, room, words = await backed_up(harness, path)
    await ana.messages.delete(room, await seq_of(ana, room, "CANARY last"))
    await harness.until(lambda: not parts(ana).outbox.unsent(room))
    await harness.quiet()
    await harness.close(ana)
    phone = await recovered(harness, words)
    await restore(harness, phone, path)
    assert await texts(phone, room) == ["CANARY long ago", "CANARY yes"]


async def test_rooms_that_one_is_not_in_are_counted_and_named(harness: Harness, tmp_path: Path) -> None:
    """Never dropped without a word."""
    path = tmp_path / "ana.backup"
    ana, ben, room, words = await backed_up(harness, path)
    removing = asyncio.ensure_future(ana.rooms.leave(room))
    await harness.until(removing.done)
    await harness.close(ana)
    phone = await recovered(harness, words)
    missing = await restore(harness, phone, path)
    assert list(missing) == ["garden"]
    assert missing["garden"] >= 6
    assert ben.rooms.find("garden") is not None


async def test_a_message_takes_no_other_messages_place(harness: Harness, tmp_path: Path) -> None:
    """A server that shows another ciphertext in that place: the backup's text is not put over it."""
    path = tmp_path / "ana.backup"
    ana, _, room, words = await backed_up(harness, path)
    seq = await seq_of(ana, room, "CANARY last")
    await harness.close(ana)
    phone = await recovered(harness, words)
    other = "UPDATE events SET digest = ? WHERE room = ? AND seq = ?"
    await parts(phone).archive.write(lambda db: db.execute(other, (bytes(32), room, seq)) and None)
    assert await restore(harness, phone, path) == {"garden": 1}
    assert await texts(phone, room) == ["CANARY long ago", "CANARY yes"]


async def test_a_device_without_the_account_key_says_where_to_type_the_words(
    harness: Harness, tmp_path: Path
) -> None:
    """It neither writes nor restores one."""
    ana, _, _ = await pair(harness)
    phone = await harness.open(ANA, "phone")
    approving = asyncio.ensure_future(ana.encryption.approve(phone.encryption.own().code))
    await harness.until(approving.done)
    for work in (phone.encryption.backup.export, phone.encryption.backup.restore):
        with pytest.raises(NoAccountKeyError, match="account key") as refused:
            await work(tmp_path / "phone.backup")
        assert "recovery words" in refused.value.hint


async def test_a_backup_of_someone_else_is_refused(harness: Harness, tmp_path: Path) -> None:
    """Nothing of it is restored."""
    path = tmp_path / "ana.backup"
    _, ben, room, _ = await backed_up(harness, path)
    before = await ben.history.timeline(room)
    restoring = asyncio.ensure_future(ben.encryption.backup.restore(path))
    await harness.until(restoring.done)
    with pytest.raises(OtherWordsError):
        restoring.result()
    assert await ben.history.timeline(room) == before


async def test_an_older_file_is_refused_where_a_newer_one_is_known(harness: Harness, tmp_path: Path) -> None:
    """A device that has only seen the older one takes that."""
    path = tmp_path / "ana.backup"
    ana, _, room, words = await backed_up(harness, path)
    await say(harness, ana, room, "CANARY after it")
    newer = tmp_path / "newer.backup"
    exporting = asyncio.ensure_future(ana.encryption.backup.export(newer))
    await harness.until(exporting.done)
    with pytest.raises(OlderBackupError, match="version 1 of the backup; this device knows version 2"):
        await restore(harness, ana, path)
    await harness.close(ana)
    phone = await recovered(harness, words)
    await restore(harness, phone, path)
    await restore(harness, phone, newer)
    assert "CANARY after it" in await texts(phone, room)
    with pytest.raises(OlderBackupError):
        await restore(harness, phone, path)


async def test_a_bad_file_restores_nothing(harness: Harness, tmp_path: Path) -> None:
    """Also when only its last byte is wrong: all of it is checked before anything is stored."""
    path = tmp_path / "ana.backup"
    ana, _, room, words = await backed_up(harness, path)
    data = path.read_bytes()
    chunk = int.from_bytes(data[18:22], "big")
    other = tmp_path / "other.backup"
    exporting = asyncio.ensure_future(ana.encryption.backup.export(other))
    await harness.until(exporting.done)
    await harness.close(ana)
    phone = await recovered(harness, words)
    bad: dict[str, tuple[bytes, type[ParlourClientError]]] = {
        "cut": (data[:-1], IncompleteBackupError),
        "cut between": (data[: 22 + chunk], IncompleteBackupError),
        "longer": (data + b"x", AlteredBackupError),
        "flipped": (data[:-1] + bytes([data[-1] ^ 1]), AlteredBackupError),
        "not one": (b"hello", SetupError),
        "other chunk": (other.read_bytes()[: 22 + chunk] + data[22 + chunk :], MisplacedChunkError),
    }
    for act, (content, error) in bad.items():
        path.write_bytes(content)
        with pytest.raises(error):
            await restore(harness, phone, path)
        assert await texts(phone, room) == [], act


async def test_nothing_is_overwritten(harness: Harness, tmp_path: Path) -> None:
    """Neither a file of another program nor a backup; and nothing half-written is left."""
    path = tmp_path / "ana.backup"
    ana, _, _, _ = await backed_up(harness, path)
    for where, why in ((path, "exists already"), (tmp_path / "no" / "folder", "can't be written")):
        exporting = asyncio.ensure_future(ana.encryption.backup.export(where))
        await harness.until(exporting.done)
        with pytest.raises(SetupError, match=why):
            exporting.result()
    assert backups_in(tmp_path) == ["ana.backup"]
    assert path.stat().st_mode & 0o077 == 0
