"""People: the card of a person, those who are ignored, and the devices that are logged in to this account.

A card says what this device knows and the server tells; it never asks anybody else. ``LookingPart`` pushes
these.
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from parlour_client.core.model import Profile
from parlour_client.ui.chat.timeline.sentences import ROLE_WORDS, clock, day
from parlour_client.ui.dialogs.overlay import Veiled
from parlour_client.ui.dialogs.questions import Choices
from parlour_client.ui.safe import SafeStatic, join, lines, option, own, peer_line
from parlour_protocol.api import SessionInfo
from parlour_protocol.frames.base import Status
from parlour_protocol.ids import SessionId

_WORDS: Final = {Status.ONLINE: "here", Status.AWAY: "away", Status.OFFLINE: "not here"}


class PersonWish(Enum):
    """What to do about a person."""

    WRITE = auto()
    IGNORE = auto()
    MESSAGES = auto()
    LAST = auto()


class ProfileScreen(Veiled, ModalScreen[PersonWish | None]):
    """The card of a person."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", id="person.leave"),
        Binding("enter,d", "wish('WRITE')", "Write to them", id="person.write"),
        Binding("i", "wish('IGNORE')", "Ignore", id="person.ignore"),
        Binding("m", "wish('MESSAGES')", "Their messages", id="person.messages"),
        Binding("l", "wish('LAST')", "Their last message", id="person.last"),
    ]

    def __init__(self, person: Profile) -> None:
        super().__init__(classes="dialog")
        self._person = person

    def compose(self) -> ComposeResult:
        """Lay out."""
        keys = "enter writes to them · m their messages · l the last one · i ignores · esc closes"
        if self._person.ignored:
            keys = keys.replace("i ignores", "i ignores no longer")
        with Vertical(classes="box"):
            yield SafeStatic(card(self._person))
            yield SafeStatic(own(keys, "dim"))

    def action_wish(self, name: str) -> None:
        """Leave with a wish."""
        _ = self.dismiss(PersonWish[name])

    def action_leave(self) -> None:
        """Leave with none."""
        _ = self.dismiss(None)


def card(person: Profile) -> Content:
    """Return what is known of a person."""
    rows = [join(peer_line(person.user, style="bold"), own(f"  {_WORDS[person.status]}", "dim"))]
    if person.ignored:
        rows.append(own("You ignore this person.", "$text-warning"))
    count = "1 message of theirs is" if person.messages == 1 else f"{person.messages} messages of theirs are"
    rows.append(own(f"{count} on this device"))
    if person.last is not None:
        when = own(f"last  {day(person.last.at)} {clock(person.last.at)}  ", "dim")
        rows += [when, join(own("│ ", "dim"), peer_line(person.last.text or "", limit=120))]
    rows.append(
        own("Rooms that you share" if person.rooms else "No room that you share is known now.", "bold")
    )
    for room, role in person.rooms:
        rows.append(join(own("  "), peer_line(room.title), own(f"  {ROLE_WORDS[role]}", "dim")))
    return lines(*rows)


class SessionsScreen(Veiled, ModalScreen[SessionId | None]):
    """The devices that are logged in; x on one leaves with its id, to be logged out."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", id="sessions.leave"),
        Binding("x", "end", "Log out", id="sessions.end"),
    ]

    def __init__(self, sessions: Sequence[SessionInfo]) -> None:
        super().__init__(classes="page")
        self._sessions = sessions

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical(classes="box"):
            yield SafeStatic(own("Devices that are logged in to your account", "bold"))
            yield Choices(*(option(_session(one)) for one in self._sessions), markup=False, compact=True)
        yield SafeStatic(own("esc closes · x logs the marked device out", "dim"), classes="keys")

    def on_mount(self) -> None:
        """Mark the first."""
        choices = self.query_one(Choices)
        choices.focus()
        choices.highlighted = 0 if self._sessions else None

    def action_end(self) -> None:
        """Leave with the marked session, but never with this one: that is a logout."""
        at = self.query_one(Choices).highlighted
        if at is not None and not self._sessions[at].current:
            _ = self.dismiss(self._sessions[at].id)

    def action_leave(self) -> None:
        """Leave with none."""
        _ = self.dismiss(None)


def _session(one: SessionInfo) -> Content:
    mine = own("  this device", "bold") if one.current else own("")
    facts = (
        f"  since {day(one.created)}, last seen {day(one.last_seen)} {clock(one.last_seen)}, "
        f"ends by itself {day(one.expires)}"
    )
    return lines(join(peer_line(one.device, style="bold"), mine), own(facts, "dim"))
