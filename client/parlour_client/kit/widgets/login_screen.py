"""The first screen of a program without a login: an invite link or an address, a name, a password.

The password is masked, becomes a ``Secret`` at once and is shown nowhere. Errors are shown below the fields,
and nothing typed is lost. The server is verified before the password is sent.
"""

from collections.abc import Callable
from typing import ClassVar, Final, TypeVar

from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input

from parlour_client.kit.account.profile import Account
from parlour_client.kit.account.sign_in import SignIn
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.transport.trust import Trust
from parlour_client.kit.widgets.footer import KeyFooter
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.safe import SafeStatic, error_content, own
from parlour_client.kit.widgets.second_factor import ScreenDialog
from parlour_protocol.kit.errors import ParlourProtocolError
from parlour_protocol.kit.invite_link import InviteLink, ServerAddress
from parlour_protocol.kit.limits import PASSWORD_MIN
from parlour_protocol.kit.names import DeviceName, UserName, parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret

T = TypeVar("T")

_INTRO: Final = own("With an invite link, choose a name and a password. With an account, log in.")


class LoginScreen(Screen[Account]):
    """Join with a link, or log in at an address."""

    DEFAULT_CSS = """
    LoginScreen #login { padding: 1 2; height: 1fr; }
    LoginScreen Input { margin: 0 0 1 0; max-width: 76; background: $surface; }
    LoginScreen #outcome { height: auto; padding: 0 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "enter", "Log in", id="first_login.enter"),
        # with priority: the next keys are for the next field, which may be the hidden one
        Binding("enter", "next_field", "Next field", show=False, priority=True, id="first_login.next_field"),
        Binding("down,tab", "app.focus_next", "Next field", show=False, priority=True, id="first_login.next"),
        Binding(
            "up,shift+tab",
            "app.focus_previous",
            "Previous field",
            show=False,
            priority=True,
            id="first_login.previous",
        ),
    ]

    def __init__(self, program: str, sign_in: SignIn, scheme: str, trust: Trust | None = None) -> None:
        """Log in by ``sign_in``. At an address, ``trust`` is how a server that is not known yet is verified.

        ``program`` is the program's name, ``scheme`` that of its invite links.
        """
        super().__init__()
        self._program, self._sign_in, self._scheme, self._trust = program, sign_in, scheme, trust
        self._busy = False

    def compose(self) -> ComposeResult:
        """Lay out."""
        with VerticalScroll(id="login", can_focus=False):
            yield SafeStatic(own(self._program, "bold"))
            yield SafeStatic(_INTRO)
            yield SafeStatic(own(""))
            yield SafeStatic(own("Invite link or address"))
            yield Field(placeholder=f"{self._scheme}://…  or  example.org:8443", id="where", compact=True)
            yield SafeStatic(own("Your name"))
            yield Field(placeholder="lowercase letters and digits, such as alice", id="who", compact=True)
            yield SafeStatic(own(f"Password (a new one: at least {PASSWORD_MIN.value} characters)"))
            yield Field(password=True, id="password", compact=True)
            yield SafeStatic(own("Name of this device"))
            yield Field(placeholder="laptop", id="device", compact=True)
        yield SafeStatic(own("Enter: next field; on the last one it logs in", "dim"), id="outcome")
        yield KeyFooter()

    def action_next_field(self) -> None:
        """Go to the next field; on the last one leave the key to it, so that it is complete first."""
        if self.focused is self.query(Input).last():
            raise SkipAction
        self.focus_next()

    def on_input_submitted(self) -> None:
        """Log in from the last field."""
        self.action_enter()

    def action_enter(self) -> None:
        """Check the input, then log in or join."""
        if self._busy:
            return
        try:
            where = self._read("where", self._where)
            user = self._read("who", lambda: parse_user_name(self._value("who")))
            password = self._read("password", lambda: self._password(new=isinstance(where, InviteLink)))
            device = self._read("device", lambda: parse_device_name(self._value("device") or "terminal"))
        except (ParlourProtocolError, ValueError) as error:
            self._tell(error_content(error))
            return
        self._busy = True
        self._tell(own("Connecting…", "bold"))
        self.run_worker(self._log_in(where, user, password, device))

    async def _log_in(
        self, where: InviteLink | ServerAddress, user: UserName, password: Secret, device: DeviceName
    ) -> None:
        dialog = ScreenDialog(self.app)
        try:
            if isinstance(where, InviteLink):
                account = await self._sign_in.join(where, user, password, device, dialog)
            else:
                account = await self._sign_in.log_in(where, self._trust, user, password, device, dialog)
        except ParlourClientError as error:
            self._tell(error_content(error))
            self._busy = False
        else:
            for field in self.query(Input):
                field.clear()
            _ = self.dismiss(account)

    def _tell(self, words: Content) -> None:
        self.query_one("#outcome", SafeStatic).show(words)

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def _where(self) -> InviteLink | ServerAddress:
        text = self._value("where")
        if "://" in text:
            return InviteLink.parse(text, self._scheme)
        return ServerAddress.parse(text)

    def _password(self, *, new: bool) -> Secret:
        password = self.query_one("#password", Input).value
        if new and len(password) < PASSWORD_MIN.value:
            raise ValueError(f"The password needs at least {PASSWORD_MIN.value} characters. Try a few words.")
        if not password:
            raise ValueError("Type your password.")
        return Secret(password)

    def _read(self, name: str, read: Callable[[], T]) -> T:
        """Parse a field; one with an error gets the focus."""
        try:
            return read()
        except (ParlourProtocolError, ValueError):
            self.set_focus(self.query_one(f"#{name}"))
            raise
