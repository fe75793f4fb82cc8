"""`/encryption`: one page with everything that is known of a room's encryption, problems first.

Members and who admitted them, devices, the server's claims, the room's digits, what the server sees and what
was not audited. It only shows; keys and trust change elsewhere.
"""

from collections.abc import Iterator

from textual.content import Content

from parlour_client.commands.results import EncryptionShown
from parlour_client.core.e2ee.values import MemberDevice, RoomPerson, RoomReport, Trust
from parlour_client.core.model import display_name
from parlour_client.kit.language import _
from parlour_client.kit.widgets.safe import filled, join, lines, own, peer_line
from parlour_client.text.date_text import clock, day
from parlour_client.text.encryption_text import TRUST, how_admitted
from parlour_client.text.words import role_word
from parlour_client.ui.dialogs.page import Page
from parlour_protocol.kit.names import UserName

TRUST_WORDS = {
    Trust.UNKNOWN: (TRUST[Trust.UNKNOWN], "dim"),
    Trust.FIRST_SEEN: (TRUST[Trust.FIRST_SEEN], "$text-warning"),
    Trust.VERIFIED: (TRUST[Trust.VERIFIED], "$text-success"),
    Trust.CHANGED: (TRUST[Trust.CHANGED], "bold $text-error"),
}


def report_page(found: EncryptionShown) -> Page:
    """Return the page."""
    title = peer_line(found.room.title, style="bold")
    return Page(filled(_("Encryption of {room}"), "bold", room=title), lines(*_parts(found.report)))


def _parts(report: RoomReport) -> Iterator[Content]:
    yield peer_line(report.label)
    if report.problem:
        yield _warning(report.problem)
    for sentence in (*report.claims, *report.void_invitations):
        if sentence not in report.problem:
            yield _warning(sentence)
    yield own("")
    yield own(_("Who can read new messages"), "bold")
    people = {person.user: person for person in report.people if person.admitted_by is not None}
    for user, devices in _by_user(report).items():
        yield from _person(user, devices, people.get(user))
    for user in report.without_device:
        yield join(
            _name(user),
            own("  "),
            own(_("no device in the group yet, can't read this room")),
        )
        yield from _admission(people.get(user))
    if report.authenticator:
        yield own("")
        yield own(_("The room's digits (epoch {epoch})").format(epoch=report.epoch), "bold")
        yield peer_line(report.authenticator)
        yield own(
            _("If two devices show the same digits, they are in the same group with the same members."), "dim"
        )
    if report.last_change is not None:
        yield own("")
        yield own(
            _("This device last renewed its keys here: {day} {time}").format(
                day=day(report.last_change), time=clock(report.last_change)
            )
        )
    if report.keys:
        yield own("")
        yield own(_("Key strength"), "bold")
        yield peer_line(report.keys, limit=400)
    yield own("")
    yield own(_("What the server sees"), "bold")
    for sentence in report.server_sees:
        yield join(own("· "), peer_line(sentence))
    yield own("")
    yield peer_line(report.assurance, limit=400, style="dim")


def _name(user: UserName) -> Content:
    return peer_line(display_name(user), style="bold")


def _warning(sentence: str) -> Content:
    return join(own("! ", "bold $text-error"), peer_line(sentence, limit=400, style="bold $text-error"))


def _by_user(report: RoomReport) -> dict[UserName, list[MemberDevice]]:
    found: dict[UserName, list[MemberDevice]] = {}
    for member in report.members:
        found.setdefault(member.user, []).append(member)
    return found


def _person(user: UserName, devices: list[MemberDevice], person: RoomPerson | None) -> Iterator[Content]:
    words, style = TRUST_WORDS[devices[0].trust]
    mine = devices[0].own
    yield join(
        _name(user),
        own("  "),
        own(_("you") if mine else _(words), "dim" if mine else style),
    )
    yield from _admission(person)
    for device in devices:
        here = _("  (this device)") if device.current else ""
        since = own(_("  since {day}").format(day=day(device.certified)), "dim")
        yield join(own("    "), peer_line(device.name, limit=40), own(here, "dim"), since)


def _admission(person: RoomPerson | None) -> Iterator[Content]:
    """Say who admitted someone, if members decide that."""
    if person is not None:
        role = "" if person.role is None else f"{role_word(person.role)}, "
        yield join(own("    "), peer_line(f"{role}{how_admitted(person)}", style="dim"))
