"""The welcome screen: an address or an invite link, a name, a password; then the chat.

The password is masked, becomes a ``Secret`` at once and is shown nowhere. Errors are shown beside the fields
and nothing typed is lost.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar, Final, TypeVar

from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.screen import Screen
from textual.widgets import Input

from parlour_client.core.client import Client
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.widgets.footer import KeyFooter
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.safe import SafeStatic, error_content, lines, own
from parlour_client.kit.widgets.second_factor import ScreenDialog
from parlour_client.ui.account_switcher import Credentials, Entrance
from parlour_client.ui.dialogs.page import Page
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.errors import ParlourProtocolError
from parlour_protocol.kit.invite_link import LoginLink, ServerAddress
from parlour_protocol.kit.limits import PASSWORD_MIN
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret

T = TypeVar("T")

_INTRO: Final = lines(
    own("Welcome to Parlour", "bold"),
    own(
        "With an invite link: paste it, then choose a name and a password. With an account: enter the "
        "server's address and log in. With neither: F1 explains how to get an invite."
    ),
)
_HELP: Final = lines(
    own("An invite link", "bold"),
    own(
        "It begins with parlour:// and comes from the person who runs the server. It contains the server's "
        "address, the pin of its key and a code. Anyone who has it can create an account, so keep it to "
        "yourself. If it contains the key of the person who invited you, they are verified from the start."
    ),
    own(""),
    own("No server yet?", "bold"),
    own(
        "parlour demo lets you try everything on a throwaway server with simulated people. parlour-server "
        "init and run start one of your own; parlour-server invite create makes a link."
    ),
    own(""),
    own("What happens with what you type", "bold"),
    own(
        "Your password is sent to the server over TLS and is not stored on this device. What you read and "
        "write is kept in an encrypted archive in your home folder; parlour passphrase protects its key."
    ),
    own(""),
    own("Keys", "bold"),
    own("Enter and Down go to the next field, Up goes back, Ctrl+S logs in, Ctrl+Q quits."),
)
_WHY: Final = own(
    "With a passphrase, someone who gets your disk or a backup can't read your messages. Parlour asks for "
    "it when it starts, and no one can recover it for you. Leave it empty for none.",
    "dim",
)


class WelcomeScreen(Screen[Client | None]):
    """Join with a link, or log in at an address."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "enter", "Log in", id="welcome.enter"),
        Binding("f1", "help", "Help", id="welcome.help"),
        # with priority: the next keys are for the next field, which may be the hidden one
        Binding("enter", "next_field", "Next field", show=False, priority=True, id="welcome.next_field"),
        Binding("down,tab", "app.focus_next", "Next field", show=False, priority=True, id="welcome.next"),
        Binding(
            "up,shift+tab",
            "app.focus_previous",
            "Previous field",
            show=False,
            priority=True,
            id="welcome.previous",
        ),
    ]

    AUTO_FOCUS: ClassVar[str | None] = ""  # it would scroll the welcome away before there is a size

    def __init__(self, entrance: Entrance) -> None:
        super().__init__()
        self._entrance = entrance
        self._busy = False

    def compose(self) -> ComposeResult:
        """Lay out."""
        with VerticalScroll(id="welcome", can_focus=False):
            yield SafeStatic(_INTRO)
            yield SafeStatic(own("Invite link or address"))
            yield Field(placeholder="parlour://…  or  chat.example.org:8443", id="where", compact=True)
            yield SafeStatic(own("Your name"))
            yield Field(placeholder="lowercase letters and digits, such as alice", id="who", compact=True)
            yield SafeStatic(own(f"Password (a new one: at least {PASSWORD_MIN.value} characters)"))
            yield Field(password=True, id="password", compact=True)
            yield SafeStatic(own("Name of this device"))
            yield Field(self._entrance.device, placeholder="laptop", id="device", compact=True)
            if self._entrance.offers_passphrase:
                yield SafeStatic(own("Passphrase for this computer (optional)"))
                yield Field(
                    password=True, placeholder="protects messages and keys", id="passphrase", compact=True
                )
                yield SafeStatic(own("Repeat the passphrase"))
                yield Field(password=True, id="again", compact=True)
                yield SafeStatic(_WHY)
        yield SafeStatic(own("Enter: next field; on the last one, log in", "dim"), id="told")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin at the first field, with the welcome above it."""
        self.set_focus(self.query_one("#where"), scroll_visible=False)

    def action_next_field(self) -> None:
        """Go to the next field; on the last one leave the key to it, so that it is complete first."""
        if self.focused is self.query(Input).last():
            raise SkipAction
        self.focus_next()

    @on(DescendantFocus)
    def _show_field(self, event: DescendantFocus) -> None:
        """Show a field and its text; the first one with the welcome, the last with its reason."""
        form, field = self.query_one("#welcome"), event.widget
        if field not in form.children:
            return
        fields, at = self.query(Input), form.children.index(field)
        above = form.children[0 if field is fields.first() else at - 1]
        below = form.children[-1] if field is fields.last() else field
        seen = above.virtual_region.union(below.virtual_region)
        self.call_after_refresh(form.scroll_to_region, seen, animate=False)

    @on(Input.Submitted)
    def _last(self) -> None:
        self.action_enter()

    def action_enter(self) -> None:
        """Check the input, then log in or join."""
        if self._busy:
            return
        try:
            where = self._of("where", self._where)
            person = self._person(new=isinstance(where, ChatInviteLink))
        except (ParlourProtocolError, ValueError) as error:
            self._tell(error_content(error))
            return
        self._busy = True
        self._tell(own("Connecting…", "bold"))
        self.run_worker(self._go(where, person))

    def action_help(self) -> None:
        """Show where to get an invite and what happens next."""
        _ = self.app.push_screen(Page(_HELP))

    def _tell(self, words: Content) -> None:
        self.query_one("#told", SafeStatic).show(words)

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    @on(Input.Changed, "#where")
    def _fill_in(self) -> None:
        """Take the name out of a link to log in."""
        text, who = self._value("where"), self.query_one("#who", Input)
        if LoginLink.is_one(text) and not who.value:
            with suppress(ParlourProtocolError):
                who.value = LoginLink.parse(text).user

    def _where(self) -> ChatInviteLink | LoginLink | ServerAddress:
        text = self._value("where")
        if LoginLink.is_one(text):
            return LoginLink.parse(text)
        return ChatInviteLink.parse(text) if text.startswith("parlour://") else ServerAddress.parse(text)

    def _of(self, name: str, read: Callable[[], T]) -> T:
        """Parse a field; one with an error gets the focus."""
        try:
            return read()
        except (ParlourProtocolError, ValueError):
            self.set_focus(self.query_one(f"#{name}"))
            raise

    def _person(self, *, new: bool) -> Credentials:
        return Credentials(
            self._of("who", lambda: parse_user_name(self._value("who"))),
            self._of("password", lambda: self._password(new=new)),
            self._of("device", lambda: parse_device_name(self._value("device") or "terminal")),
            self._of("again", self._passphrase) if self._entrance.offers_passphrase else None,
            ScreenDialog(self.app),
        )

    def _password(self, *, new: bool) -> Secret:
        password = self.query_one("#password", Input).value
        if new and len(password) < PASSWORD_MIN.value:
            raise ValueError(f"The password needs at least {PASSWORD_MIN.value} characters. Try a few words.")
        if not password:
            raise ValueError("Type your password.")
        return Secret(password)

    def _passphrase(self) -> Secret | None:
        words, again = (self.query_one(name, Input).value for name in ("#passphrase", "#again"))
        if words != again:
            raise ValueError("The passphrases do not match.")
        return Secret(words) if words else None

    async def _go(self, where: ChatInviteLink | LoginLink | ServerAddress, person: Credentials) -> None:
        try:
            if isinstance(where, ChatInviteLink):
                client = await self._entrance.join(where, person)
            else:
                client = await self._entrance.login(where, person)
        except ParlourClientError as error:
            self._tell(error_content(error))
            self._busy = False
        else:
            for field in self.query(Input):
                field.clear()
            _ = self.dismiss(client)
