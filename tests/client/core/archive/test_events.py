"""Windows of the timeline."""

from tests.client.core.archive.archive_events import add, message
from tests.client.core.core_fake import BOB, LOBBY

from parlour_client.core.archive import (
    Archive,
    events,
    search,
)
from parlour_client.core.e2ee.group.store import scrub
from parlour_protocol.kit.ids import Seq


async def test_a_window_leaves_no_statement_open(archive: Archive) -> None:
    """E7: a statement that is not at its end holds the write-ahead log, and old keys in it."""
    await add(archive, *(message(number, "hello") for number in range(1, 9)))
    noted = 'UPDATE events SET note = \'{"kind":"founded"}\' WHERE seq = 8'  # looked at further
    await archive.write(lambda connection: list(connection.execute(noted)))
    await archive.read(events.below, LOBBY, Seq(9), 1)
    await archive.read(search.messages_of, BOB)
    assert await archive.read(scrub)
