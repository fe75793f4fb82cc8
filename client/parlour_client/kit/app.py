"""A program's app: login, one connection, its screen, and a status line, with the defences of ``SafeApp``.

A program writes a ``LinkScreen`` and starts it with ``LinkApp``. The screen is shown when the connection has
been greeted for the first time; it stays while the connection comes and goes, and while the person logs in
again after the session has ended. A request that is refused, or that finds no connection, is said in a line
above the status line; any other error is the program's own and ends the app.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, Generic

from textual import on
from textual.actions import ActionParseResult
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.events import Event, Key, Mount, MouseDown
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.worker import Worker, WorkerError

from parlour_client.kit.account.entrance import Credentials, Entrance, Server
from parlour_client.kit.account.hardening import keep_memory_private
from parlour_client.kit.account.home import Home
from parlour_client.kit.account.profile import Account
from parlour_client.kit.account.profile_file import ProfileFile
from parlour_client.kit.account.sign_in import SignIn
from parlour_client.kit.connection_status import ConnectionStatus
from parlour_client.kit.errors import ParlourClientError, RefusedError, SetupError
from parlour_client.kit.language import N_, _
from parlour_client.kit.link import Link
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.transport.conversation import G, P, Q, R
from parlour_client.kit.transport.trust import Trust
from parlour_client.kit.widgets.login_again import LoginAgainScreen
from parlour_client.kit.widgets.login_screen import LoginScreen
from parlour_client.kit.widgets.problem_line import ProblemLine
from parlour_client.kit.widgets.safe import SafeStatic, error_content, own
from parlour_client.kit.widgets.second_factor import SecondFactorsScreen
from parlour_client.kit.widgets.status_line import StatusLine
from parlour_protocol.kit.invite_link import InviteLink
from parlour_protocol.kit.wire import Wire


class LinkScreen(Screen[None], Generic[G, Q, R, P]):
    """A program's screen: it gets the greeting and the pushes, and asks over ``link``.

    It shows text of others only by the helpers of ``widgets.safe``. Its methods, actions and workers need not
    catch what ``link.ask`` raises. Its widgets post messages to it instead of asking themselves: Textual ends
    the message loop of a widget whose handler raises.
    """

    def __init__(self, link: Link[G, Q, R, P]) -> None:
        super().__init__()
        self.link = link
        self.laid_out = asyncio.Event()
        """Set when its widgets are there."""

    @on(Mount)
    def _say_laid_out(self) -> None:
        self.laid_out.set()

    async def connected(self, greeting: G) -> None:
        """Catch up after each greeting, before any push of that connection; it may ``link.ask``."""

    def pushed(self, push: P) -> None:
        """Show a push."""

    def tell_problem(self, problem: ParlourClientError | None) -> None:
        """Show what did not work, until the person does something else; None takes it away."""
        for line in self.query(ProblemLine):
            line.tell(problem)

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except ParlourClientError as error:
            self.tell_problem(error)


class _Waiting(Screen[None]):
    """Until the first greeting."""

    def compose(self) -> ComposeResult:
        """Create the child widgets."""
        yield SafeStatic(own(_("Connecting…")))


class StatusArea(Widget, inherit_css=False):
    """The lines at the bottom of every screen. A program's style for a Vertical is not for them."""

    DEFAULT_CSS = """
    StatusArea { dock: bottom; width: 1fr; height: auto; layout: vertical; }
    StatusArea StatusLine { padding: 0 1; background: $panel; }
    """


class LinkApp(SafeApp, Generic[G, Q, R, P]):
    """Logs in, keeps the connection up, and shows one screen of a program."""

    DEFAULT_CSS = """
    .dialog { align: center middle; }
    .dialog .box {
        width: 70; max-width: 96%; height: auto; max-height: 90%; padding: 0 1;
        border: round $primary; background: $surface;
    }
    .dialog Input { margin: 0; background: $panel; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l", "log_in", N_("Log in again"), show=False, id="link_app.log_in"),
        Binding("f2", "second_factors", N_("Second factors"), show=False, id="link_app.second_factors"),
        Binding("ctrl+r", "retry", N_("Connect now"), show=False, id="link_app.retry"),
    ]

    def __init__(
        self,
        program: str,
        home: Home,
        wire: Wire[Q, Any],
        screen: Callable[[Link[G, Q, R, P]], LinkScreen[G, Q, R, P]],
        *,
        trust: Trust | None = None,
        refused: type[RefusedError] = RefusedError,
    ) -> None:
        """Show what ``screen`` makes. ``program`` is the program's name, for people.

        ``trust`` is how a server that is not known yet is verified when someone logs in at an address; None
        for the system's roots. ``refused`` is that of ``Link``. Invite links begin with the name of the
        wire: `ticker://` for `ticker.v1`.
        """
        super().__init__()
        self.program = program
        self._wire, self._make_screen, self._trust = wire, screen, trust
        self._refused = refused
        self._sign_in = SignIn(ProfileFile(home))
        self._link: Link[G, Q, R, P] | None = None
        self._connecting: Worker[None] | None = None
        self._program_screen: LinkScreen[G, Q, R, P] | None = None

    async def on_mount(self) -> None:
        """Connect, or let someone log in first."""
        keep_memory_private()
        try:
            account = await self._sign_in.saved()
        except ParlourClientError as error:  # a damaged file is never replaced by a login
            waiting = _Waiting()
            await self.push_screen(waiting)
            waiting.query_one(SafeStatic).show(error_content(error))
            return
        if account is None:
            _done = self.push_screen(LoginScreen(own(self.program), self._entrance()), self._logged_in)
        else:
            self._logged_in(account)

    async def on_unmount(self) -> None:
        """Close the connection: the loop that it runs in ends soon."""
        if self._connecting is not None:
            self._connecting.cancel()
            with suppress(WorkerError):
                await self._connecting.wait()

    def _entrance(self) -> Entrance[InviteLink, Account]:
        async def login(server: Server, person: Credentials) -> Account:
            trust = server.trust or self._trust
            return await self._sign_in.log_in(
                server.address, trust, person.user, person.password, person.device, person.dialog
            )

        async def join(link: InviteLink, person: Credentials) -> Account:
            return await self._sign_in.join(link, person.user, person.password, person.device, person.dialog)

        scheme = self._wire.word
        return Entrance(login, join, partial(InviteLink.parse, scheme=scheme), lambda link: link, scheme)

    def _logged_in(self, account: Account | None) -> None:
        if account is not None:
            self._connecting = self.run_worker(self._connect(), group="link", exclusive=True)

    async def _connect(self) -> None:
        """Run the connection; an error in the program's own code ends the app."""
        await self._show(_Waiting())
        self._link = link = Link[G, Q, R, P](
            self._sign_in,
            await self._sign_in.store.load(),
            self._wire,
            on_connected=self._connected,
            on_status=self._status_changed,
            refused=self._refused,
        )
        try:
            async with link:
                await link.ended()
        except Exception:  # the screens go before the connection: what still comes finds no widgets
            if self.is_running and self.return_code is None:
                raise

    async def _connected(self, greeting: G) -> None:
        link = self._link
        if link is None:
            return
        screen = self._program_screen
        if screen is None:
            self._program_screen = screen = self._make_screen(link)
            await self._show(screen)
            await screen.laid_out.wait()
            link.subscribe(screen.pushed)
        screen.tell_problem(None)
        try:
            await screen.connected(greeting)
        except (RefusedError, SetupError) as error:  # any other is about the connection, which then ends
            screen.tell_problem(error)

    async def _show(self, screen: Screen[None]) -> None:
        """Show a screen, with the status line on it."""
        await self.push_screen(screen)
        await screen.mount(StatusArea(ProblemLine(), StatusLine()))
        if self._link is not None:
            self._status_changed(self._link.status)

    def _status_changed(self, status: ConnectionStatus) -> None:
        if self._link is None:
            return
        for screen in self.screen_stack:
            for line in screen.query(StatusLine):
                line.tell(status, self._link.account)
        if status.session_ended:
            before = self.screen
            self.action_log_in()
            if self.screen is not before:
                self.keys.guard(self.screen)  # nobody asked for it

    def goes_on_after(self, error: Exception) -> bool:
        """Say what was refused."""
        return isinstance(error, ParlourClientError) and self._told(error)

    def _told(self, problem: ParlourClientError | None) -> bool:
        """Return whether there is a screen that can say it."""
        if self._program_screen is not None:
            self._program_screen.tell_problem(problem)
        return self._program_screen is not None

    async def run_action(
        self,
        action: "str | ActionParseResult",
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Run an action of the app or of its screen, and say what was refused."""
        self._told(None)
        try:
            return await super().run_action(action, default_namespace, namespaces)
        except ParlourClientError as error:
            if not self._told(error):
                raise
            return True

    async def on_event(self, event: Event) -> None:
        """Take the problem away when the person goes on; what they type into a field leaves it."""
        if isinstance(event, MouseDown) or (isinstance(event, Key) and not event.is_printable):
            self._told(None)
        await super().on_event(event)

    def action_log_in(self) -> None:
        """Ask for the password again, if the session has ended."""
        link = self._link
        if link is None or not link.status.session_ended or isinstance(self.screen, LoginAgainScreen):
            return
        _done = self.push_screen(LoginAgainScreen(link, later=_("later, with Ctrl+L")))

    def action_second_factors(self) -> None:
        """Show the account's second factors, to add and remove them."""
        if self._program_screen is not None and not isinstance(self.screen, ModalScreen):
            _done = self.push_screen(SecondFactorsScreen(self._sign_in.factors))

    def action_retry(self) -> None:
        """Connect now instead of waiting."""
        if self._link is not None:
            with suppress(ParlourClientError):  # the status line says why that can't help
                self._link.retry_now()
