"""Days, whatever number a server or a member writes for one."""

from parlour_client.core.e2ee.group.statements import day
from parlour_client.text.date_text import iso_day, iso_minute, short_day
from parlour_protocol.kit.ids import Millis


def test_there_is_a_day_for_every_number() -> None:
    """Behind the year 9999 Python knows none: a page or a copy would end the app."""
    late = Millis(2**53 - 1)
    assert {word[:4] for word in (iso_day(late), iso_minute(late), day(late))} == {"9999"}
    assert short_day(late, Millis(0)).endswith("9999")
