"""A page as it is taken: in order, each number once, and a row for what was left out of it."""

import pytest
from msgspec.structs import replace
from tests.client.core.client_parts import parts
from tests.client.core.core_fake import GARDEN, LOBBY, Desk, FakeServer

from parlour_client.core.archive import insertion, outbox_table
from parlour_client.core.archive.outbox_table import Place
from parlour_client.core.room_log.expiry import Expiry
from parlour_client.core.room_log.missing import (
    DEVICE,
    MissingEvents,
    Reason,
    complete,
    first_of,
    withheld_text,
)
from parlour_client.core.room_log.numbering import Numbering
from parlour_protocol.frames import LogEvent, MessageText
from parlour_protocol.frames.bodies import Unreadable
from parlour_protocol.frames.requests import History, Send
from parlour_protocol.kit.ids import Millis, Seq, new_request_id

AFTER, BEFORE, NEWEST = {"after": Seq(2)}, {"before": Seq(8)}, {}


@pytest.fixture
def log() -> list[LogEvent]:
    """Return nine events of the lobby."""
    server = FakeServer()
    return [server.say(f"{number}", tell=False) for number in range(2, 11)]


def stretches(
    events: list[LogEvent] | tuple[LogEvent, ...], where: dict[str, Seq]
) -> list[int | tuple[int, int]]:
    """Return the numbers that a page has, and the runs that it says are missing."""
    found = complete(History(id=new_request_id(), room=LOBBY, **where), events)
    return [(first_of(one), one.seq) if isinstance(one, MissingEvents) else one.seq for one in found]


@pytest.mark.parametrize(
    ("numbers", "where", "wanted"),
    [
        ([], AFTER, []),
        ([3, 4, 5], AFTER, [3, 4, 5]),
        ([5, 4, 3], AFTER, [3, 4, 5]),
        ([3, 3, 4], AFTER, [3, 4]),
        ([4, 5], AFTER, [(3, 3), 4, 5]),
        ([3, 6, 9], AFTER, [3, (4, 5), 6, (7, 8), 9]),
        ([2], AFTER, []),
        ([5, 6, 7], BEFORE, [5, 6, 7]),
        ([5, 6], BEFORE, [5, 6, (7, 7)]),
        ([3, 5, 9], BEFORE, [3, (4, 4), 5, (6, 7)]),
        ([9, 10], BEFORE, []),
        ([8, 10], NEWEST, [8, (9, 9), 10]),
    ],
)
def test_a_page_is_put_in_order_and_says_what_it_lacks(
    log: list[LogEvent], numbers: list[int], where: dict[str, Seq], wanted: list[int | tuple[int, int]]
) -> None:
    """N10: whatever comes, what is taken is in order, and a run that lacks is one `MissingEvents`."""
    assert stretches([log[number - 2] for number in numbers], where) == wanted


def test_of_two_events_with_one_number_the_first_counts(log: list[LogEvent]) -> None:
    """As everywhere: what was there first stays."""
    other = replace(log[5], seq=log[1].seq)
    (kept,) = complete(History(id=new_request_id(), room=LOBBY, after=Seq(2)), [log[1], other])
    assert kept is log[1]


def test_an_event_of_another_room_fills_no_place(log: list[LogEvent]) -> None:
    """N10: a message of one room is not shown in another."""
    page = [log[1], replace(log[2], room=GARDEN), log[3]]
    assert stretches(page, AFTER) == [3, (4, 4), 5]


def test_words() -> None:
    """One event, and several."""
    assert withheld_text(Seq(17), Seq(17)) == "The server does not show event 17: 1 event is missing."
    assert withheld_text(Seq(3), Seq(4)) == "The server does not show events 3 to 4: 2 events are missing."


def test_numbers_that_the_server_gave_up_are_not_missing(log: list[LogEvent]) -> None:
    """R31: after a rollback lost numbers are not to be shown; what it skips of its own is told."""
    numbers = Numbering().forked(Seq(3), Seq(6))  # 4 to 6 are lost here, its 4 is 7
    ask = History(id=new_request_id(), room=LOBBY, after=Seq(2))
    found = complete(ask, [log[1], log[5]], numbers)
    assert [one.seq for one in found] == [3, 7]
    found = complete(ask, [log[1], log[7]], numbers)
    assert [(first_of(one), one.seq) for one in found] == [(3, 3), (7, 8), (9, 9)]


@pytest.mark.parametrize("reason", Reason)
async def test_a_message_whose_place_is_not_shown_stays_with_its_writer(
    desk: Desk, server: FakeServer, reason: Reason
) -> None:
    """N13: a row that says that events are missing is not the event that the server said it stored there."""
    client = await desk.open()
    archive = parts(client).archive
    later = replace(server.say("later", tell=False), seq=Seq(5))
    hole = complete(
        History(id=new_request_id(), room=LOBBY, after=Seq(1)),
        [later],
        kept_from=Seq(5 if reason is Reason.EXPIRED else 0),
        expiry=Expiry(7, Millis(later.at + 30 * 86_400_000)),
    )
    assert isinstance(hole[0], MissingEvents)
    assert hole[0].reason is reason
    for seq in (4, 3, 4):  # where the row will stand; within the run; where it stands
        frame = Send(id=new_request_id(), room=LOBBY, text=MessageText.parse("mine"))
        await archive.write_durably(outbox_table.put, LOBBY, [frame], Millis(1))
        assert await archive.write(outbox_table.acknowledge, frame.id, LOBBY, Seq(seq)) is Place.AHEAD
        await archive.write(insertion.add, hole, [False, False], Seq(5))
        assert frame.id in {one.frame.id for one in await archive.read(outbox_table.load)}


@pytest.mark.parametrize("reason", Reason)
async def test_a_run_that_a_row_covers_makes_no_second_one(
    desk: Desk, server: FakeServer, reason: Reason
) -> None:
    """N12: it is asked for from the other side, too."""
    archive = parts(await desk.open()).archive
    later = server.say("later", tell=False)
    row = MissingEvents(LOBBY, Seq(14), later.at, later.author, DEVICE, Unreadable(), Seq(10), reason, 7)
    assert len(await archive.write(insertion.add, [row], [False], Seq(14))) == 1
    again = replace(row, first=Seq(11), seq=Seq(13))
    assert await archive.write(insertion.add, [again], [False], Seq(14)) == []
