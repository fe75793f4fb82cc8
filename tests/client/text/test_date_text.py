"""Days and times, whatever number a server or a member writes for one."""

from datetime import datetime

from parlour_client.core.e2ee.group.statements import day
from parlour_client.text.date_text import clock, day_and_time, iso_day, short_day, short_time
from parlour_protocol.kit.ids import Millis


def test_there_is_a_day_for_every_number() -> None:
    """Behind the year 9999 Python knows none: a page or a copy would end the app."""
    late = Millis(2**53 - 1)
    assert {word[:4] for word in (iso_day(late), day_and_time(late), day(late))} == {"9999"}
    assert short_day(late, Millis(0)).endswith("9999")


def test_a_time_is_as_short_as_it_is_clear() -> None:
    """Only the time on the same day; a day to come has no weekday, which would be read as the last one."""
    now = Millis(int(datetime(2026, 12, 2, 7, 0).timestamp()) * 1000)  # noqa: DTZ001 - the person's own
    hour = 3_600_000
    shown = [short_time(Millis(now + step * hour), now) for step in (-7, -8, 16, 17, 24 * 40, -24 * 300)]
    assert shown == ["00:00", "Tue 1 23:00", "23:00", "3 Dec 00:00", "11 Jan 2027 07:00", "5 Feb 07:00"]
    assert clock(now, seconds=True) == "07:00:00"
