"""What the open room costs the server and the archive while messages follow each other."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from tests.client.ui.chat.timeline.test_widget import fill, lobby
from tests.client.ui.conftest import OpenApp, settled
from tests.client.ui.ui_fake import BOB, GARDEN, LOBBY, FakeClient
from textual.pilot import Pilot

from parlour_client.core.events import HistoryChanged
from parlour_client.core.model import Entry
from parlour_client.ui.chat import timeline_controller
from parlour_client.ui.chat.timeline import Timeline
from parlour_protocol.ids import RoomId


@pytest.fixture(autouse=True)
def every(monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds between two markers: more than a test takes."""
    monkeypatch.setattr(timeline_controller, "READ_EVERY", 60.0)
    return timeline_controller.READ_EVERY


def _marked(client: FakeClient) -> list[tuple[object, ...]]:
    return [call[1:3] for call in client.calls if call[0] == "mark_read"]


async def test_messages_that_follow_each_other_share_a_read_marker(
    client: FakeClient, open_app: OpenApp, every: float
) -> None:
    """The first one is marked at once; the others together, a little later or when another room is opened."""
    fill(client, 5)
    async with open_app(client) as pilot:
        screen, timeline = await lobby(pilot)
        now = 1e6
        screen.pane.history.now = lambda: now

        async def said(text: str) -> int:
            entry = client.say(LOBBY, BOB, text)
            timeline.add_pending()
            await settled(pilot)
            assert entry.seq is not None
            return entry.seq

        first = await said("first")
        assert _marked(client) == [(LOBBY, first)]
        await said("more")
        second = await said("and more")
        assert _marked(client) == [(LOBBY, first)]

        now += every - 0.001
        await screen.pane.navigation.open(GARDEN)
        await settled(pilot)
        assert _marked(client)[:2] == [(LOBBY, first), (LOBBY, second)]

        await screen.pane.navigation.open(LOBBY)
        client.calls.clear()
        now += every
        third = await said("third")
        now += every - 0.001
        fourth = await said("fourth")
        await settled(pilot)
        assert _marked(client) == [(LOBBY, third), (LOBBY, fourth)]


async def test_a_marker_that_waits_moves_nothing_back(client: FakeClient, open_app: OpenApp) -> None:
    """A message that was marked unread stays unread."""
    fill(client, 5)
    async with open_app(client) as pilot:
        screen, timeline = await lobby(pilot)
        screen.pane.history.now = lambda: 1e6
        for text in ("one", "two"):
            entry = client.say(LOBBY, BOB, text)
            timeline.add_pending()
            await settled(pilot)
        assert entry.seq is not None
        await screen.pane.history.mark_unread(entry.seq)
        kept = _marked(client)
        await screen.pane.navigation.open(GARDEN)
        await settled(pilot)
        assert [call for call in _marked(client) if call[0] == LOBBY] == kept


async def test_the_last_marker_is_set_before_the_client_stops(client: FakeClient, open_app: OpenApp) -> None:
    """Who quits right after reading finds the messages read at the next start."""
    fill(client, 5)
    async with open_app(client) as pilot:
        screen, timeline = await lobby(pilot)
        screen.pane.history.now = lambda: 1e6
        for text in ("one", "two"):
            entry = client.say(LOBBY, BOB, text)
            timeline.add_pending()
            await settled(pilot)
        assert (LOBBY, entry.seq) not in _marked(client)
    assert (LOBBY, entry.seq) in _marked(client)


async def test_a_room_with_more_unread_than_a_page_opens_at_the_first_unread_message(
    client: FakeClient, open_app: OpenApp
) -> None:
    """What was read last is above the line; what is between it and the newest page is loaded on the way."""
    fill(client, 50)
    for number in range(450):
        client.say(LOBBY, BOB, f"new {number}")
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        rows = [timeline.render_line(row).text.rstrip() for row in range(timeline.size.height)]
        first = next(number for number, row in enumerate(rows) if "── 450 new ──" in row)
        assert rows[first + 1].endswith("new 0")
        assert not timeline.follows

        for number in range(20, 450, 20):  # a few screens at a time, as with Page Down
            index = next(at for at, entry in enumerate(timeline.entries) if entry.text == f"new {number}")
            timeline.select(index)
            await settled(pilot)
        assert [entry.text for entry in timeline.entries][-450:] == [f"new {number}" for number in range(450)]
        assert not timeline.holes


async def test_a_gap_is_loaded_from_the_side_that_the_person_comes_from(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Reading down loads what follows, not the far end of the gap."""
    fill(client, 50)
    for number in range(600):
        client.say(LOBBY, BOB, f"new {number}")
    async with open_app(client) as pilot:
        _, timeline = await lobby(pilot)
        here = [str(entry.text) for entry in timeline.entries]
        assert "new 40" in here
        assert "new 400" not in here
        timeline.select(here.index("new 40"))
        await settled(pilot)
        here = [str(entry.text) for entry in timeline.entries]
        assert "new 140" in here
        assert "new 400" not in here


@asynccontextmanager
async def loading(client: FakeClient, open_app: OpenApp) -> AsyncIterator[tuple[Pilot[None], Timeline]]:
    """Open a room whose newest page was read, and leave it loading; it is loaded at the end."""
    fill(client, 50)
    for number in range(450):
        client.say(GARDEN, BOB, f"new {number}")
    async with open_app(client) as pilot:
        screen, timeline = await lobby(pilot)
        client.pages_wait.clear()
        screen.pane.navigation.go_to(GARDEN)
        await pilot.pause()
        assert screen.pane.history.is_loading
        yield pilot, timeline
        assert screen.pane.history.is_loading
        client.pages_wait.set()
        await settled(pilot)


async def test_a_message_sent_while_its_room_is_loading_is_shown(
    client: FakeClient, open_app: OpenApp
) -> None:
    """The view goes to the end, where the message is, and not to the first unread one."""
    async with loading(client, open_app) as (pilot, timeline):
        await pilot.press("h", "i", "enter")
        await pilot.pause()
    assert timeline.follows
    assert "hi" in [entry.text for entry in timeline.entries]


async def test_a_message_that_is_cancelled_while_its_room_is_loading_is_gone(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Its row would stay until the room is opened again."""
    client.online = False
    async with loading(client, open_app) as (pilot, timeline):
        await pilot.press("h", "i", "enter")
        await pilot.pause()
        request = client.logs[GARDEN][-1].request
        assert request is not None
        await client.cancel(request)
    assert "new 449" in [entry.text for entry in timeline.entries]
    assert "hi" not in [entry.text for entry in timeline.entries]


async def test_many_messages_that_come_while_their_room_is_loading_are_shown(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Of so many only one change is told; what was read of the room before is older."""
    async with loading(client, open_app) as (_, timeline):
        listeners, client._listeners = client._listeners, {}
        client.say(GARDEN, BOB, "one of many")
        client._listeners = listeners
        client.tell(HistoryChanged(GARDEN))
    assert "one of many" in [entry.text for entry in timeline.entries]


@pytest.mark.parametrize("first", [0, 1])
async def test_a_message_between_two_loads_of_its_room_is_shown(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    """Both read their pages before the message, and one of them is done after it."""
    async with open_app(client) as pilot:
        screen, timeline = await lobby(pilot)
        read, gates = client.timeline, [asyncio.Event(), asyncio.Event()]
        waits = iter(gates)

        async def page(room: RoomId, *, limit: int) -> Sequence[Entry]:
            entries = await read(room, limit=limit)
            await next(waits).wait()
            return entries

        monkeypatch.setattr(client, "timeline", page)
        loads = [asyncio.ensure_future(screen.pane.view.reload(LOBBY)) for _ in gates]
        await pilot.pause()
        gates[first].set()
        await pilot.pause()
        client.say(LOBBY, BOB, "between")
        gates[1 - first].set()
        await asyncio.gather(*loads)
        await settled(pilot)
        assert "between" in [entry.text for entry in timeline.entries]


async def test_a_gap_is_not_jumped_over_while_it_is_loading(client: FakeClient, open_app: OpenApp) -> None:
    """However fast the pages follow each other, each message of the gap can be read on the way."""
    fill(client, 50)
    for number in range(450):
        client.say(LOBBY, BOB, f"new {number}")
    async with open_app(client) as pilot:
        screen, timeline = await lobby(pilot)
        for step in (1, -1):
            seen = set[str]()
            for _ in range(20):
                for _ in range(4):
                    rows = (timeline.render_line(row).text for row in range(timeline.size.height))
                    seen |= {row[row.index("new ") :].strip() for row in rows if "new " in row}
                    screen.pane.scroll_page(step)
                await settled(pilot)
            assert {f"new {number}" for number in range(450)} <= seen, step
