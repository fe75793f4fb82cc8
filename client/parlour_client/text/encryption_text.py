"""Texts about encryption that every view shares."""

from collections.abc import Sequence
from typing import Final

from parlour_client.core.e2ee.values import RoomPerson, SasVerification, Trust
from parlour_client.core.model import display_name
from parlour_client.kit.language import N_, _
from parlour_client.text.date_text import iso_day
from parlour_client.text.untrusted_text import shown
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
        "read it then. If someone doesn't belong here, remove them first."
    ).format(names=names)


def how_admitted(person: RoomPerson) -> str:
    """Say who admitted someone, and when."""
    when = "" if person.admitted_at is None else _(" on {day}").format(day=iso_day(person.admitted_at))
    if person.admitted_by is None:
        return _("listed only by the server")
    if person.admitted_by == person.user:
        how = _("created the encrypted room") if person.founder else _("joined by themselves")
        return f"{how}{when}"
    return _("let in by {member}{when}").format(member=display_name(person.admitted_by), when=when)


def label_line(title: str, label: str, problem: str) -> str:
    """Return a room's label and problems."""
    heard = shown(label).replace(" · ", ", ")  # a screen reader reads the dot aloud
    return _("{title}, encryption: {label}.{problem}").format(
        title=title,
        label=heard,
        problem=_(" Problem: {problem}").format(problem=shown(problem)) if problem else "",
    )


def sas_line(process: SasVerification, before: SasVerification | None = None) -> str:
    """Return the state of a verification by short words."""
    if process.ended:
        return _("Short words with {peer} ended: {ended}.").format(
            peer=process.peer, ended=shown(process.ended)
        )
    if process.words and (before is None or not before.words or before == process):
        return _(
            "Short words with {peer}: {words}. Read them to each other, not over this chat. If they "
            "match: /words and all five words. If not: /words no."
        ).format(peer=process.peer, words=" ".join(process.words))
    if process.they_confirmed and not (before is not None and before.they_confirmed):
        return _("{peer} confirmed that the words match.").format(peer=process.peer)
    if before is None and not process.started_by_us:
        return _("{peer} wants to compare short words with you. Continue with /words.").format(
            peer=process.peer
        )
    return ""
