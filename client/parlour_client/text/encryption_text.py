"""Texts about encryption that every view shares."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from parlour_client.core.e2ee.status import RoomPerson, Trust
from parlour_client.core.model import display_name
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName

TRUST: Final = {
    Trust.UNKNOWN: "no key known",
    Trust.FIRST_SEEN: "first seen, not verified",
    Trust.VERIFIED: "verified",
    Trust.CHANGED: "KEY CHANGED: nothing is sent until you decide",
}

WON: Final = "From now on only members' devices can read what is written here; the server can't."
LOST: Final = (
    "You can't turn it off again.",
    "People who join later can't read earlier messages, and neither can a new device of yours.",
    "The server can't search it, preview links, or moderate what is written.",
    "Bots need a device of their own in the room. Webhooks can't write here.",
    "The server still sees names, members, the topic, times and sizes.",
    "Earlier messages stay as they are: the server can read them.",
)
"""The disadvantages of turning encryption on."""


def admitted_by_encrypting(people: Sequence[UserName]) -> str:
    """Say whom turning encryption on admits: the server made this list, so the person has to check it."""
    if not people:
        return "According to the server, no one is here but you."
    names = ", ".join(map(display_name, people))
    return (
        f"According to the server, these people are here besides you: {names}. Only they are admitted. "
        "If someone doesn't belong here, remove them first."
    )


RENEWED: Final = "From now on the members of this room decide who is in it."


def admission_words(person: RoomPerson) -> str:
    """Say who someone is in the room, who admitted them, and when."""
    role = "" if person.role is None else f", {person.role.value}"
    return f"{display_name(person.user)}{role}: {how_admitted(person)}"


def how_admitted(person: RoomPerson) -> str:
    """Say who admitted someone, and when."""
    when = "" if person.admitted_at is None else f" on {_day(person.admitted_at)}"
    if person.admitted_by is None:
        return "listed only by the server"
    if person.admitted_by == person.user:
        return f"{'created the encrypted room' if person.founder else 'joined by themselves'}{when}"
    return f"admitted by {display_name(person.admitted_by)}{when}"


def renewed_person(person: RoomPerson) -> str:
    """Say of someone in an older room what the owner should check."""
    role = "" if person.role is None else f", {person.role.value}"
    count = "one device" if len(person.devices) == 1 else f"{len(person.devices)} devices"
    return f"{display_name(person.user)}{role}, {count}"


def admissions(people: Sequence[RoomPerson]) -> Sequence[str]:
    """Say who admitted whom, if members decide that."""
    return [admission_words(one) for one in people if one.admitted_by is not None]


def _day(at: Millis) -> str:
    return f"{datetime.fromtimestamp(at / 1000, tz=UTC).astimezone():%Y-%m-%d}"
