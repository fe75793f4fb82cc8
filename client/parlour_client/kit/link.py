"""A program's one connection to its server, kept up: requests, typed answers, and pushes.

Each connection has a fresh ticket; after a failure the next try waits longer, at random; after the session
has ended it waits for another login. Nothing is sent while offline: a request then raises. After each
greeting ``on_connected`` catches up before any push of that connection is delivered. A program that does more
while a connection lasts, as the chat does, calls ``keep_up`` with that.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random, SystemRandom
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from parlour_client.kit.account.dial import dial_over_tls
from parlour_client.kit.account.profile import Account, CurrentProfile, Profile
from parlour_client.kit.account.second_factor import NO_DIALOG, FactorDialog
from parlour_client.kit.account.sign_in import SignIn
from parlour_client.kit.clock import Clock, SystemClock
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.errors import (
    RefusedError,
    SetupError,
    StoppedError,
    UnreachableError,
)
from parlour_client.kit.event_bus import EventBus
from parlour_client.kit.language import _
from parlour_client.kit.transport.conversation import Conversation, G, P, Q, R
from parlour_client.kit.transport.frame_socket import Dial, FrameSocket
from parlour_client.kit.transport.https import MAX_ANSWER, Api
from parlour_client.kit.transport.reconnector import C, Reconnector
from parlour_client.kit.transport.trust import Verifier
from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.wire import Wire

A = TypeVar("A", bound=Payload)


async def _nothing(_: object) -> None:
    """Catch up with nothing."""


class Link(Generic[G, Q, R, P]):
    """The connection of one account: ``Link[Greeting, Requests, Results, Pushes]``.

    It runs in a task of its own while it is entered (``async with``). An error in a callback ends it, and is
    raised when it is left.
    """

    def __init__(
        self,
        sign_in: SignIn,
        profile: Profile,
        wire: Wire[Q, Any],
        *,
        on_connected: Callable[[G], Awaitable[None]] = _nothing,
        on_status: Callable[[ConnectionStatus], None] = lambda _: None,
        refused: type[RefusedError] = RefusedError,
        clock: Clock | None = None,
        chance: Random | None = None,
        dial: Callable[[CurrentProfile], Dial] | None = None,
    ) -> None:
        """Connect ``profile``, which ``sign_in`` has saved.

        ``on_connected`` gets the greeting, may ``ask``, and is awaited before pushes are delivered. A refusal
        is raised as ``refused``; a read that was too fast is sent again when the server allows.
        """
        self._sign_in = sign_in
        self._profile = profile
        self._wire: Final = wire
        self._clock = clock or SystemClock()
        self._on_connected = on_connected
        self._refused = refused
        current = self.current_profile
        self.dial = dial(current) if dial is not None else dial_over_tls(wire, current)
        """Opens a connection, with a fresh ticket."""
        self.reconnector = Reconnector(
            profile.server,
            self._clock,
            chance or SystemRandom(),
            on_status,
            sign_in.login_hint(profile.account),
        )
        """The state of the connection, for what waits until it changes."""
        self.conversation: Conversation[G, Q, R, P] | None = None
        """The current one: None while offline."""
        self.online = asyncio.Event()
        """Set while requests are answered, and what was missed has been caught up."""
        self._pushes = EventBus[P]()
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._running = asyncio.ensure_future(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            if error is None and not running.cancelled() and (fault := running.exception()) is not None:
                raise fault

    @property
    def account(self) -> Account:
        """The account that is connected."""
        return self._profile.account

    def current_profile(self) -> Profile:
        """Return the profile with the current session."""
        return self._profile

    @property
    def status(self) -> ConnectionStatus:
        """The state of the connection."""
        return self.reconnector.status

    async def ask(self, request: Q) -> R | None:
        """Send a request and return its result, None if it has none.

        Raises RefusedError, and UnreachableError while there is no connection or when it is lost before the
        answer: whether the request was done is then not known.
        """
        if self.conversation is None:
            if self.reconnector.stopped.is_set() and self.reconnector.error:
                raise self.reconnector.error
            raise UnreachableError(
                _("There is no connection to the server right now."), _("Try again when it is back.")
            )
        if isinstance(request, self._wire.reads):
            return await self.conversation.read(request)
        return await self.conversation.request(request)

    async def tell(self, request: Q) -> None:
        """Send something that needs no answer, and no error while offline."""
        if self.conversation is not None:
            await self.conversation.ask(request, lambda _: None)

    async def call(
        self, method: str, path: str, answer: type[A], body: Payload | None = None, *, limit: int = MAX_ANSWER
    ) -> A:
        """Call an operation of the program's HTTPS API with the account's session, also while not connected.

        Returns its answer, of ``limit`` bytes at most. Raises RefusedError, and LoggedOutError,
        UnreachableError or ServerMisbehavedError.
        """
        profile = self._profile
        api = Api(Verifier(profile.address, profile.trust))
        return await api.call(method, path, answer, bearer=profile.live_session.token, body=body, limit=limit)

    def subscribe(self, on_push: Callable[[P], None]) -> Callable[[], None]:
        """Call ``on_push`` for each push; returns a function that unsubscribes it."""
        return self._pushes.subscribe(on_push)

    def pushes(self) -> AsyncIterator[P]:
        """Yield pushes from this call on. Raises StoppedError when its reader lags too far behind."""
        return self._pushes.stream()

    async def connected(self, patience: float | None = None) -> None:
        """Wait until the connection is up and caught up. Raises why it is not, after ``patience`` seconds."""
        await self.reconnector.reach(self.online, patience)

    async def ended(self) -> None:
        """Wait until nothing is tried any more; ``status`` says why. Raises the error of a callback."""
        running = self._running
        if running is not None:
            await asyncio.wait({running})
            if not running.cancelled():  # else the link was left meanwhile
                running.result()

    def retry_now(self) -> None:
        """Try to connect now. Raises SetupError when connected, or when a retry can't help."""
        match self.status.state:
            case LinkState.ONLINE:
                raise SetupError(_("You are already connected."))
            case LinkState.STOPPED:
                raise self.reconnector.error or StoppedError(_("The client has stopped."))
            case _:
                self.reconnector.retry_now()

    async def drop(self) -> None:
        """Close the connection; the next one begins with a greeting."""
        if self.conversation is not None:
            await self.conversation.socket.close()

    async def log_in_again(self, password: Secret, dialog: FactorDialog = NO_DIALOG) -> None:
        """Log in after the session has ended, and go on. Raises SetupError, and why the server refuses."""
        if not self.status.session_ended:
            raise SetupError(_("You are already logged in."))
        self._profile = await self._sign_in.log_in_again(password, dialog)
        self.reconnector.session_renewed()

    async def keep_up(
        self,
        dial: Dial,
        open_conversation: Callable[[FrameSocket], C],
        converse: Callable[[C, Any], Awaitable[None]],
    ) -> None:
        """Stay connected, as ``async with`` does: in this task, and with these parameters of the loop.

        ``converse`` sets ``conversation`` and ``online``, and calls ``end`` when the connection ends.
        """
        try:
            await self.reconnector.run(dial, open_conversation, converse)
        except Exception:  # a callback's own fault: no one may wait for a connection that never comes
            self.reconnector.fail(StoppedError(_("The program failed.")))
            raise
        finally:
            self._pushes.end()
            self.reconnector.stopped.set()

    def end(self) -> None:
        """Go offline."""
        self.conversation = None
        self.online.clear()

    async def _run(self) -> None:
        await self.keep_up(self.dial, self._open_conversation, self._converse)

    def _open_conversation(self, socket: FrameSocket) -> Conversation[G, Q, R, P]:
        return Conversation(socket, self._wire, self._clock, refused=self._refused)

    async def _converse(self, conversation: Conversation[G, Q, R, P], greeting: G) -> None:
        self.conversation = conversation
        try:
            await conversation.first(self._on_connected(greeting))
            self.online.set()
            await conversation.listen(self._push)
        finally:
            self.end()

    async def _push(self, push: P) -> None:
        self._pushes.emit(push)
