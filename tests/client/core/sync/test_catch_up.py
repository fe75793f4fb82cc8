"""Catching up, against servers that page honestly and servers that do not."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace
from tests.client.core.client_parts import parts
from tests.client.core.core_fake import GARDEN, LOBBY, Desk, FakeServer, heard

from parlour_client.core.events import EntryAdded
from parlour_client.core.model import Entry
from parlour_client.core.sync.catch_up import LONGEST_CATCH_UP
from parlour_client.kit.connection_status import LinkState
from parlour_client.text.note_text import note_words
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import AnyResult
from parlour_protocol.frames.replies import Page
from parlour_protocol.frames.requests import History
from parlour_protocol.kit.ids import Incarnation, Seq


def events(server: FakeServer, *seqs: int) -> Page:
    """Return a page of these numbers."""
    log = server.rooms[LOBBY].log
    return Page(
        room=LOBBY, events=tuple(log[seq - 1] for seq in seqs), more=False, incarnation=Incarnation("i" * 22)
    )


_MISSING_2 = "The server does not show event 2: 1 event is missing."
_MISSING_3 = "The server does not show event 3: 1 event is missing."
_NONE_AFTER = "The server says that this room has 4 events, but shows none after {}."

HOSTILE: dict[str, tuple[Callable[[FakeServer], Page], list[str], str]] = {
    "nothing": (events, [], _NONE_AFTER.format(1)),
    "a hole": (lambda server: events(server, 2, 4), ["missed 0", _MISSING_3, "missed 2"], ""),
    "backwards": (lambda server: events(server, 4, 3, 2), ["missed 0", "missed 1", "missed 2"], ""),
    "twice the same": (
        lambda server: events(server, 2, 2, 3),
        ["missed 0", "missed 1"],
        _NONE_AFTER.format(3),
    ),
    "from elsewhere": (lambda server: events(server, 3, 4), [_MISSING_2, "missed 1", "missed 2"], ""),
    "what was there already": (lambda server: events(server, 1), [], _NONE_AFTER.format(1)),
    "of another room": (
        lambda server: replace(events(server, 2, 3, 4), room=GARDEN),
        [],
        _NONE_AFTER.format(1),
    ),
    "with another room's event": (
        lambda server: replace(
            page := events(server, 2, 3, 4),
            events=(page.events[0], replace(page.events[1], room=GARDEN), page.events[2]),
        ),
        ["missed 0", _MISSING_3, "missed 2"],
        "",
    ),
}


def said(entries: Sequence[Entry]) -> list[str]:
    """Return what rows say, those of this client's own too."""
    return [note_words(entry) if entry.note else str(entry.text) for entry in entries]


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_page_that_does_not_continue_is_a_row_in_its_room(
    case: str, desk: Desk, server: FakeServer
) -> None:
    """N10: the room goes on behind it and says what is missing; nothing else notices."""
    page, rows, trouble = HOSTILE[case]
    await (await desk.open()).stop()
    server.add_room(GARDEN, "garden")
    server.say("in the garden", room=GARDEN, tell=False)
    for number in range(3):
        server.say(f"missed {number}", tell=False)
    server.page_of = lambda ask: page(server) if ask.room == LOBBY else server._page(ask)
    client = await desk.open()
    assert client.connection.status.state is LinkState.ONLINE
    assert said(await client.history.timeline(LOBBY))[1:] == rows
    known = client.rooms.get(LOBBY)
    assert known is not None
    assert known.trouble == trouble
    assert said(await client.history.timeline(GARDEN))[1:] == ["in the garden"]
    assert [event.seq for event in await client.history.log(LOBBY, after=Seq(1))] == list(
        range(2, 2 + len(rows))
    )
    assert sum(isinstance(one, History) and one.room == LOBBY for one in server.requests) <= 4


async def test_a_room_that_was_held_back_goes_on(desk: Desk, server: FakeServer) -> None:
    """N11: when the server shows more it is asked again, once for each time that it says more."""
    client = await desk.open()
    server.page_of = lambda _: events(server)
    server.say("held back", tell=False)
    server.say("told")
    await heard(client, lambda _: bool((room := client.rooms.get(LOBBY)) and room.trouble))
    asked = len(server.requests)
    server.page_of = server._page
    await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.say("later"))
    assert said(await client.history.timeline(LOBBY))[1:] == ["held back", "told", "later"]
    known = client.rooms.get(LOBBY)
    assert known is not None
    assert known.trouble == ""
    assert len(server.requests) == asked + 1


async def test_a_room_that_can_not_be_shown_just_now_is_asked_for_again(
    desk: Desk, server: FakeServer
) -> None:
    """A server that lost its database for a moment refuses a page: nobody was removed from the room."""
    client = await desk.open()
    server.page_refusals = [ErrorCode.UNAVAILABLE, ErrorCode.UNAVAILABLE]
    server.say("missed", tell=False)
    server.say("told")
    caught_up = parts(client).catch_up.caught_up
    while server.page_refusals:
        await asyncio.sleep(0)
        desk.clock.advance(1)
        assert not caught_up.is_set()
    ready = asyncio.ensure_future(client.connection.ready())
    while not ready.done():
        await asyncio.sleep(0)
        desk.clock.advance(1)
    assert said(await client.history.timeline(LOBBY))[1:] == ["missed", "told"]


async def test_a_room_whose_history_is_refused_for_good_is_left_alone(desk: Desk, server: FakeServer) -> None:
    """Removed in the meantime: nothing is asked for, and nothing waits for it."""
    client = await desk.open()
    server.page_refusals = [ErrorCode.NOT_FOUND]
    server.requests.clear()
    server.say("missed", tell=False)
    server.say("told")
    for _ in range(100):
        await asyncio.sleep(0)
        desk.clock.advance(1)
    await client.connection.ready()
    assert sum(isinstance(one, History) for one in server.requests) == 1


async def test_waiting_for_an_event_that_is_never_shown_asks_once(desk: Desk, server: FakeServer) -> None:
    """N11: who waits for what the server says it stored waits, and does not ask in a circle."""
    client = await desk.open()
    asked = len(server.requests)
    waiting = asyncio.ensure_future(parts(client).catch_up.reached(LOBBY, Seq(9)))
    while len(server.requests) == asked:  # noqa: ASYNC110 - the archive's thread may be busy
        await asyncio.sleep(0)
    for _ in range(300):
        await asyncio.sleep(0)
    assert len(server.requests) == asked + 1
    for number in range(2, 10):
        server.say(f"{number}")
    await waiting


async def test_what_is_here_stays_when_the_server_hides_it(desk: Desk, server: FakeServer) -> None:
    """N10: a page that leaves out what was read before takes nothing away, and says nothing of it."""
    client = await desk.open()
    for number in range(2, 9):
        await heard(client, lambda c: isinstance(c, EntryAdded), lambda: server.say(f"{number}"))  # noqa: B023
    before = said(await client.history.timeline(LOBBY))
    server.say("far", tell=False)
    far = replace(server.rooms[LOBBY].log[-1], seq=Seq(12))
    server.page_of = lambda _: Page(room=LOBBY, events=(far,), more=False, incarnation=server.incarnation)
    assert await client.history._fetch(LOBBY, after=Seq(1))
    assert said(await client.history.timeline(LOBBY, before=Seq(9))) == before
    (gap,) = await client.history.gaps(LOBBY, Seq(0), Seq(12))
    assert (gap.after, gap.before) == (8, 12)


async def test_a_run_of_missing_events_is_one_row(desk: Desk, server: FakeServer) -> None:
    """N12: however many the server skips; nothing of it is asked for again."""
    client = await desk.open()
    far = replace(server.say("far", tell=False), seq=Seq(9_000))
    server.page_of = lambda _: Page(room=LOBBY, events=(far,), more=False, incarnation=server.incarnation)
    wire = server.wires[0]
    await heard(client, lambda c: isinstance(c, EntryAdded) and c.entry.text == "far", lambda: wire.say(far))
    asked = len(server.requests)
    rows = said(await client.history.timeline(LOBBY))
    assert rows[1:] == ["The server does not show events 2 to 8999: 8998 events are missing.", "far"]
    assert list(await client.history.gaps(LOBBY, Seq(0), Seq(9_000))) == []
    assert said(await client.history.timeline(LOBBY, before=Seq(9_000))) == rows[:2]
    assert [event.seq for event in await client.history.log(LOBBY, after=Seq(0))] == [1, 8_999, 9_000]
    assert len(server.requests) == asked


async def test_a_hole_further_up_is_a_row_as_well(desk: Desk, server: FakeServer) -> None:
    """N10: what is fetched while scrolling back is in order, and what is left out of it is told."""
    await (await desk.open()).stop()
    for number in range(LONGEST_CATCH_UP + 300):
        server.say(f"{number}", tell=False)
    honest, left_out = server._page, {Seq(10_100), Seq(10_101)}

    def page(ask: History) -> AnyResult:
        whole = honest(ask)
        assert isinstance(whole, Page)
        return replace(whole, events=tuple(one for one in whole.events if one.seq not in left_out))

    server.page_of = page
    client = await desk.open()
    rows = await client.history.timeline(LOBBY, before=Seq(10_105), limit=6)
    assert [row.seq for row in rows] == [10_098, 10_099, 10_101, 10_102, 10_103, 10_104]
    assert "events 10100 to 10101: 2 events are missing" in said(rows)[2]


async def test_a_long_absence_fetches_the_newest_page_first(desk: Desk, server: FakeServer) -> None:
    """Beyond the limit only the newest page comes at once; the hole is filled while scrolling back."""
    await (await desk.open()).stop()
    for number in range(LONGEST_CATCH_UP + 300):
        server.say(f"{number}", tell=False)
    head = len(server.rooms[LOBBY].log)
    client = await desk.open()
    asked = [request for request in server.requests if isinstance(request, History)]
    assert len(asked) == 2  # one page at the first start, one now
    rows = await client.history.timeline(LOBBY, limit=250)
    assert [row.seq for row in rows] == list(range(head - 249, head + 1))
    log = await client.history.log(LOBBY, after=Seq(1), limit=50)
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
    await client.connection.ready()
    seen = [event.seq for start in (0, 200) for event in await client.history.log(LOBBY, after=Seq(start))]
    assert seen == list(range(1, len(server.rooms[LOBBY].log) + 1))
