"""Messages that the room's retention removed leave a quiet row, and young ones that are missing an alarm."""

import asyncio

import pytest
from msgspec.structs import replace
from tests.client.core.core_fake import BEGIN, BOB, LAPTOP, LOBBY, Desk, FakeServer, heard

from parlour_client.core.archive.stored_values import setting
from parlour_client.core.client import Client
from parlour_client.core.events import Change, EntryAdded, StatusChanged
from parlour_client.core.model import NoteKind
from parlour_client.core.room_log.expiry import Expiry, lengthened
from parlour_client.core.room_log.missing import complete, expired_text, first_of, have_expired
from parlour_client.core.sync.catch_up import CAUGHT_UP, LONGEST_CATCH_UP
from parlour_client.kit.connection_status import LinkState
from parlour_protocol.frames import AnyResult, LogEvent, MessageText
from parlour_protocol.frames.bodies import Blank, Message, RetentionSet
from parlour_protocol.frames.replies import Page, Retention
from parlour_protocol.frames.requests import History
from parlour_protocol.kit.ids import Millis, Seq, new_request_id

DAY_SECONDS = 86_400
DAY = DAY_SECONDS * 1000


def remove(server: FakeServer, *numbers: int, days: int | None, blank: int = 0) -> None:
    """Remove events, and let members see that messages are kept so long."""
    room = server.rooms[LOBBY]
    room.summary = replace(room.summary, retention=None if days is None else Retention(days=days))
    gone = set(numbers)

    def page(ask: History) -> AnyResult:
        left = [one for one in room.log if one.seq not in gone]
        left = [replace(one, body=Blank("expired")) if one.seq == blank else one for one in left]
        if ask.after is not None:
            found = [one for one in left if one.seq > ask.after][: ask.limit]
        else:
            found = [one for one in left if ask.before is None or one.seq < ask.before][-ask.limit :]
        kept_from = Seq(max(*numbers, blank) + 1)
        return Page(LOBBY, tuple(found), more=True, incarnation=server.incarnation, kept_from=kept_from)

    server.page_of = page


async def kinds(client: Client) -> list[NoteKind | str | None]:
    """Return the texts and notes of the lobby, oldest first."""
    entries = await client.history.timeline(LOBBY, before=None, limit=500)
    return [entry.note.kind if entry.note is not None else entry.text for entry in entries[1:]]


def is_offline(change: Change) -> bool:
    """Say whether the connection ended."""
    return isinstance(change, StatusChanged) and change.status.state is LinkState.OFFLINE


async def back_after(desk: Desk, server: FakeServer, days: float) -> None:
    """Read a message, and be away so long while six more are sent."""
    server.say("2")
    await (await desk.open()).stop()
    for number in range(3, 9):
        server.say(f"{number}", tell=False)
    desk.clock.advance(days * DAY_SECONDS)


@pytest.mark.parametrize(
    ("away", "kept", "row"),
    [
        (10, 7, NoteKind.EXPIRED),
        (10, 30, NoteKind.MISSING),
        (6, 7, NoteKind.MISSING),
        (10, None, NoteKind.MISSING),
    ],
)
async def test_only_what_can_be_old_enough_was_removed(
    desk: Desk, server: FakeServer, away: int, kept: int | None, row: NoteKind
) -> None:
    """A server that claims an expiry hides nothing that is younger than the room keeps messages."""
    await back_after(desk, server, away)
    remove(server, 3, 4, 5, days=kept)
    client = await desk.open()
    assert await kinds(client) == ["2", row, "6", "7", "8"]
    assert list(await client.history.gaps(LOBBY, Seq(0), Seq(9))) == []


@pytest.mark.parametrize("kept", [7, 30])
async def test_the_newest_event_here_may_be_missing_on_the_server(
    desk: Desk, server: FakeServer, kept: int
) -> None:
    """Expired or withheld, it is no other history: the copy stays, and what follows is shown."""
    await back_after(desk, server, 10)
    remove(server, 2, days=kept)
    client = await desk.open(ready=False)
    parted = asyncio.Event()
    client.events.subscribe(lambda change: parted.set() if is_offline(change) else None)
    ends = {asyncio.ensure_future(client.connection.ready()), asyncio.ensure_future(parted.wait())}
    _done, waiting = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
    assert not parted.is_set()
    assert await kinds(client) == ["2", "3", "4", "5", "6", "7", "8"]


async def test_the_newest_event_may_be_the_blank_of_one_that_expired(desk: Desk, server: FakeServer) -> None:
    """It is one row with those before it, the room is complete, and what follows is shown."""
    await back_after(desk, server, 10)
    remove(server, 3, 4, 5, 6, 7, days=7, blank=8)
    client = await desk.open()
    assert await kinds(client) == ["2", NoteKind.EXPIRED]
    (room,) = [room for room in client.rooms.all if room.id == LOBBY]
    assert not room.trouble


async def test_a_device_that_was_complete_lately_is_told_nothing_old(desk: Desk, server: FakeServer) -> None:
    """The room was quiet for long: what is missing after the last look is younger than the look."""
    server.say("2")
    desk.clock.advance(9 * DAY_SECONDS)
    client = await desk.open()
    archive = await desk.archive()
    while await archive.read(setting, CAUGHT_UP) is None:  # noqa: ASYNC110 - a row of the archive
        await asyncio.sleep(0)
    await client.stop()
    for number in range(3, 9):
        server.say(f"{number}", tell=False)
    desk.clock.advance(DAY_SECONDS)
    remove(server, 3, 4, days=7)
    assert (await kinds(await desk.open()))[:2] == ["2", NoteKind.MISSING]


@pytest.mark.parametrize("again", [False, True])
async def test_what_is_skipped_while_connected_is_young(
    desk: Desk, server: FakeServer, *, again: bool
) -> None:
    """The room was quiet for longer than it keeps messages: a leap of its numbers is none of old ones.

    ``again``: the connection was lost and came back lately.
    """
    room = server.rooms[LOBBY]
    room.summary = replace(room.summary, retention=Retention(days=7))
    server.say("2")
    client = await desk.open()
    desk.clock.advance(10 * DAY_SECONDS)
    if again:
        await desk.lose(client)
        await desk.regain(client)
        await desk.lose(client)
        desk.clock.advance(DAY_SECONDS)
    for number in (3, 4):
        server.say(f"{number}", tell=False)
    remove(server, 3, 4, days=7)
    if again:
        server.say("5", tell=False)
        await desk.regain(client)
        await client.connection.ready()
    else:
        await heard(client, lambda change: isinstance(change, EntryAdded), lambda: server.say("5"))
    assert await kinds(client) == ["2", NoteKind.MISSING, "5"]


async def test_scrolling_back_ends_at_what_was_removed(desk: Desk, server: FakeServer) -> None:
    """A new device reads down to the creation of the room; the row is asked for once."""
    for number in range(2, 700):
        server.say(f"{number}", tell=False)
    desk.clock.advance(40 * DAY_SECONDS)
    remove(server, *range(2, 600), days=30)
    client = await desk.open()
    entries = await client.history.timeline(LOBBY, before=Seq(610), limit=100)
    assert [entry.note.kind for entry in entries if entry.note is not None] == [NoteKind.EXPIRED]
    asked = len(server.requests)
    assert len(await client.history.timeline(LOBBY, before=Seq(610), limit=100)) == len(entries)
    assert len(server.requests) == asked


async def test_a_change_is_known_before_it_applies(desk: Desk, server: FakeServer) -> None:
    """The event says what will be kept, and from when on."""
    client = await desk.open()
    later = Millis(BEGIN + 3 * DAY_SECONDS * 1000)
    event = server.append(LOBBY, RetentionSet(7, later), tell=False)

    def tell() -> None:
        for wire in server.wires:
            wire.say(event)

    await heard(client, lambda change: isinstance(change, EntryAdded), tell)
    (room,) = [room for room in client.rooms.all if room.id == LOBBY]
    assert room.retention == Retention(next_days=7, next_from=later)


def test_only_what_is_below_the_number_of_the_server_expired() -> None:
    """What is missing above it is withheld, however old."""
    expiry = Expiry(7, Millis(BEGIN))
    assert expiry.explains(Seq(9), None, kept_from=Seq(10))
    assert not expiry.explains(Seq(10), None, kept_from=Seq(10))
    assert not Expiry(None, Millis(BEGIN)).explains(Seq(9), None, kept_from=Seq(10))


@pytest.mark.parametrize(
    ("days", "removed", "age", "explains"),
    [
        (30, 2, 3, True),  # a shorter retention removed it
        (30, 2, 1.5, False),  # and nothing younger, ever
        (30, 40, 20, False),  # it has aged out
        (30, 40, 31, True),
        (None, 2, 3, True),  # now everything is kept
        (None, 2, 1, False),
        (30, -900, 1.1, True),  # a time that is yet to come counts as a day ago
        (30, -900, 0.9, False),
    ],
)
def test_what_a_shorter_retention_removed_ages_out(
    days: int | None, removed: float, age: float, *, explains: bool
) -> None:
    """``removed_before`` is a time and no length: what is younger than it was never removed by it."""
    now = Millis(1000 * DAY)
    retention = Retention(days=days, removed_before=Millis(now - int(removed * DAY)))
    expiry = Expiry.of(retention, now)
    assert expiry.explains(Seq(9), Millis(now - int(age * DAY)), kept_from=Seq(10)) is explains


def test_only_a_longer_time_is_a_reason_to_look_further_back() -> None:
    """What the one before may have removed stays removed; a shorter one has removed nothing yet."""
    at, earlier = Millis(100 * DAY), Millis(95 * DAY)
    assert lengthened(Retention(days=30), 60, at) == Retention(days=60, removed_before=Millis(70 * DAY))
    assert lengthened(Retention(days=30), None, at) == Retention(removed_before=Millis(70 * DAY))
    kept = Retention(days=30, removed_before=earlier)
    assert lengthened(kept, 60, at) == Retention(days=60, removed_before=earlier)
    for days in (7, 30):
        assert lengthened(Retention(days=30), days, at) == Retention(days=days)


@pytest.mark.parametrize("kept", [30, None])
async def test_a_change_heard_here_excuses_what_went_before_it(
    desk: Desk, server: FakeServer, kept: int | None
) -> None:
    """The room kept messages for a day; they went, and only then its owner let it keep them for longer."""
    for number in range(2, 1500):
        server.say(f"{number}", tell=False)
    desk.clock.advance(3 * DAY_SECONDS)
    remove(server, *range(2, 600), days=1)
    client = await desk.open()
    event = server.append(LOBBY, RetentionSet(kept, Millis(BEGIN)), tell=False)
    later = replace(event, at=Millis(BEGIN + 3 * DAY))

    def tell() -> None:
        for wire in server.wires:
            wire.say(later)

    await heard(client, lambda change: isinstance(change, EntryAdded), tell)
    entries = await client.history.timeline(LOBBY, before=Seq(610), limit=100)
    (row,) = [entry.note for entry in entries if entry.note is not None]
    assert (row.kind, row.detail) == (NoteKind.EXPIRED, expired_text(None))


def test_a_row_has_no_time_for_what_follows_it() -> None:
    """It stands beside a young event, and the old ones that are missing above it were older."""
    now, old = Millis(100 * DAY), Millis(2 * DAY)
    young = LogEvent(LOBBY, Seq(10), Millis(99 * DAY), BOB, LAPTOP, Message(MessageText("new")))
    page = [replace(young, seq=Seq(1), at=old), young]
    ask = History(id=new_request_id(), room=LOBBY, after=Seq(0))
    found = complete(ask, page, kept_from=Seq(10), expiry=Expiry(7, now, complete=old, here=Seq(5)))
    assert [(first_of(one), one.seq, have_expired(one)) for one in found] == [
        (1, 1, False),
        (2, 9, True),
        (10, 10, False),
    ]


@pytest.mark.parametrize(
    ("created", "away", "kept", "row"), [(0, 40, 30, NoteKind.EXPIRED), (90, 3, 7, NoteKind.MISSING)]
)
async def test_copies_on_this_device_stay_beside_what_was_removed(
    desk: Desk, server: FakeServer, created: int, away: int, kept: int, row: NoteKind
) -> None:
    """The row is about those between, which were never here; nothing is asked for again.

    A server that skips more than is fetched at once, and calls it expired, is not believed of what is too
    young, however old the room is (``created`` so many days before).
    """
    log = server.rooms[LOBBY].log
    log[0] = replace(log[0], at=Millis(log[0].at - created * DAY))
    for number in range(2, 9):
        server.say(f"{number}", tell=False)
    await (await desk.open()).stop()
    for number in range(9, LONGEST_CATCH_UP + 200):
        server.say(f"{number}", tell=False)
    desk.clock.advance(away * DAY_SECONDS)
    remove(server, *range(2, LONGEST_CATCH_UP), days=kept)
    client = await desk.open()
    entries = await client.history.timeline(LOBBY, before=Seq(LONGEST_CATCH_UP + 3), limit=500)
    shown = [entry.note.kind if entry.note is not None else entry.text for entry in entries[1:]]
    assert shown == [*map(str, range(2, 9)), row, "10000", "10001", "10002"]
    assert list(await client.history.gaps(LOBBY, Seq(0), Seq(LONGEST_CATCH_UP + 3))) == []


async def test_an_announced_change_is_in_force_when_its_time_has_come(desk: Desk, server: FakeServer) -> None:
    """For views: the server's summary, or what was heard a while ago, still calls it the next one."""
    room = server.rooms[LOBBY]
    starts = Millis(BEGIN + DAY_SECONDS * 1000)
    room.summary = replace(room.summary, retention=Retention(next_days=2, next_from=starts))
    client = await desk.open()
    shown = client.rooms.get(LOBBY)
    assert shown is not None
    assert shown.retention == Retention(next_days=2, next_from=starts)
    desk.clock.advance(DAY_SECONDS)
    shown = client.rooms.get(LOBBY)
    assert shown is not None
    assert shown.retention == Retention(days=2)
