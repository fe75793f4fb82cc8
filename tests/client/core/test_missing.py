"""A page as it is taken: in order, each number once, and a row for what was left out of it."""

import pytest
from msgspec.structs import replace
from tests.client.core.core_fake import GARDEN, LOBBY, FakeServer

from parlour_client.core.missing import Missing, complete, first_of, missing_words
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.requests import History
from parlour_protocol.ids import Seq, new_request_id

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
    return [(first_of(one), one.seq) if isinstance(one, Missing) else one.seq for one in found]


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
    """N10: whatever comes, what is taken is in order, and a run that lacks is one `Missing`."""
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
    assert missing_words(Seq(17), Seq(17)) == "The server shows no event 17 here: 1 event is missing."
    assert missing_words(Seq(3), Seq(4)) == "The server shows no events 3 to 4 here: 2 events are missing."
