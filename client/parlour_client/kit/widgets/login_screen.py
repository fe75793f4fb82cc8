"""The first screen of a program without a login: a card where one joins with an invite, or logs in.

Each asks for as little as it needs, and checks a field when the person leaves it. Passwords are masked unless
the person wants to see them, become a ``Secret`` at once, and are forgotten when the screen closes. Nothing
typed is lost when something is refused, or when someone chooses the other.
"""

from collections.abc import Callable
from contextlib import suppress
from textwrap import wrap
from typing import ClassVar, Final, Generic, Literal, TypeVar

from rich.cells import cell_len
from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import DescendantBlur, DescendantFocus, Paste
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Button, Input

from parlour_client.kit.account.entrance import Credentials, Entrance, Server
from parlour_client.kit.account.sign_in import pinned, trust_of
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import N_, _
from parlour_client.kit.widgets.key_ordering import Field
from parlour_client.kit.widgets.safe import (
    SafeButton,
    SafeStatic,
    error_content,
    join,
    lines,
    own,
    peer_line,
    title_pane,
)
from parlour_client.kit.widgets.second_factor import ScreenDialog
from parlour_protocol.kit.errors import ParlourProtocolError
from parlour_protocol.kit.invite_link import LoginLink, ServerAddress
from parlour_protocol.kit.limits import PASSWORD_MIN
from parlour_protocol.kit.names import DeviceName, parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret

T = TypeVar("T")
L = TypeVar("L")
V = TypeVar("V")

Mode = Literal["join", "login"]

DEVICE: Final = "terminal"
"""The name of a device that has been given none."""
_MODES: Final[dict[str, Mode]] = {"to_join": "join", "to_login": "login"}
_LOW: Final = 18
"""Rows of a terminal below which there are no blank ones."""
_FIELDS: Final = ("where", "who", "password", "repeat", "device", "passphrase", "again")
_WHY: Final = N_(
    "With a passphrase, someone who gets your disk or a backup can't read what is kept here. You are asked "
    "for it at each start, and no one can recover it for you. Leave it empty for none."
)


class ChoiceRow(SafeButton):
    """Something to choose: a row that the selection marks, with a few words about it."""

    DEFAULT_CSS = """
    ChoiceRow {
        width: 1fr; height: auto; text-align: left; content-align: left top;
        background: $surface !important; color: $foreground; text-style: none !important;
    }
    ChoiceRow:focus { background: $selection !important; background-tint: transparent; }
    ChoiceRow:focus:ansi { text-style: bold reverse !important; }
    """

    def __init__(self, words: str, about: str = "", *, id: str, column: int = 0) -> None:  # noqa: A002 - Textual's name
        """Let ``about`` begin behind ``column`` cells for the words, or below them where it doesn't fit."""
        super().__init__(own(words), id=id)
        self.styles.line_pad = 0
        self._about, self._column = about, column

    def render(self) -> Content:
        """Return the mark of the selection, the words, and what is about them."""
        assert isinstance(self.label, Content)  # noqa: S101 - SafeButton takes nothing else
        words = join(own("> " if self.has_focus else "  "), self.label)
        if not self._about:
            return words
        width = self.size.width
        begins = self._column + 6
        if begins + cell_len(self._about) <= width:
            return join(words, own(" " * (begins - words.cell_length)), own(self._about, "$dim"))
        return lines(words, *(own(f"    {row}", "$dim") for row in wrap(self._about, max(width - 4, 8))))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's interface
        """Return how many rows it takes."""
        fits = self._column + 6 + cell_len(self._about) <= width
        return 1 if fits or not self._about else 1 + len(wrap(self._about, max(width - 4, 8)))


class LoginScreen(Screen[T], Generic[L, T]):
    """Join with a link, or log in at an address."""

    DEFAULT_CSS = """
    LoginScreen { align: center middle; }
    LoginScreen #login {
        width: 72; max-width: 100%; height: auto; max-height: 100%; padding: 0 1;
        border: round $primary; border-title-color: $foreground; border-title-style: bold;
        background: $surface; scrollbar-size-vertical: 1;
    }
    LoginScreen #modes, LoginScreen #form, LoginScreen #buttons, LoginScreen #outcome { height: auto; }
    LoginScreen Input { background: $panel; }
    LoginScreen Input.-wrong { color: $error; }
    LoginScreen .label, LoginScreen #next, LoginScreen #buttons, LoginScreen #keys { margin: 1 0 0 0; }
    LoginScreen #modes { margin: 1 0; }
    LoginScreen .note { color: $error; }
    LoginScreen .note.-fine, LoginScreen #next { color: $dim; }
    LoginScreen #greeting, LoginScreen #neither, LoginScreen #login > #keys { margin: 0; }
    LoginScreen.-low #modes, LoginScreen.-low #keys { margin: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "enter", N_("Continue"), id="welcome.enter"),
        Binding("ctrl+t", "show", N_("Show password"), id="welcome.show"),
        Binding("escape", "back", N_("Back"), id="welcome.back"),
        Binding("f1", "help", N_("Help"), id="welcome.help"),
        # with priority: the next keys are for the next field, which may be the hidden one
        Binding("enter", "next_field", N_("Next field"), show=False, priority=True, id="welcome.next_field"),
        Binding("down,tab", "app.focus_next", N_("Next field"), show=False, priority=True, id="welcome.next"),
        Binding(
            "up,shift+tab",
            "app.focus_previous",
            N_("Previous field"),
            show=False,
            priority=True,
            id="welcome.previous",
        ),
    ]
    AUTO_FOCUS: ClassVar[str | None] = ""  # it would scroll the greeting away before there is a size

    def __init__(
        self,
        title: Content,
        entrance: Entrance[L, T],
        *,
        greeting: str = "",
        help_page: Callable[[], Screen[None]] | None = None,
        demo: Callable[[], None] | None = None,
    ) -> None:
        """Begin the card with ``greeting``; ``help_page`` says where an invite comes from.

        ``demo`` is done if the person chooses to look around without an account.
        """
        super().__init__()
        self._title, self._greeting = title, greeting
        self._entrance, self._help_page, self._demo = entrance, help_page, demo
        self._mode: Mode | None = None
        self._busy = False

    # --- layout

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        with VerticalScroll(id="login", can_focus=False) as card:
            title_pane(card, self._title)
            yield SafeStatic(own(self._greeting), id="greeting")
            with Vertical(id="modes"):
                yield from self._choices()
            with Vertical(id="form"):
                yield from self._field("where")
                yield from self._field("who", placeholder=_("letters and digits, such as alice"))
                yield from self._field("password", hidden=True)
                yield from self._field("repeat", hidden=True)
                yield from self._field("device", value=self._entrance.device, placeholder=DEVICE)
                yield from self._field("passphrase", hidden=True)
                yield from self._field("again", hidden=True)
                yield SafeStatic(id="next")
                with Vertical(id="buttons"):
                    yield ChoiceRow(_("Continue"), id="continue")
                    yield ChoiceRow(_("Show password"), id="show")
                    yield ChoiceRow(_("This computer…"), id="more")
                    yield ChoiceRow(_("Back"), id="back")
            yield SafeStatic(id="outcome")
            if self._help_page is not None:
                yield SafeStatic(own(_("No invite? F1 says how to get one.")), id="neither")
            yield SafeStatic(id="keys")

    def _choices(self) -> ComposeResult:
        link = _("you have a link that begins with {scheme}://").format(scheme=self._entrance.scheme)
        choices = [
            ("to_join", _("Join with an invite"), link),
            ("to_login", _("Log in"), _("you have an account on a server")),
        ]
        if self._demo is not None:
            choices.append(("to_demo", _("Try the demo"), _("no account, nothing leaves this computer")))
        column = max(cell_len(words) for _id, words, _about in choices)
        for name, words, about in choices:
            yield ChoiceRow(words, about, id=name, column=column)

    def _field(
        self, name: str, *, value: str = "", placeholder: str = "", hidden: bool = False
    ) -> ComposeResult:
        yield SafeStatic(id=f"{name}_label", classes="label")
        yield Field(value, placeholder=placeholder, password=hidden, id=name, compact=True)
        yield SafeStatic(id=f"{name}_note", classes="note")

    def on_mount(self) -> None:
        """Focus the choice."""
        for name, label in (
            ("who", _("Your name")),
            ("repeat", _("Repeat the password")),
            ("device", _("Name of this device")),
            ("passphrase", _("Passphrase for this computer (optional)")),
            ("again", _("Repeat the passphrase")),
        ):
            self._label(name, label)
        self.on_resize()
        self._lay_out()
        for name in ("device", "passphrase", "again"):
            self._display(name, on=False)
        self.set_focus(self.query_one("#to_join"), scroll_visible=False)

    def on_resize(self) -> None:
        """Leave out blank rows in a low terminal."""
        self.set_class(self.size.height < _LOW, "-low")

    def _lay_out(self) -> None:
        """Show the choice between joining and logging in, or the fields of one of them."""
        joins = self._mode == "join"
        for name in ("greeting", "modes"):
            self.query_one(f"#{name}").display = self._mode is None
        self.query_one("#form").display = self._mode is not None
        for hint in self.query("#neither"):
            hint.display = self._mode is None
        keys = (
            _("Up, Down: choose · Enter: go on · Ctrl+Q: quit")
            if self._mode is None
            else _("Enter: next · Ctrl+S: go on · Ctrl+T: show password · Esc: back")
        )
        self.query_one("#keys", SafeStatic).show(own(keys, "$dim"))
        scheme = self._entrance.scheme
        if joins:
            self._label("where", _("Invite link"))
            self._label(
                "password",
                _("Choose a password: at least {count} characters").format(count=PASSWORD_MIN.value),
            )
            after = _("Next: the server's key is checked against the link, and your account is created.")
        else:
            self._label("where", _("Server address, or a link to it"))
            self._label("password", _("Password"))
            after = _(
                "Next: your password goes to the server over TLS. If your account has a second factor, you "
                "are asked for it."
            )
        self.query_one("#where", Input).placeholder = f"{scheme}://…" if joins else "chat.example.org:8443"
        self.query_one("#next", SafeStatic).show(own(after))
        self.query_one("#continue", Button).label = own(_("Join") if joins else _("Log in"))
        self._display("repeat", on=joins and self._hides)
        for name in _FIELDS:
            self._note(name, None)
        self._tell(own(""))
        self.refresh_bindings()

    def _label(self, name: str, words: str) -> None:
        self.query_one(f"#{name}_label", SafeStatic).show(own(words))

    def _display(self, name: str, *, on: bool) -> None:
        for part in ("", "_label"):
            self.query_one(f"#{name}{part}").display = on
        if not on:
            self._note(name, None)

    @property
    def _hides(self) -> bool:
        return self.query_one("#password", Input).password

    # --- joining or logging in

    @on(Button.Pressed, "#to_demo")
    def _demo_chosen(self) -> None:
        if self._demo is not None:
            self._demo()

    @on(Button.Pressed, "#to_join, #to_login")
    def _mode_chosen(self, event: Button.Pressed) -> None:
        self._enter(_MODES[event.button.id or ""])

    def _enter(self, mode: Mode) -> None:
        self._mode = mode
        self._lay_out()
        fields = [self.query_one(f"#{name}", Input) for name in ("where", "who", "password")]
        self.set_focus(next((field for field in fields if not field.value), fields[0]))

    def on_paste(self, event: Paste) -> None:
        """Take an invite link that is pasted before joining was chosen."""
        link = event.text.strip().partition("\n")[0]
        if self._mode is None and link.startswith(f"{self._entrance.scheme}://"):
            self.query_one("#where", Input).value = link
            self._enter("join")

    @on(Input.Changed, "#where")
    def _login_link(self, event: Input.Changed) -> None:
        """Take the name out of a link to log in, and show the fields that it is for."""
        if LoginLink.is_one(event.value) and self._mode is not None:
            with suppress(ParlourProtocolError):
                link = LoginLink.parse(event.value, self._entrance.scheme)
                who = self.query_one("#who", Input)
                who.value = who.value or link.user
                if self._mode == "join":
                    self._enter("login")

    @on(Button.Pressed, "#back")
    def action_back(self) -> None:
        """Go back to the choice; what was typed stays."""
        if self._mode is not None and not self._busy:
            mode, self._mode = self._mode, None
            self._lay_out()
            self.set_focus(self.query_one(f"#to_{mode}"))

    @on(Button.Pressed, "#show")
    def action_show(self) -> None:
        """Show the passwords, or hide them; one that is seen need not be repeated."""
        shows = self._hides
        for name in ("password", "repeat", "passphrase", "again"):
            self.query_one(f"#{name}", Input).password = not shows
        self.query_one("#show", Button).label = own(_("Hide password") if shows else _("Show password"))
        if shows and self.focused is self.query_one("#repeat"):
            self.set_focus(self.query_one("#password"))
        self._display("repeat", on=self._mode == "join" and not shows)

    @on(Button.Pressed, "#more")
    def _more(self) -> None:
        """Ask for the device's name, and how what is kept on this computer is locked."""
        self._display("device", on=True)
        if self._entrance.offers_passphrase:
            self._display("passphrase", on=True)
            self._display("again", on=True)
            self._note("passphrase", own(_(_WHY)), fine=True)
        self.query_one("#more").display = False
        self.set_focus(self.query_one("#device"))

    def action_help(self) -> None:
        """Show where to get an invite and what happens next."""
        if self._help_page is not None:
            _pushed = self.app.push_screen(self._help_page())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what is possible here."""
        del parameters
        if action in ("enter", "show", "back"):
            return self._mode is not None
        return action != "help" or self._help_page is not None

    # --- fields

    def action_next_field(self) -> None:
        """Go to the next field, or choose; leave the key to the last field and to other buttons."""
        mode = _MODES.get(self.focused.id or "") if self.focused is not None else None
        if mode is not None:
            self._enter(mode)  # at once: what is typed behind the key is for its first field
            return
        fields = [field for field in self.query(Input) if field.display]
        if not isinstance(self.focused, Input) or self.focused is fields[-1]:
            raise SkipAction
        after = fields[fields.index(self.focused) + 1]
        if after.id == "who" and after.value and LoginLink.is_one(self._value("where")):
            after = self.query_one("#password", Input)  # the link has named them: a password is typed next
        self.set_focus(after)

    @on(DescendantFocus)
    def _show_field(self, event: DescendantFocus) -> None:
        """Show a field with its label, the last one with all below."""
        self._bring(event.widget.id or "")

    def _bring(self, name: str) -> None:
        if name in _FIELDS:
            self.call_after_refresh(self._bring_now, name)

    def _bring_now(self, name: str) -> None:
        area, form = self.query_one("#login"), self.query_one("#form")
        shown = [field for field in _FIELDS if self.query_one(f"#{field}").display]
        below = self.query_one("#buttons" if name == shown[-1] else f"#{name}_note")
        if not below.display:
            below = self.query_one(f"#{name}")
        above = self.query_one(f"#{name}_label")
        seen = above.virtual_region.union(below.virtual_region).translate(form.virtual_region.offset)
        area.scroll_to_region(seen, animate=False)

    @on(DescendantBlur)
    def _left(self, event: DescendantBlur) -> None:
        """Check a field that was left, unless it is empty: then it may be filled in later."""
        field = event.widget
        if isinstance(field, Input) and field.value and field.id is not None and field.display:
            self._check(field.id)

    def _check(self, name: str) -> bool:
        """Check a field, and say beside it what is wrong; return whether it is right."""
        try:
            fine = self._checks()[name]()
        except (ParlourProtocolError, ValueError) as error:
            self._note(name, error_content(error))
            return False
        self._note(name, fine, fine=True)
        return True

    def _checks(self) -> dict[str, Callable[[], Content | None]]:
        """Return for each field what raises if it is wrong, and returns what to say if it is right."""

        def where() -> Content | None:
            found = self._where()
            if isinstance(found, Server):
                return None
            link = self._entrance.invite(found)
            return join(
                own(_("An invite to ")),
                peer_line(link.address.authority),
                own(_(", with its key") if link.pin is not None else ""),
            )

        def checked(read: Callable[[], object]) -> Callable[[], None]:
            def check() -> None:
                read()

            return check

        return {
            "where": where,
            "who": checked(lambda: parse_user_name(self._value("who"))),
            "password": checked(self._password),
            "repeat": checked(self._repeated),
            "device": checked(self._device),
            "passphrase": lambda: own(_(_WHY)),
            "again": checked(self._passphrase),
        }

    def _note(self, name: str, words: Content | None, *, fine: bool = False) -> None:
        note = self.query_one(f"#{name}_note", SafeStatic)
        note.show(words or own(""))
        note.display = words is not None
        note.set_class(fine, "-fine")
        self.query_one(f"#{name}").set_class(words is not None and not fine, "-wrong")

    def _tell(self, words: Content) -> None:
        outcome = self.query_one("#outcome", SafeStatic)
        outcome.show(words)
        outcome.display = bool(words.plain)
        if outcome.display:  # however long: it is part of the card, which scrolls
            self.call_after_refresh(outcome.scroll_visible, animate=False, force=True)

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def _where(self) -> L | Server:
        text, scheme = self._value("where"), self._entrance.scheme
        if LoginLink.is_one(text):
            to = LoginLink.parse(text, scheme)
            return Server(to.address, pinned(to))
        if "://" in text:
            link = self._entrance.parse(text)
            if self._mode == "join":
                return link
            invite = self._entrance.invite(link)
            return Server(invite.address, trust_of(invite))
        if self._mode == "join" and text:
            raise ValueError(
                _("An invite link begins with {scheme}://. With an account, go back and log in.").format(
                    scheme=scheme
                )
            )
        if not text:
            raise ValueError(
                _("Paste your invite link.") if self._mode == "join" else _("Type the server's address.")
            )
        return Server(ServerAddress.parse(text))

    def _device(self) -> DeviceName:
        return parse_device_name(self._value("device") or DEVICE)

    def _password(self) -> Secret:
        password = self.query_one("#password", Input).value
        if self._mode == "join" and len(password) < PASSWORD_MIN.value:
            raise ValueError(
                _("The password needs at least {count} characters. Try a few words.").format(
                    count=PASSWORD_MIN.value
                )
            )
        if not password:
            raise ValueError(_("Type your password."))
        return Secret(password)

    def _repeated(self) -> None:
        if self.query_one("#repeat", Input).value != self.query_one("#password", Input).value:
            raise ValueError(_("The passwords don't match. Ctrl+T shows them."))

    def _passphrase(self) -> Secret | None:
        words, again = (self.query_one(name, Input).value for name in ("#passphrase", "#again"))
        if words != again:
            raise ValueError(_("The passphrases don't match."))
        return Secret(words) if words else None

    # --- going in

    @on(Input.Submitted)
    @on(Button.Pressed, "#continue")
    def action_enter(self) -> None:
        """Check all fields, then join or log in; a wrong one gets the focus."""
        if self._busy or self._mode is None:
            return
        self._tell(own(""))
        for name in _FIELDS:
            field = self.query_one(f"#{name}", Input)
            if field.display and not self._check(name):
                self.set_focus(field)
                self._bring(name)
                return
        where = self._where()
        credentials = Credentials(
            parse_user_name(self._value("who")),
            self._password(),
            self._device(),
            self._passphrase() if self._entrance.offers_passphrase else None,
            ScreenDialog(self.app),
        )
        self._busy = True
        self._tell(own(_("Connecting…"), "bold"))
        _worker = self.run_worker(self._go(where, credentials))

    async def _go(self, where: L | Server, credentials: Credentials) -> None:
        try:
            if isinstance(where, Server):
                inside = await self._entrance.login(where, credentials)
            else:
                inside = await self._entrance.join(where, credentials)
        except ParlourClientError as error:
            self._tell(error_content(error))
        else:
            for field in self.query(Input):
                field.clear()
            _closed = self.dismiss(inside)
        finally:
            self._busy = False
