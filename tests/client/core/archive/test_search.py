"""Search over the archive."""

from tests.client.core.archive.archive_events import add, message
from tests.client.core.core_fake import ALICE, GARDEN

from parlour_client.core.archive import (
    Archive,
    search,
)
from parlour_client.core.search_query import Query, parse
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis


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
