"""Catching up, against servers that page honestly and servers that do not."""

from collections.abc import Callable

import pytest
from tests.client.core.core_fake import LOBBY, Desk, FakeServer, heard

from parlour_client.core.changes import StatusChanged
from parlour_client.core.model import LinkState
from parlour_client.core.sync import LONGEST_CATCH_UP
from parlour_protocol.frames import AnyResult
from parlour_protocol.frames.replies import Page
from parlour_protocol.frames.requests import History
from parlour_protocol.ids import Incarnation, Seq


def events(server: FakeServer, *seqs: int) -> AnyResult:
    """Return a page of these numbers."""
    log = server.rooms[LOBBY].log
    return Page(
        room=LOBBY, events=tuple(log[seq - 1] for seq in seqs), more=False, incarnation=Incarnation("i" * 22)
    )


HOSTILE: dict[str, Callable[[FakeServer], AnyResult]] = {
    "nothing": events,
    "a hole": lambda server: events(server, 2, 4),
    "backwards": lambda server: events(server, 3, 2),
    "twice the same": lambda server: events(server, 2, 2, 3),
    "from elsewhere": lambda server: events(server, 3, 4),
    "what was there already": lambda server: events(server, 1),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_page_that_does_not_continue_ends_the_connection(
    case: str, desk: Desk, server: FakeServer
) -> None:
    """It is told plainly, nothing of it is kept, and an endless loop of asking does not begin."""
    await (await desk.open()).stop()
    for number in range(3):
        server.say(f"missed {number}", tell=False)
    server.page_of = lambda _: HOSTILE[case](server)
    client = await desk.open(ready=False)
    change = await heard(
        client, lambda c: isinstance(c, StatusChanged) and c.status.state is LinkState.OFFLINE
    )
    assert isinstance(change, StatusChanged)
    assert "history" in change.status.problem
    assert [row.seq for row in await client.timeline(LOBBY)] == [1]
    server.page_of = server._page
    await desk.regain(client)
    assert [row.seq for row in await client.timeline(LOBBY)] == [1, 2, 3, 4]


async def test_a_long_absence_fetches_the_newest_page_first(desk: Desk, server: FakeServer) -> None:
    """Beyond the limit only the newest page comes at once; the hole is filled while scrolling back."""
    await (await desk.open()).stop()
    for number in range(LONGEST_CATCH_UP + 300):
        server.say(f"{number}", tell=False)
    head = len(server.rooms[LOBBY].log)
    client = await desk.open()
    asked = [request for request in server.requests if isinstance(request, History)]
    assert len(asked) == 2  # one page at the first start, one now
    rows = await client.timeline(LOBBY, limit=250)
    assert [row.seq for row in rows] == list(range(head - 249, head + 1))
    log = await client.log(LOBBY, after=Seq(1), limit=50)
    assert [event.seq for event in log] == list(range(2, 52))


async def test_events_that_come_while_catching_up_are_not_lost(desk: Desk, server: FakeServer) -> None:
    """What is told between two pages is neither shown too early nor left out."""
    await (await desk.open()).stop()
    for number in range(300):
        server.say(f"{number}", tell=False)
    honest = server._page

    def page(ask: History) -> AnyResult:
        if len(server.rooms[LOBBY].log) < 305:
            server.say("told meanwhile")
        return honest(ask)

    server.page_of = page
    client = await desk.open()
    await client.ready()
    seen = [event.seq for start in (0, 200) for event in await client.log(LOBBY, after=Seq(start))]
    assert seen == list(range(1, len(server.rooms[LOBBY].log) + 1))
