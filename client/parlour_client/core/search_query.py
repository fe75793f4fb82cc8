"""The search language: words, "phrases", and `from: in: on: before: after: has: is:`, parsed into one value.

Input that cannot be understood is refused with a sentence that says what can be written; nothing is guessed,
and nothing typed is passed on to the database as it is.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.errors import ParlourProtocolError
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName, parse_user_name

MAX_WORDS: Final = 16
HAS: Final = ("link", "file", "reaction")
IS: Final = ("unread", "mention", "starred", "edited", "mine")
KEYS: Final = ("from", "in", "on", "before", "after", "has", "is")
HELP: Final = (
    "from:NAME  in:ROOM  on:DATE  before:DATE  after:DATE  has:link|file|reaction  "
    'is:unread|mention|starred|edited|mine  "exact words"'
)

_TOKEN: Final = re.compile(r'(?:([a-z]+):)?("[^"]*"?|\S+)', re.IGNORECASE)
_WRITE_A_DATE: Final = N_(
    "A date is 2026-11-24, 2026-11, 2026, today, yesterday, or how long ago: 3h, 7d, 2w."
)
_LATEST: Final = Millis(1 << 62)
_AGO: Final = re.compile(r"(\d{1,4})([hdw])")
_HOURS: Final = {"h": 1, "d": 24, "w": 168}


class QueryError(SetupError):
    """The search cannot be understood."""

    def __init__(self, text: str) -> None:
        super().__init__(text, _("Write words and any of: {help}").format(help=HELP))


@dataclass(slots=True)
class Query:
    """The conditions of a search. Several people or rooms: any of them; everything else: all of it."""

    phrases: list[str] = field(default_factory=list)
    """Words, or phrases of several words; the last one may be unfinished if ``unfinished``."""
    unfinished: bool = False
    people: list[UserName] = field(default_factory=list)
    rooms: list[RoomId] = field(default_factory=list)
    before: Millis | None = None
    after: Millis | None = None
    has: set[str] = field(default_factory=set)
    states: set[str] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing."""
        return self == Query()


FindRooms = Callable[[str], Sequence[RoomId]]
"""Returns the rooms with a name, typed without `#` or `@`; empty if there are none."""


def parse(text: str, find_rooms: FindRooms, now: Millis) -> Query:
    """Parse a search. Raises QueryError."""
    query = Query()
    query.phrases, query.unfinished = words_of(text)
    for key, raw in _tokens(text):
        name, value = key.lower(), _value(raw)
        if name in KEYS:
            _restrict(query, name, value, find_rooms, now)
        elif name in _NEARLY:
            raise QueryError(
                _("There is no {name}: in a search; write {nearly}:.").format(name=name, nearly=_NEARLY[name])
            )
        elif _lacks_value(key, raw):
            raise QueryError(_("Write something after {key}.").format(key=raw.lower()))
    if len(query.phrases) > MAX_WORDS:
        raise QueryError(_("A search takes {most} words at most.").format(most=MAX_WORDS))
    if any(not any(map(_is_found, words)) for words in query.phrases):
        raise QueryError(_("Only letters, digits and emoji can be found."))
    if query.before is not None and query.after is not None and query.before <= query.after:
        raise QueryError(_("before: must be later than after:, or nothing can be found."))
    return query


def words_of(text: str) -> tuple[list[str], bool]:
    """Return the words and phrases of a search, without what restricts it; and whether the last may go on."""
    phrases, unfinished = list[str](), False
    for key, raw in _tokens(text):
        words = (f"{key}:" if key else "") + _value(raw)
        if key.lower() not in {*KEYS, *_NEARLY} and not _lacks_value(key, raw) and words.strip():
            phrases.append(words)
            unfinished = not raw.endswith('"')
    return phrases, unfinished


def _tokens(text: str) -> list[tuple[str, str]]:
    """Return each part of a search: the key before a colon, or nothing, and what was typed behind it."""
    return _TOKEN.findall(text.replace("\0", " "))


def _value(raw: str) -> str:
    return raw.strip('"').strip()


def _lacks_value(key: str, raw: str) -> bool:
    return not key and raw.endswith(":") and raw.lower().removesuffix(":") in KEYS


_NEARLY: Final = {
    "by": "from",
    "author": "from",
    "user": "from",
    "room": "in",
    "since": "after",
    "until": "before",
}


def _is_found(letter: str) -> bool:
    return letter.isalnum() or ord(letter) > 0x2000  # noqa: PLR2004 - emoji and other scripts; FTS5 decides


def _restrict(query: Query, key: str, value: str, find_rooms: FindRooms, now: Millis) -> None:
    if not value:
        raise QueryError(_("Write something after {key}:.").format(key=key))
    match key:
        case "from":
            query.people.append(_person(value))
        case "in":
            found = find_rooms(value.lstrip("#"))
            if not found:
                raise QueryError(
                    _("You have no room with that name; in: takes the name of one of your rooms.")
                )
            query.rooms += found
        case "on":
            first, end = days(value, now)
            query.after, query.before = max(first, query.after or first), min(end, query.before or end)
        case "before":
            query.before = min(_time(value, now), query.before or _LATEST)
        case "after":
            query.after = max(_time(value, now), query.after or Millis(0))
        case "has":
            query.has.add(_one_of("has", value, HAS))
        case _:
            query.states.add(_one_of("is", value, IS))


def _person(value: str) -> UserName:
    try:
        return parse_user_name(value.lstrip("@").lower())
    except ParlourProtocolError as error:
        raise QueryError(_("from: takes a person's name.")) from error


def _one_of(key: str, value: str, allowed: Sequence[str]) -> str:
    if value.lower() not in allowed:
        raise QueryError(_("{key}: takes one of {allowed}.").format(key=key, allowed=", ".join(allowed)))
    return value.lower()


def _time(value: str, now: Millis) -> Millis:
    """Parse `2026-11-24`, `2026-11`, `2026`, `today`, `yesterday`, or `3h`, `7d`, `2w` ago."""
    here = datetime.fromtimestamp(now / 1000).astimezone()
    if ago := _AGO.fullmatch(value.lower()):
        moment = here - timedelta(hours=int(ago[1]) * _HOURS[ago[2]])
    elif value.lower() in {"today", "yesterday"}:
        moment = here.replace(hour=0, minute=0, second=0, microsecond=0)
        moment -= timedelta(days=value.lower() == "yesterday")
    else:
        moment = _date(value)
    return Millis(max(0, int(moment.timestamp() * 1000)))


def days(value: str, now: Millis) -> tuple[Millis, Millis]:
    """Parse a date, and return when it begins and ends: a day, or the month or year that was written.

    Raises QueryError.
    """
    begin = datetime.fromtimestamp(_time(value, now) / 1000).replace(  # noqa: DTZ006 - the person's own days
        hour=0, minute=0, second=0, microsecond=0
    )
    is_date = value[:1].isdigit() and value[-1:].isdigit()
    length = (366, 31, 1)[value.count("-") if is_date else 2]
    try:
        end = begin + timedelta(days=length)
        end = end.replace(day=1) if length > 1 else end
        end = end.replace(month=1) if length > 31 else end  # noqa: PLR2004 - a year
        return _millis(begin), _millis(end)
    except (ValueError, OverflowError, OSError) as error:
        raise QueryError(_(_WRITE_A_DATE)) from error


def _millis(moment: datetime) -> Millis:
    return Millis(max(0, int(moment.astimezone().timestamp() * 1000)))


def _date(value: str) -> datetime:
    parts = value.split("-")
    try:
        numbers = [int(part) for part in parts if part.isascii() and part.isdigit()]
        if len(numbers) != len(parts) or len(parts) > 3:  # noqa: PLR2004 - year, month, day
            raise ValueError
        year, month, day = [*numbers, 1, 1][:3]
        return datetime(year, month, day).astimezone()
    except (ValueError, OverflowError, OSError) as error:
        raise QueryError(_(_WRITE_A_DATE)) from error
