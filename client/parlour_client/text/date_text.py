"""Sentences about going to a day of a room's history."""

from datetime import datetime

from parlour_client.kit.language import _
from parlour_protocol.kit.ids import Millis


def day_found(wanted: Millis, first: Millis | None, *, is_that_day: bool) -> str:
    """Say what is there instead of the day that was wanted; empty if it is that day."""
    if first is None:
        return _("Nothing here is from {date} or later.").format(date=_date(wanted))
    if not is_that_day:
        return _("Nothing here is from {date}. The next message is from {next}.").format(
            date=_date(wanted), next=_date(first)
        )
    return ""


def _date(at: Millis) -> str:
    return datetime.fromtimestamp(at / 1000).astimezone().strftime("%Y-%m-%d")


def iso_minute(at: Millis) -> str:
    """Return a moment in the person's time zone as other programs read it: `2026-12-01 07:31`."""
    return datetime.fromtimestamp(at / 1000).astimezone().strftime("%Y-%m-%d %H:%M")
