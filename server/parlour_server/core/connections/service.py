"""The connection service: the only way from the network to a program.

It registers connections, has the program greet them, hands frames to the dispatcher, and ends connections
with their sessions, whether the bus or the journal reports the end (S1: a socket that outlives its session).
While the database that it shares does not answer, connections are kept for a limited time, then closed, so
that people reach another server.
A connection is registered before anything is read for it, so that it misses no push and no end. A connection
that ends is removed everywhere at once and gets nothing more (S2).
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Generic, TypeVar

from parlour_protocol.kit.codec import request_id_of
from parlour_protocol.kit.errors import (
    ACCOUNT_DELETED,
    ACCOUNT_DISABLED,
    GOING_AWAY,
    SESSION_ENDED,
    TRY_AGAIN,
    CloseCode,
    ErrorCode,
    ProgramError,
)
from parlour_protocol.kit.frames import Greeting, Request
from parlour_protocol.kit.ids import ConnectionId, SessionId
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.audit import Audit
from parlour_server.core.bus.bus import Bus, SessionsEnded, user_subject
from parlour_server.core.clock import Clock
from parlour_server.core.config.server_settings import Rates
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.connections.budgets import AccountBudget, Budget, ConnectionBudget
from parlour_server.core.connections.connected_peers import ConnectedPeers
from parlour_server.core.connections.connection import PeerConnection
from parlour_server.core.connections.dispatcher import ANSWER_SECONDS, Conversation, RequestDispatcher
from parlour_server.core.connections.error_boundary import ErrorBoundary
from parlour_server.core.connections.error_frames import unavailable
from parlour_server.core.connections.extensions import Extensions
from parlour_server.core.connections.peer import Peer
from parlour_server.core.connections.request_counts import RequestCounts
from parlour_server.core.errors import RefusedError
from parlour_server.core.program import Program, Result
from parlour_server.core.quotas import Quotas
from parlour_server.core.store.records import AccountEnd, SessionEnded

S = TypeVar("S")

_NONE: Final = Extensions()

LOOK_SECONDS: Final = 5.0
"""Between two looks for requests that wait for too long."""

_CODES: Final = {
    None: SESSION_ENDED,
    AccountEnd.DISABLED: ACCOUNT_DISABLED,
    AccountEnd.DELETED: ACCOUNT_DELETED,
}
"""Only an open connection of the account learns what became of it; a login never does (P4)."""


class ConnectionService(Generic[S]):
    """All connections of a server, and the program that they speak with."""

    def __init__(
        self,
        program: Program[S],
        *,
        rates: Rates,
        connected: ConnectedPeers[S],
        background: BackgroundTasks,
        bus: Bus,
        activity: SessionActivity,
        audit: Audit,
        clock: Clock,
        quotas: Quotas,
        extensions: Extensions = _NONE,
    ) -> None:
        """Subscribe to the bus. Call it in the event loop."""
        self.wire: Final = program.wire
        wire = self.wire
        self._hits = quotas.hits
        self.requests: Final = RequestCounts(wire.requests)
        self._program = program
        self._pushes = frozenset(wire.pushes)
        self._rates = rates
        self._connected = connected
        self._background = background
        self._activity = activity
        self._clock = clock
        self._nodes = quotas.nodes
        self._closed = (program.closed, *extensions.closed)
        self._conversations: dict[ConnectionId, Conversation[S]] = {}
        self._ended: dict[SessionId, tuple[float, CloseCode]] = {}
        """Sessions that ended lately: their tickets may have been redeemed just before."""
        by_server = [kind for kind in wire.requests if kind.answered_by_server]
        budgets = {**dict.fromkeys(by_server, Budget.READ), **program.budgets}
        self._dispatcher = RequestDispatcher(
            program,
            wire=wire,
            accounts=AccountBudget(rates, budgets, quotas),
            audit=audit,
            background=background,
            clock=clock,
            end=self._end,
            strikes=rates.strikes,
            counts=self.requests,
            extensions=replace(
                extensions, answers={**dict.fromkeys(by_server, _refuse), **extensions.answers}
            ),
        )
        self._bus = bus
        background.start("looking for overdue requests", self._look(), lambda: None)
        bus.subscribe(self._notified)

    def opened(self, connection: PeerConnection) -> None:
        """Register a connection whose handshake is done, and have it greeted. Never raises."""
        session = connection.info.grant.session
        if session in self._ended:
            connection.end(self._ended[session][1])
            return
        peer = Peer(connection, self._pushes, self._end)
        budget = ConnectionBudget(self._rates, self._clock.monotonic(), self._hits)
        conversation = Conversation(connection, peer, budget)
        self._conversations[peer.id] = conversation
        self._activity.opened(session)
        self._connected.add(peer)
        self._nodes.connected(peer.user, len(self._connected.of(peer.user)))
        self._bus.listen(user_subject(peer.user))
        with ErrorBoundary("a connection", peer.fail):
            peer.state = self._program.state(peer)
            self._background.start("a greeting", self._greet(conversation), peer.fail)

    def received(self, connection: PeerConnection, data: bytes) -> None:
        """Handle one text frame (the payload, at most the limit of a request). Never raises."""
        conversation = self._conversations.get(connection.info.id)
        if conversation is None or conversation.peer.closed:
            return
        self._activity.used(conversation.peer.grant.session)
        with ErrorBoundary("a frame", lambda: self._failed(conversation, data)):
            self._dispatcher.receive(conversation, data)

    def closed(self, connection: PeerConnection) -> None:
        """Forget a connection, which has closed."""
        conversation = self._conversations.pop(connection.info.id, None)
        if conversation is not None:
            self._activity.closed(connection.info.grant.session)
            self._forget(conversation)

    def end_sessions(self, sessions: Iterable[SessionId], code: CloseCode = SESSION_ENDED) -> None:
        """End the connections of these sessions, now."""
        sessions = tuple(sessions)
        self._ended.update(dict.fromkeys(sessions, (self._clock.monotonic(), code)))
        for peer in self._connected.with_sessions(sessions):
            self._end(peer, code)

    def journal(self, entry: object) -> None:
        """Handle an entry of the journal, which another process may have written."""
        if isinstance(entry, SessionEnded):
            self.end_sessions((entry.session,), _CODES[entry.why])
        else:
            self._program.journal(entry)

    def look(self) -> None:
        """Answer requests that have waited for too long, and end what can't be served. It runs by itself."""
        if self._nodes.is_cut_off:
            for peer in self._connected.all_connections():
                self._end(peer, TRY_AGAIN)
        self._dispatcher.answer_overdue(tuple(self._conversations.values()))
        before = self._clock.monotonic() - ANSWER_SECONDS
        self._ended = {session: entry for session, entry in self._ended.items() if entry[0] > before}

    async def close(self) -> None:
        """End every connection and every task."""
        for peer in self._connected.all_connections():
            self._end(peer, GOING_AWAY)
        await self._background.close()

    def _notified(self, notice: object) -> None:
        if isinstance(notice, SessionsEnded):
            self.end_sessions(notice.sessions)
        else:
            self._program.notice(notice)

    async def _greet(self, conversation: Conversation[S]) -> None:
        peer = conversation.peer
        with ErrorBoundary("a greeting", peer.fail):
            async with asyncio.timeout(ANSWER_SECONDS):
                greeting = await self._program.greet(peer)
            if not peer.closed:
                self._greeted(conversation, greeting)

    def _greeted(self, conversation: Conversation[S], greeting: Greeting | None) -> None:
        peer = conversation.peer
        if greeting is None:
            # It ended after its ticket was redeemed and before this server was notified of its end.
            self._end(peer, SESSION_ENDED)
            return
        if type(greeting) is not self.wire.greeting:
            raise ProgramError(f"{type(greeting).__name__} is not the greeting of {self.wire.subprotocol}")
        conversation.greet(greeting)
        self._program.greeted(peer)

    async def _look(self) -> None:
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            with ErrorBoundary("looking for overdue requests"):
                self.look()

    def _failed(self, conversation: Conversation[S], data: bytes) -> None:
        """Answer a frame whose handling failed; if it started no request, close the connection."""
        request = request_id_of(data)
        if request is not None and request in conversation.started:
            conversation.answer(request, unavailable(self.wire, request))
        else:
            conversation.peer.fail()

    def _end(self, peer: Peer[S], code: CloseCode) -> None:
        conversation = self._conversations.get(peer.id)
        if conversation is None or peer.closed:
            return
        try:
            self._forget(conversation)
        finally:
            conversation.connection.end(code)

    def _forget(self, conversation: Conversation[S]) -> None:
        """Remove the connection everywhere, at once; idempotent."""
        peer = conversation.peer
        if peer.closed:
            return
        peer.forget()
        conversation.close()
        self._connected.remove(peer)
        self._nodes.connected(peer.user, len(self._connected.of(peer.user)))
        self._bus.unlisten(user_subject(peer.user))
        for closed in self._closed:
            with ErrorBoundary("forgetting a connection"):
                closed(peer)


def _refuse(_peer: Peer[S], _request: Request) -> Result:
    """Refuse what no capability of this server answers. Raises RefusedError."""
    raise RefusedError(ErrorCode.NOT_FOUND, "this server does not offer that")
