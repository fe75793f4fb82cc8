"""The chat: greets connections, and passes frames to the dispatcher and notifications to the hub.

It implements ``Chat`` of `peer.py`. A connection is registered before anything is read for it, so that it
misses no event and no revocation. A connection that ends is removed everywhere at once and gets nothing more
(S2).
"""

import asyncio

from parlour_protocol.frames.replies import Hello, StatusUpdate
from parlour_protocol.kit.codec import request_id_of
from parlour_protocol.kit.errors import GOING_AWAY, SESSION_ENDED, CloseCode
from parlour_protocol.kit.ids import SessionId
from parlour_server.chat.commands import Commands
from parlour_server.chat.hub import Hub
from parlour_server.chat.key_change_notifier import KeyChangeNotifier
from parlour_server.chat.notices import (
    ConsentChanged,
    DeviceEphemeral,
    EventCommitted,
    KeysChanged,
    RoomEphemeral,
    UserEphemeral,
)
from parlour_server.chat.presence import Presence
from parlour_server.chat.queries import Queries
from parlour_server.chat_settings import ChatSettings
from parlour_server.kit.audit import Audit
from parlour_server.kit.auth.session_activity import SessionActivity
from parlour_server.kit.bus.bus import Bus, SessionsEnded
from parlour_server.kit.clock import Clock
from parlour_server.kit.connections.background_tasks import BackgroundTasks
from parlour_server.kit.connections.connected_peers import ConnectedPeers
from parlour_server.kit.connections.error_boundary import ErrorBoundary
from parlour_server.kit.connections.error_frames import unavailable
from parlour_server.kit.connections.peer import Peer
from parlour_server.kit.connections.peer_state import PeerState
from parlour_server.kit.connections.request_budgets import AccountBudget, ConnectionBudget
from parlour_server.kit.connections.request_dispatcher import RequestDispatcher
from parlour_server.store.interface import Store
from parlour_server.store.types import DevicesChanged, RoomAdvanced


class ChatService:
    """Everything between a connection's frames and the store."""

    def __init__(
        self,
        *,
        server: str,
        settings: ChatSettings,
        store: Store,
        bus: Bus,
        clock: Clock,
        steady: Clock,
        activity: SessionActivity,
        audit: Audit,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """``server`` is the name in the hello; the chat is subscribed to the bus from now on.

        ``steady`` measures the limits of sessions, ``clock`` dates events.
        """
        self._server = server
        self._rates = settings.rates
        self._store = store
        self._clock = clock
        self._steady = steady
        self._activity = activity
        self._states: dict[Peer, PeerState] = {}
        self._connected = ConnectedPeers()
        self._background = BackgroundTasks()
        self._hub = Hub(
            store=store,
            connected=self._connected,
            loop=loop,
            background=self._background,
            floor=settings.delivery.flush_ms / 1000,
        )
        self._presence = Presence(
            connected=self._connected,
            hub=self._hub,
            bus=bus,
            loop=loop,
            clock=clock,
            members=settings.delivery.presence_members,
        )
        self._keys = KeyChangeNotifier(
            store=store, hub=self._hub, connected=self._connected, background=self._background
        )
        commands = Commands(
            server=server,
            log=store.log,
            bus=bus,
            clock=clock,
            audit=audit,
            incarnation=store.incarnation,
        )
        queries = Queries(
            store=store, hub=self._hub, bus=bus, clock=clock, commands=commands, presence=self._presence
        )
        self._dispatcher = RequestDispatcher(
            accounts=AccountBudget(settings.rates),
            commands=commands,
            queries=queries,
            audit=audit,
            background=self._background,
            clock=clock,
            end=self._end,
            strikes=settings.rates.strikes,
        )
        bus.subscribe(self._on_notice)

    def opened(self, peer: Peer) -> None:
        """Register the connection, and greet it."""
        state = PeerState(peer, ConnectionBudget(self._rates, self._clock.monotonic()), self._end)
        self._states[peer] = state
        self._activity.opened(state.info.grant.session)
        self._connected.add(state)
        self._background.start("a greeting", self._greet(state), state.fail)

    def received(self, peer: Peer, data: bytes) -> None:
        """Handle one frame."""
        state = self._states.get(peer)
        if state is None or state.closed:
            return
        self._activity.used(state.info.grant.session)
        with ErrorBoundary("a frame", lambda: self._failed(state, data)):
            self._dispatcher.receive(state, data)

    def closed(self, peer: Peer) -> None:
        """Forget the connection."""
        state = self._states.pop(peer, None)
        if state is not None:
            self._activity.closed(state.info.grant.session)
            self._forget(state)

    def journal(self, entry: object) -> None:
        """Handle what another process did: it appended an event, or changed an account's devices."""
        if isinstance(entry, RoomAdvanced):
            self._hub.advanced(entry.room, entry.seq)
        elif isinstance(entry, DevicesChanged):
            self._keys.changed(entry.user)

    async def close(self) -> None:
        """End every connection and every task."""
        for state in self._connected.all_connections():
            self._end(state, GOING_AWAY)
        await self._background.close()

    def _on_notice(self, notice: object) -> None:
        if isinstance(notice, EventCommitted):
            self._hub.committed(notice.event)
        elif isinstance(notice, SessionsEnded):
            self._end_sessions(notice.sessions)
        elif isinstance(notice, UserEphemeral):
            self._hub.send_to_user(notice)
        elif isinstance(notice, DeviceEphemeral):
            self._hub.send_to_device(notice)
        elif isinstance(notice, KeysChanged):
            self._keys.changed(notice.user)
        elif isinstance(notice, ConsentChanged):
            self._hub.consent_changed(notice.user, notice.room)
        elif isinstance(notice, RoomEphemeral):
            if isinstance(notice.frame, StatusUpdate):
                self._presence.status_received(notice, notice.frame)
            else:
                self._hub.send_to_room(notice)

    def _end_sessions(self, sessions: frozenset[SessionId]) -> None:
        for state in self._connected.with_sessions(sessions):
            self._end(state, SESSION_ENDED)

    async def _greet(self, state: PeerState) -> None:
        grant = state.info.grant
        with self._connected.watching(grant.user) as ended:
            found = await self._store.rooms.greeting(grant.user, grant.session, self._steady.now())
        if found is None:
            # It ended after its ticket was redeemed and before this chat was notified of its end.
            self._end(state, SESSION_ENDED)
            return
        if state.closed:
            return
        state.greet(
            Hello(
                server=self._server,
                user=grant.user,
                device=grant.device,
                session=grant.session,
                now=self._clock.now(),
                incarnation=self._store.incarnation,
                rooms=tuple(self._hub.subscribe_all(state, found.rooms, ended)),
                invitations=found.invitations,
            )
        )
        self._hub.enter_late(state)
        self._presence.changed(state.user, state.visible_rooms)

    def _failed(self, state: PeerState, data: bytes) -> None:
        """Answer a frame whose handling failed; if it started no request, close the connection."""
        request = request_id_of(data)
        if request is not None and request in state.session.in_flight:
            state.answer(unavailable(request))
        else:
            state.fail()

    def _end(self, state: PeerState, code: CloseCode) -> None:
        if state.closed:
            return
        try:
            self._forget(state)
        finally:
            state.peer.end(code)

    def _forget(self, state: PeerState) -> None:
        """Remove the connection everywhere, at once; idempotent."""
        if state.closed:
            return
        state.closed = True
        state.session.close()
        state.queue.clear()
        self._connected.remove(state)
        self._presence.left(state)
        self._hub.leave_all(state)
