"""Texts about encryption that every view shares."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from parlour_client.core.e2ee.status import RoomPerson, Trust
from parlour_client.core.model import display_name
from parlour_client.kit.language import N_, _
from parlour_client.text.words import role_word
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName

TRUST: Final = {
    Trust.UNKNOWN: N_("no key known"),
    Trust.FIRST_SEEN: N_("first seen, not verified"),
    Trust.VERIFIED: N_("verified"),
    Trust.CHANGED: N_("KEY CHANGED: nothing is sent until you decide"),
}

WON: Final = N_("From now on only members' devices can read what is written here; the server can't.")
LOST: Final = (
    N_("You can't turn it off again."),
    N_("People who join later can't read earlier messages, and neither can a new device of yours."),
    N_("The server can't search it, preview links, or moderate what is written."),
    N_("Bots need a device of their own in the room. Webhooks can't write here."),
    N_("The server still sees names, members, the topic, times and sizes."),
    N_("Earlier messages stay as they are: the server can read them."),
)
"""The disadvantages of turning encryption on."""


def admitted_by_encrypting(people: Sequence[UserName]) -> str:
    """Say whom turning encryption on admits: the server made this list, so the person has to check it."""
    if not people:
        return _("According to the server, no one is here but you.")
    names = ", ".join(map(display_name, people))
    return _(
        "According to the server, these people are here besides you: {names}. Only they can "
        "read it then. If someone doesn't belong here, kick them first."
    ).format(names=names)


def admission_words(person: RoomPerson) -> str:
    """Say who someone is in the room, who admitted them, and when."""
    role = "" if person.role is None else f", {role_word(person.role)}"
    return f"{display_name(person.user)}{role}: {how_admitted(person)}"


def how_admitted(person: RoomPerson) -> str:
    """Say who admitted someone, and when."""
    when = "" if person.admitted_at is None else _(" on {day}").format(day=_day(person.admitted_at))
    if person.admitted_by is None:
        return _("listed only by the server")
    if person.admitted_by == person.user:
        how = _("created the encrypted room") if person.founder else _("joined by themselves")
        return f"{how}{when}"
    return _("let in by {member}{when}").format(member=display_name(person.admitted_by), when=when)


def admissions(people: Sequence[RoomPerson]) -> Sequence[str]:
    """Say who admitted whom, if members decide that."""
    return [admission_words(one) for one in people if one.admitted_by is not None]


def _day(at: Millis) -> str:
    return f"{datetime.fromtimestamp(at / 1000, tz=UTC).astimezone():%Y-%m-%d}"
