"""Keeps one connection to the server: opens it, waits, opens it again, and reports its state.

Each try gets a fresh ticket (K10). The delay is randomised, so that a thousand clients do not reconnect in
the same moment. It stays within a second for as long as a restart of the server takes, and then it grows.
Only what needs the person (an ended session, a changed pin) stops it. After an ended session it continues
when there is a new one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from random import Random
from typing import Any, Final, TypeVar

from parlour_client.kit.clock import Clock
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.errors import (
    AccountDeletedError,
    ParlourClientError,
    SessionEndedError,
    StoppedError,
    UnreachableError,
)
from parlour_client.kit.language import N_, _
from parlour_client.kit.transport.conversation import Conversation
from parlour_client.kit.transport.frame_socket import Dial, FrameSocket, SocketClosedError
from parlour_protocol.kit.errors import (
    ACCOUNT_DELETED,
    ACCOUNT_DISABLED,
    GOING_AWAY,
    SESSION_ENDED,
    SESSION_EXPIRED,
    TOO_FAST,
    TOO_MANY_ERRORS,
    TOO_SLOW,
    TRY_AGAIN,
)

T = TypeVar("T")

UNDER_WAY_SECONDS: Final = 60.0
"""How long a wait whose patience is over goes on while nothing has failed: the steps of a try have limits."""

FIRST_WAIT: Final = 0.25
RESTART_WAIT: Final = 1.0
RESTART_TRIES: Final = 10
"""So often it waits for at most ``RESTART_WAIT``: some seven seconds, in which systemd restarts a server."""
LONGEST_WAIT: Final = 30.0
STEADY_AFTER: Final = 10_000
"""Milliseconds: after a connection that lasted this long, the delay starts from the first one again."""

C = TypeVar("C", bound=Conversation[Any, Any, Any, Any])


class Reconnector:
    """The state of the connection, and the loop that maintains it."""

    def __init__(
        self,
        server: str,
        clock: Clock,
        chance: Random,
        on_status: Callable[[ConnectionStatus], None],
        login_hint: str = SessionEndedError.hint,
    ) -> None:
        """``login_hint`` says how to log in again, once the session has ended."""
        self._server = server
        self._login_hint = login_hint
        self._clock = clock
        self._chance = chance
        self._on_status = on_status
        self._now = asyncio.Event()
        self._renewed = asyncio.Event()
        self.status = ConnectionStatus(LinkState.OFFLINE, server, _("not connected"))
        self.error: ParlourClientError | None = None
        """Why the last try failed, or the last connection ended."""
        self._failed = asyncio.Event()
        """Set while there is an error."""
        self.stopped = asyncio.Event()
        """Set while nothing is tried any more."""

    def retry_now(self) -> None:
        """Try now instead of waiting."""
        self._now.set()

    def session_renewed(self) -> None:
        """Continue with a new session."""
        self.stopped.clear()
        self._set_error(None)
        self._renewed.set()

    async def unless_stopped(self, waiting: Coroutine[Any, Any, T] | Awaitable[T]) -> T:
        """Wait, but not for something that can't happen any more: raises why the client stopped."""
        return await self._unless({self.stopped}, waiting)

    async def unless_failed(self, waiting: Coroutine[Any, Any, T] | Awaitable[T]) -> T:
        """Wait until a try fails, or the client stops; raises why. At once if the last one failed."""
        return await self._unless({self._failed, self.stopped}, waiting)

    async def reach(self, event: asyncio.Event, patience: float | None) -> None:
        """Wait for an event of the connection. Raises why it can't happen; on timeout the last problem.

        After ``patience`` seconds the wait goes on while nothing has failed: a slow line is no failure.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self.unless_stopped(event.wait())
                return
        try:
            async with asyncio.timeout(UNDER_WAY_SECONDS):
                await self.unless_failed(event.wait())
        except TimeoutError:
            raise UnreachableError(_("The server is not responding.")) from None

    async def _unless(self, ends: set[asyncio.Event], waiting: Coroutine[Any, Any, T] | Awaitable[T]) -> T:
        task: asyncio.Future[Any] = asyncio.ensure_future(waiting)
        ended = {asyncio.ensure_future(event.wait()) for event in ends}
        try:
            await asyncio.wait({task, *ended}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise self.error or StoppedError(_("The client was stopped."))
            result: T = task.result()
            return result
        finally:
            task.cancel()
            for closing in ended:
                closing.cancel()

    def fail(self, error: ParlourClientError) -> None:
        """Stop for ever: something other than the connection failed."""
        self._set_error(error)
        self._set(LinkState.STOPPED)

    async def run(
        self,
        dial: Dial,
        open_conversation: Callable[[FrameSocket], C],
        converse: Callable[[C, Any], Awaitable[None]],
    ) -> None:
        """Connect and stay connected; returns when only the person can help, and a new session would not.

        ``open_conversation`` makes the conversation over a socket; ``converse`` gets it and the greeting, and
        runs while the connection lasts.
        """
        tries = 0
        while True:
            self._set(LinkState.CONNECTING)
            began = self._clock.now()
            try:
                await self._one_connection(dial, open_conversation, converse)
            except ParlourClientError as error:
                self._set_error(self._in_words(error))
            except TimeoutError:
                self._set_error(UnreachableError(_("The server is not responding.")))
            if self.error is not None and self.error.stops:
                self._renewed.clear()
                self._set(LinkState.STOPPED)
                if not _needs_login(self.error):
                    return
                await self._renewed.wait()
                tries = 0
                continue
            tries = 1 if self._clock.now() - began > STEADY_AFTER else tries + 1
            await self._wait(tries)

    async def _one_connection(
        self,
        dial: Dial,
        open_conversation: Callable[[FrameSocket], C],
        converse: Callable[[C, Any], Awaitable[None]],
    ) -> None:
        socket = await dial()
        try:
            conversation = open_conversation(socket)
            hello = await conversation.hello()
            self._set_error(None)
            self._set(LinkState.ONLINE, security=socket.security)
            await converse(conversation, hello)
        finally:
            await socket.close()

    async def _wait(self, tries: int) -> None:
        if tries <= RESTART_TRIES:
            longest = min(RESTART_WAIT, FIRST_WAIT * 2 ** (tries - 1))
        else:
            longest = min(LONGEST_WAIT, RESTART_WAIT * 2 ** min(tries - RESTART_TRIES, 20))
        seconds = longest * self._chance.uniform(0.5, 1.0)
        self._set(LinkState.OFFLINE, retry_in=seconds)
        self._now.clear()
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        retried = asyncio.ensure_future(self._now.wait())
        try:
            await asyncio.wait({sleeping, retried}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            retried.cancel()

    def _set_error(self, error: ParlourClientError | None) -> None:
        self.error = error
        if error is None:
            self._failed.clear()
        else:
            self._failed.set()

    def _set(
        self, state: LinkState, *, security: str = N_("not connected"), retry_in: float | None = None
    ) -> None:
        problem = str(self.error) if self.error is not None and state is not LinkState.ONLINE else ""
        ended = state is LinkState.STOPPED and _needs_login(self.error)
        self.status = ConnectionStatus(
            state, self._server, _(security), problem, retry_in, session_ended=ended
        )
        if state is LinkState.STOPPED:
            self.stopped.set()
        self._on_status(self.status)

    def _in_words(self, error: ParlourClientError) -> ParlourClientError:
        """Say why a connection ended."""
        code = error.code if isinstance(error, SocketClosedError) else None
        if code == ACCOUNT_DELETED:
            return AccountDeletedError(_("The server's operator deleted this account."))
        if code == ACCOUNT_DISABLED:
            return SessionEndedError(_("The server's operator disabled this account."), self._login_hint)
        if isinstance(error, SessionEndedError) or code in {SESSION_ENDED, SESSION_EXPIRED}:
            return SessionEndedError(_("The session has ended."), self._login_hint)
        if not isinstance(error, SocketClosedError):
            return error
        return UnreachableError(_CLOSE_WORDS.get(code or 0, _("The connection was lost.")))


def _needs_login(error: ParlourClientError | None) -> bool:
    return isinstance(error, SessionEndedError) and not isinstance(error, AccountDeletedError)


_CLOSE_WORDS: Final = {
    int(GOING_AWAY): N_("The server is restarting."),
    int(TRY_AGAIN): N_("The server can't reach its database."),
    int(TOO_FAST): N_("The server closed the connection: too many messages."),
    int(TOO_MANY_ERRORS): N_("The server closed the connection: too many refused requests."),
    int(TOO_SLOW): N_("The server closed the connection: this client read too slowly."),
}
