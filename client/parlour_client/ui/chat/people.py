"""People: a person's card, ignored people, and the devices that are logged in to this account.

A card shows what this device and the server know; it never asks anyone else.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from parlour_client.core.model import BanView, Entry, Profile, Room, display_name
from parlour_client.kit.answers import Letter
from parlour_client.kit.clock import SystemClock
from parlour_client.kit.language import N_, _, ngettext
from parlour_client.kit.widgets.box import Box, blocks, quoted
from parlour_client.kit.widgets.overlay import Overlay
from parlour_client.kit.widgets.questions import Choices, ChooseScreen
from parlour_client.kit.widgets.safe import SafeStatic, filled, join, lines, option, own, peer_line
from parlour_client.text.ban_text import ban_line
from parlour_client.text.date_text import clock, day
from parlour_client.text.formatting import preview
from parlour_client.ui.chat.composer_controller import ComposerController
from parlour_client.ui.chat.navigation import Navigation
from parlour_client.ui.chat.pane import Pane
from parlour_client.ui.chat.timeline.sentences import ROLE_WORDS, STATUS_WORDS
from parlour_protocol.kit.api import SessionInfo
from parlour_protocol.kit.ids import SessionId
from parlour_protocol.kit.names import UserName, parse_user_name


class PersonAction(Enum):
    """An action on a person."""

    WRITE = auto()
    IGNORE = auto()
    MESSAGES = auto()
    LAST = auto()


class ProfileScreen(Overlay[PersonAction | None]):
    """The card of a person."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", N_("Close"), id="person.leave"),
        Binding("enter,d", "act('WRITE')", N_("Message them"), id="person.write"),
        Binding("i", "act('IGNORE')", N_("Ignore"), id="person.ignore"),
        Binding("m", "act('MESSAGES')", N_("Their messages"), id="person.messages"),
        Binding("l", "act('LAST')", N_("Their last message"), id="person.last"),
    ]

    def __init__(self, person: Profile) -> None:
        super().__init__(classes="dialog")
        self._person = person

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        keys = (
            _("Enter: message them · m: their messages · l: the last one · i: stop ignoring · Esc: close")
            if self._person.ignored
            else _("Enter: message them · m: their messages · l: the last one · i: ignore · Esc: close")
        )
        with Box(join(peer_line(display_name(self._person.user), style="bold"))):
            with VerticalScroll():
                yield from blocks(card(self._person))
            yield SafeStatic(own(keys, "dim"))

    def action_act(self, name: str) -> None:
        """Close with the action."""
        _done = self.dismiss(PersonAction[name])


def card(person: Profile) -> Content:
    """Return the text about a person."""
    rows = [own(_(STATUS_WORDS[person.status]), "dim")]
    if person.ignored:
        rows.append(own(_("You are ignoring this person."), "$text-warning"))
    count = ngettext(
        "{count} message from them is on this device",
        "{count} messages from them are on this device",
        person.messages,
    )
    rows.append(own(count.format(count=person.messages)))
    if person.last is not None:
        when = own(
            _("last  {day} {time}  ").format(day=day(person.last.at), time=clock(person.last.at)), "dim"
        )
        rows += [when, quoted(peer_line(preview(person.last.text or ""), limit=120))]
    rows.append(
        own(
            _("Rooms you share") if person.rooms else _("You share no rooms, as far as this device knows."),
            "bold",
        )
    )
    for room, role in person.rooms:
        rows.append(join(own("  "), peer_line(room.title), own(f"  {_(ROLE_WORDS[role])}", "dim")))
    return lines(*rows)


class SessionsScreen(Overlay[SessionId | None]):
    """The sessions of this account; x on one closes with its id, to log it out."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", N_("Close"), id="sessions.leave"),
        Binding("x", "end", N_("End it"), id="sessions.end"),
    ]

    def __init__(self, sessions: Sequence[SessionInfo]) -> None:
        super().__init__(classes="dialog")
        self._sessions = sessions

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with Box(own(_("Sessions: where you are logged in"), "bold")):
            yield Choices(*(option(_session(session)) for session in self._sessions))
            yield SafeStatic(own(_("Esc: close · x: end the selected session"), "dim"))

    def on_mount(self) -> None:
        """Mark the first."""
        choices = self.query_one(Choices)
        choices.focus()
        choices.highlighted = 0 if self._sessions else None

    def action_end(self) -> None:
        """Close with the marked session, but never with this one: that is a logout."""
        at = self.query_one(Choices).highlighted
        if at is not None and not self._sessions[at].current:
            _done = self.dismiss(self._sessions[at].id)


def _session(session: SessionInfo) -> Content:
    mine = own(_("  this device"), "bold") if session.current else own("")
    facts = _("  since {since}, last seen {seen} {time}, expires {expires}").format(
        since=day(session.created),
        seen=day(session.last_seen),
        time=clock(session.last_seen),
        expires=day(session.expires),
    )
    return lines(join(peer_line(session.device, style="bold"), mine), own(facts, "dim"))


def _ban(ban: BanView) -> Content:
    rows = [own(ban_line(ban, SystemClock().now()))]
    if ban.reason:
        rows.append(join(own("│ ", "dim"), peer_line(ban.reason)))
    return lines(*rows)


class People:
    """Shows people and the account's devices, and runs the chosen actions."""

    def __init__(
        self,
        pane: Pane,
        navigation: Navigation,
        composing: ComposerController,
        *,
        search: Callable[[str], None],
        go: Callable[[Entry | None], None],
    ) -> None:
        self._client, self._interaction, self._navigation = pane.client, pane.interaction, navigation
        self._composing, self._search, self._go = composing, search, go

    def show_card(self, person: Profile) -> None:
        """Show a person's card, and run the chosen action."""
        user = person.user

        def answered(action: PersonAction | None) -> None:
            match action:
                case PersonAction.WRITE if user != self._client.account.user:
                    self._composing.opening(lambda: self._navigation.write_to(user))
                case PersonAction.IGNORE:
                    self._interaction.run(lambda: self._client.people.ignore(user, on=not person.ignored))
                case PersonAction.MESSAGES:
                    self._search(f"from:{user}")
                case PersonAction.LAST:
                    self._go(person.last)
                case _:
                    pass

        self._interaction.push(ProfileScreen(person), answered)

    def list_ignored(self, people: Sequence[UserName]) -> None:
        """List ignored people; Enter on one stops ignoring them."""

        def answered(chosen: str | None) -> None:
            if chosen is not None:
                self._interaction.run(lambda: self._client.people.ignore(parse_user_name(chosen), on=False))

        choices = [(str(user), peer_line(display_name(user))) for user in people]
        title = own(_("Ignored people: Enter stops ignoring one"), "bold")
        screen = ChooseScreen(
            title, choices, _("You are not ignoring anyone. /ignore PERSON hides someone's messages.")
        )
        self._interaction.push(screen, answered)

    def list_bans(self, room: Room, bans: Sequence[BanView]) -> None:
        """List who is banned from a room; Enter on one asks whether to lift the ban."""
        found = {str(ban.user): ban for ban in bans}

        def answered(chosen: str | None) -> None:
            if chosen is not None:
                question = filled(
                    _("Lift the ban of {user} from {room}?"),
                    "bold",
                    user=peer_line(display_name(found[chosen].user), style="bold"),
                    room=peer_line(room.title, style="bold"),
                )
                after = own(_("They are not in the room again by that: they can join, or be invited."))
                self._interaction.confirm(
                    lines(question, _ban(found[chosen]), after),
                    Letter("l", _("lift it")),
                    lambda: self._lift(room, found[chosen].user),
                )

        title = filled(_("Banned from {room}"), "bold", room=peer_line(room.title, style="bold"))
        choices = [(user, _ban(ban)) for user, ban in found.items()]
        empty = _("Nobody is banned here. /ban PERSON bans someone.")
        self._interaction.push(ChooseScreen(title, choices, empty), answered)

    async def _lift(self, room: Room, user: UserName) -> None:
        await self._client.rooms.unban(room.id, user)
        self.list_bans(room, await self._client.rooms.bans(room.id))

    def list_sessions(self, sessions: Sequence[SessionInfo]) -> None:
        """Show the account's sessions, and log the chosen one out after a question."""
        names = {session.id: session.device for session in sessions}

        def answered(chosen: SessionId | None) -> None:
            if chosen is not None:
                question = own(_("Log this device out? Logging in again takes your password."), "bold")
                self._interaction.confirm(
                    lines(question, peer_line(names[chosen])),
                    Letter("l", _("log it out")),
                    lambda: self._end_session(chosen),
                )

        self._interaction.push(SessionsScreen(sessions), answered)

    async def _end_session(self, which: SessionId) -> None:
        await self._client.sessions.end(which)
        self.list_sessions(await self._client.sessions.all())
