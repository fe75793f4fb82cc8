"""Search over the archive."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.client.core.core_fake import ALICE, BEGIN, BOB, GARDEN, LAPTOP, LOBBY, FakeServer

from parlour_client.core.archive import (
    Archive,
    insertion,
    known_rooms,
    search,
)
from parlour_client.core.search_query import Query, parse
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


async def test_search_finds_words_and_takes_no_operators(archive: Archive) -> None:
    """Words in any order, the last one unfinished, accents or not; quotes and operators are text."""
    await add(archive, message(1, "The first honey of the year"), message(2, "caf\u00e9 at noon"))
    await add(archive, message(1, "honey here too", GARDEN))

    def query(words: str, room: RoomId | None) -> Query:
        asked = parse(words, lambda _: (), Millis(0))
        asked.rooms = [room] if room is not None else []
        return asked

    async def found(words: str, room: RoomId | None = None) -> list[str | None]:
        return [entry.text for entry in await archive.read(search.search, query(words, room), ALICE, 9)]

    assert await found("honey fir") == ["The first honey of the year"]
    assert await found("cafe") == ["caf\u00e9 at noon"]
    assert await found("hon", GARDEN) == ["honey here too"]
    for hostile in (
        '"',
        "honey OR noon",
        "text: honey",
        "NEAR(honey)",
        "*",
        "^honey",
        "hon\0ey",
        "'; DROP TABLE words",
    ):
        await archive.read(search.search, Query([hostile], unfinished=True), ALICE, 9)
    assert await found("honey OR noon") == []
