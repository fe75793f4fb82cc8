"""The search language: what is understood, and what is refused with which sentence."""

import contextlib
import time
from datetime import datetime, timedelta

import pytest

from parlour_client.core.search_query import Query, QueryError, days, parse
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis

GARDEN = RoomId("G" * 22)
NOW = Millis(1_795_500_000_000)


def read(text: str) -> Query:
    """Read a search by someone who has one room."""
    return parse(text, lambda name: [GARDEN] if name == "garden" else [], NOW)


def day(*numbers: int) -> int:
    """Return the beginning of a day here, in milliseconds."""
    return int(datetime(*numbers).astimezone().timestamp() * 1000)  # type: ignore[arg-type]


def test_words_phrases_and_restrictions() -> None:
    """Everything at once, in any order; the last word is unfinished, a phrase is not."""
    query = read('honey from:@Bob "first of all" in:#garden has:link is:unread is:mention bee')
    assert query.phrases == ["honey", "first of all", "bee"]
    assert query.unfinished
    assert query.people == ["bob"]
    assert query.rooms == [GARDEN]
    assert (query.has, query.states) == ({"link"}, {"unread", "mention"})
    assert not read('"first of all"').unfinished


def test_nothing_is_nothing() -> None:
    """Spaces ask for nothing, and one restriction is something."""
    assert read("  ").is_empty
    assert not read("is:mine").is_empty


@pytest.mark.parametrize(
    ("written", "meant"),
    [("2026-11-24", (2026, 11, 24)), ("2026-11", (2026, 11, 1)), ("2026", (2026, 1, 1))],
)
def test_dates(written: str, meant: tuple[int, int, int]) -> None:
    """A day, a month, a year; by the clock of this machine's place."""
    assert read(f"after:{written}").after == day(*meant)
    assert read(f"before:{written}").before == day(*meant)


def test_relative_times() -> None:
    """Hours, days and weeks ago, today, yesterday."""
    assert read("after:3h").after == NOW - 3 * 3_600_000
    assert (
        abs((read("after:2w").after or 0) - (NOW - 14 * 86_400_000)) <= 3_600_000
    )  # a clock may have changed
    today = datetime.fromtimestamp(NOW / 1000).astimezone()
    assert read("after:today").after == day(today.year, today.month, today.day)
    assert (read("after:yesterday").after or 0) < (read("after:today").after or 0)


@pytest.mark.parametrize(
    ("written", "begin", "end"),
    [
        ("2026-11-24", (2026, 11, 24), (2026, 11, 25)),
        ("2026-12", (2026, 12, 1), (2027, 1, 1)),
        ("2028-02", (2028, 2, 1), (2028, 3, 1)),
        ("2026", (2026, 1, 1), (2027, 1, 1)),
        ("2028", (2028, 1, 1), (2029, 1, 1)),
    ],
)
def test_on_is_a_whole_day_month_or_year(
    written: str, begin: tuple[int, int, int], end: tuple[int, int, int]
) -> None:
    """From its first moment to the first of the next one."""
    query = read(f"on:{written}")
    assert (query.after, query.before) == (day(*begin), day(*end))
    assert days(written, NOW) == (day(*begin), day(*end))


@pytest.mark.parametrize(("written", "hours"), [("today", 0), ("yesterday", 24), ("2d", 48), ("50h", 50)])
def test_on_takes_how_long_ago(written: str, hours: int) -> None:
    """The day on which that was, whole."""
    wanted = datetime.fromtimestamp(NOW / 1000).astimezone() - timedelta(hours=hours)
    query = read(f"on:{written}")
    assert query.after == day(wanted.year, wanted.month, wanted.day)
    assert (query.before or 0) - (query.after or 0) >= 82_800_000


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("on:9999", "A date is 2026-11-24"),
        ("on:2026-11-24 after:2027", "before: must be later than after:"),
        ("has:bees", "has: takes one of link, file, reaction."),
        ("is:red", "is: takes one of unread, mention, starred, edited, mine."),
        ("in:attic", "You have no room with that name"),
        ("from:b\u202eb", "from: takes a person's name."),
        ("before:soon", "A date is 2026-11-24"),
        ("before:2026-13-01", "A date is 2026-11-24"),
        ("before:99999", "A date is 2026-11-24"),
        ("after:2026 before:2025", "before: must be later than after:"),
        ("from:", "Write something after from:."),
        ("author:bob", "There is no author: in a search; write from:."),
        ("?!", "Only letters, digits and emoji can be found."),
        (" ".join(["word"] * 17), "A search takes 16 words at most."),
    ],
)
def test_what_is_wrong_is_a_sentence(written: str, told: str) -> None:
    """Each mistake is told, with what can be written."""
    with pytest.raises(QueryError, match=told.replace(".", r"\.").replace("?", r"\?")) as caught:
        read(written)
    assert "from:NAME" in caught.value.hint
    assert "\u202e" not in str(caught.value)


def test_a_link_is_words() -> None:
    """A colon in a word is no restriction."""
    assert read("https://bees.example/x").phrases == ["https://bees.example/x"]
    assert read("note:well").phrases == ["note:well"]


def test_a_hostile_search_costs_nothing() -> None:
    """A long line is read in time that grows with its length alone."""
    start = time.process_time()
    for line in ('"' * 20_001, "a:" * 20_000, '"a' * 20_000, "from:" * 20_000):
        with contextlib.suppress(QueryError):
            read(line)
    assert time.process_time() - start < 1
