"""Windows of the timeline."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.client.core.core_fake import BEGIN, BOB, LAPTOP, LOBBY, FakeServer

from parlour_client.core.archive import (
    Archive,
    events,
    insertion,
    known_rooms,
    search,
)
from parlour_client.core.e2ee.groups.group_store import scrub
from parlour_protocol.frames import LogEvent, MessageText
from parlour_protocol.frames.bodies import Blank, Deleted, Edited, Message
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq


def event(seq: int, body: Message | Edited | Deleted | Blank, room: RoomId = LOBBY) -> LogEvent:
    """Return an event of bobby's."""
    return LogEvent(room=room, seq=Seq(seq), at=Millis(BEGIN + seq), author=BOB, device=LAPTOP, body=body)


def message(seq: int, text: str, room: RoomId = LOBBY) -> LogEvent:
    """Return a message."""
    return event(seq, Message(text=MessageText.parse(text)), room)


async def add(archive: Archive, *new: LogEvent) -> None:
    """Store events of one room."""
    await archive.write(insertion.add, new, [False] * len(new), new[-1].seq)


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    """Return an open archive with the lobby in it."""
    archive = await Archive.open(tmp_path / "archive.db", tmp_path / "archive.key")
    await archive.write(known_rooms.save, [FakeServer().summary(LOBBY)])
    yield archive
    await archive.close()


async def test_a_window_leaves_no_statement_open(archive: Archive) -> None:
    """E7: a statement that is not at its end holds the write-ahead log, and old keys in it."""
    await add(archive, *(message(number, "hello") for number in range(1, 9)))
    noted = 'UPDATE events SET note = \'{"kind":"founded"}\' WHERE seq = 8'  # looked at further
    await archive.write(lambda connection: list(connection.execute(noted)))
    await archive.read(events.below, LOBBY, Seq(9), 1)
    await archive.read(search.messages_of, BOB)
    assert await archive.read(scrub)
