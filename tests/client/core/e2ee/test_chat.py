"""Encrypted rooms end to end, over a whole server in memory."""

from pathlib import Path

import pytest
from tests.client.core.client_parts import parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN

from parlour_client.core.client import Client
from parlour_client.core.e2ee.values import Trust
from parlour_client.core.errors import EncryptionError
from parlour_client.core.model import Delivery
from parlour_client.kit.errors import SetupError
from parlour_protocol.frames.bodies import EncryptedMessage
from parlour_protocol.ids import RoomId
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

GARDEN = parse_room_name("garden")


def names_in(folder: Path) -> list[str]:
    """Return what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


async def texts(client: Client, room: RoomId) -> list[str]:
    """Return what a client shows as messages that the server has."""
    entries = [entry for entry in await client.history.timeline(room) if entry.delivery is Delivery.STORED]
    return [str(entry.text) for entry in entries if entry.text is not None]


async def test_two_people_talk_and_the_server_reads_nothing(harness: Harness) -> None:
    """Created, invited, said, answered; everything in the log that was said is encrypted."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = await ana.rooms.create(GARDEN, RoomKind.PRIVATE, encrypted=True)
    await harness.invite(ana, room.id, BEN)
    await harness.quiet()
    sent = await ana.messages.send(room.id, "CANARY hello")
    assert sent.request is not None
    await harness.until(
        lambda: harness.head(ana, room.id) == harness.head(ben, room.id) == harness.server.rooms[room.id].head
    )
    seq = await ana.messages.stored(sent.request)
    await ben.messages.send(room.id, "CANARY answer", reply_to=seq)
    await harness.until(lambda: not parts(ben).outbox.unsent(room.id))
    await harness.quiet()
    assert await texts(ana, room.id) == ["CANARY hello", "CANARY answer"] == await texts(ben, room.id)
    entries = [entry for entry in await ana.history.timeline(room.id) if entry.text is not None]
    assert [(entry.sealed, entry.author, entry.delivery) for entry in entries] == [
        (True, ANA, Delivery.STORED),
        (True, BEN, Delivery.STORED),
    ]
    assert entries[1].reply_to == seq
    log = harness.server.rooms[room.id].log
    assert sum(isinstance(event.body, EncryptedMessage) for event in log) == 2
    assert "CANARY" not in repr(log)


async def test_whom_one_talks_to_is_no_stranger(harness: Harness) -> None:
    """The key that came first is known as such at once, not only after someone asked for it."""
    ana, _ben = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.open_direct(BEN)).id
    await harness.quiet()
    await ana.messages.send(room, "hello")
    await harness.until(lambda: not parts(ana).outbox.unsent(room))
    await harness.quiet()
    report = await ana.encryption.report(room)
    assert {member.user: member.trust for member in report.members} == {
        ANA: Trust.VERIFIED,
        BEN: Trust.FIRST_SEEN,
    }


async def test_a_file_is_encrypted_and_saved(harness: Harness, tmp_path: Path) -> None:
    """The server holds neither its text nor its name; the other side gets it whole, or not at all."""
    ana, ben = await harness.open(ANA), await harness.open(BEN)
    room = (await ana.rooms.open_direct(BEN)).id
    await harness.quiet()
    (tmp_path / "CANARY.txt").write_text("CANARY content")
    entry = await ana.files.send(room, tmp_path / "CANARY.txt")
    assert entry.request is not None
    await harness.until(lambda: not parts(ana).outbox.unsent(room))
    await harness.quiet()
    (got,) = [one for one in await ben.history.timeline(room) if one.text is not None]
    saved = await ben.files.save(got, tmp_path)
    assert (saved.name, saved.read_text()) == ("CANARY (1).txt", "CANARY content")
    assert await ben.files.read(got, 14) == b"CANARY content"
    with pytest.raises(SetupError, match="too large"):
        await ben.files.read(got, 13)
    (file,) = harness.server.files
    assert b"CANARY" not in harness.server.files[file]
    assert "CANARY" not in repr(harness.server.rooms[room].log)
    harness.server.files[file] = harness.server.files[file][:-1] + b"x"
    before = names_in(tmp_path)
    with pytest.raises(EncryptionError):
        await ben.files.save(got, tmp_path)
    with pytest.raises(EncryptionError):
        await ben.files.read(got, 14)
    assert names_in(tmp_path) == before
