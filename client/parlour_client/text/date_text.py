"""Days: short ones in lists, and sentences about going to a day of a room's history."""

from datetime import datetime
from typing import Final

from parlour_client.kit.language import N_, _
from parlour_protocol.kit.ids import Millis

_WEEKDAYS: Final = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
_MONTHS: Final = (
    N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun"), N_("Jul"), N_("Aug"), N_("Sep"),
    N_("Oct"), N_("Nov"), N_("Dec"),
)  # fmt: skip
_LAST_TIME: Final = 253_402_000_000_000
"""The year 9999: a server may write any number."""


def short_day(at: Millis, now: Millis) -> str:
    """Return the local day as short as it is clear: `today`, `Sat 28`, `12 Nov`, `12 Nov 2025`."""
    local, today = _local(at), _local(now)
    ago = today.toordinal() - local.toordinal()
    parts = {"weekday": _(_WEEKDAYS[local.weekday()]), "day": local.day, "month": _(_MONTHS[local.month - 1])}
    if ago == 0:
        return _("today")
    if 0 < ago < 7:  # noqa: PLR2004 - days of a week
        return _("{weekday} {day}").format(**parts)
    if local.year == today.year:
        return _("{day} {month}").format(**parts)
    return _("{day} {month} {year}").format(**parts, year=local.year)


def _local(at: Millis) -> datetime:
    return datetime.fromtimestamp(min(at, _LAST_TIME) / 1000).astimezone()


def day_found(wanted: Millis, first: Millis | None, *, is_that_day: bool) -> str:
    """Say what is there instead of the day that was wanted; empty if it is that day."""
    if first is None:
        return _("Nothing here is from {date} or later.").format(date=iso_day(wanted))
    if not is_that_day:
        return _("Nothing here is from {date}. The next message is from {next}.").format(
            date=iso_day(wanted), next=iso_day(first)
        )
    return ""


def iso_day(at: Millis) -> str:
    """Return a day in the person's time zone, `2026-12-01`."""
    return _local(at).strftime("%Y-%m-%d")


def iso_minute(at: Millis) -> str:
    """Return a moment in the person's time zone as other programs read it: `2026-12-01 07:31`."""
    return _local(at).strftime("%Y-%m-%d %H:%M")
