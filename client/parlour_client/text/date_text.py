"""Local days and times, long and short, and sentences about going to a day of a room's history."""

from datetime import datetime
from typing import Final

from parlour_client.kit.language import N_, _
from parlour_protocol.kit.ids import Millis

# Our own words: strftime("%A") follows the locale.
_WEEKDAYS: Final = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
_MONTHS: Final = (
    N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun"), N_("Jul"), N_("Aug"), N_("Sep"),
    N_("Oct"), N_("Nov"), N_("Dec"),
)  # fmt: skip
_LONG_WEEKDAYS: Final = (
    N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday"),
)  # fmt: skip
_LONG_MONTHS: Final = (
    N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"),
    N_("August"), N_("September"), N_("October"), N_("November"), N_("December"),
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


def short_time(at: Millis, now: Millis) -> str:
    """Return the local time as short as it is clear: `14:02` on the day of ``now``, else `Sat 28 14:02`."""
    return clock(at) if day_number(at) == day_number(now) else f"{short_day(at, now)} {clock(at)}"


def clock(at: Millis, *, seconds: bool = False) -> str:
    """Return the local time, `14:02`, or `14:02:07`."""
    return _local(at).strftime("%H:%M:%S" if seconds else "%H:%M")


def stamp(at: Millis, timestamps: str) -> str:
    """Return the time of a message, as precise as the setting says; `off`: empty."""
    if timestamps == "off":
        return ""
    return clock(at, seconds=timestamps == "seconds")


def day(at: Millis) -> str:
    """Return the local day, `Tuesday 24 November 2026`."""
    local = _local(at)
    return _("{weekday} {day} {month} {year}").format(
        weekday=_(_LONG_WEEKDAYS[local.weekday()]),
        day=local.day,
        month=_(_LONG_MONTHS[local.month - 1]),
        year=local.year,
    )


def day_number(at: Millis) -> int:
    """Return a number that is the same for all times of one local day."""
    return _local(at).toordinal()


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


def day_and_time(at: Millis) -> str:
    """Return a time in the person's time zone as other programs read it: `2026-12-01 07:31`."""
    return _local(at).strftime("%Y-%m-%d %H:%M")
