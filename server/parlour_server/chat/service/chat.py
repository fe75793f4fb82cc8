"""The chat as a program of the kit: greets people, handles their requests, and delivers what happens.

The connection service counts, orders and answers; nothing here does. A membership that ends while a greeting
is read does not come back with it (S4).
"""

from collections.abc import Coroutine, Mapping
from typing import Any, Final

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.replies import Hello
from parlour_protocol.frames.requests import (
    CommandRequest,
    Cost,
    CreateRoom,
    Invite,
    OpenDirect,
    OptionalRequest,
    QueryRequest,
    RoomRequest,
)
from parlour_protocol.frames.wire import WIRE
from parlour_protocol.kit.frames import Request
from parlour_protocol.kit.token_buckets import HOUR
from parlour_protocol.kit.unions import members
from parlour_server.app.parts import Parts
from parlour_server.chat.hooks import ChatHooks
from parlour_server.chat.service.commands import AUTHORIZATION, Commands, MessageCounts
from parlour_server.chat.service.hub import Hub
from parlour_server.chat.service.key_change_notifier import KeyChangeNotifier
from parlour_server.chat.service.notices import (
    ConsentChanged,
    DeviceEphemeral,
    DeviceWaits,
    EventCommitted,
    KeysChanged,
    RoomEphemeral,
    UserEphemeral,
)
from parlour_server.chat.service.peer_state import ChatPeer, PeerState
from parlour_server.chat.service.queries import Queries
from parlour_server.chat.settings import ChatSettings
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import ConsentRecorded, DevicesChanged, RoomAdvanced
from parlour_server.core.account_buckets import AccountBuckets
from parlour_server.core.connections.budgets import Budget, Budgets
from parlour_server.core.errors import RefusedError
from parlour_server.core.program import Pending, Result

_BUDGETS: Final = {Cost.MESSAGE: Budget.MESSAGE, Cost.READ: Budget.READ, Cost.FREE: Budget.FREE}


class Chat:
    """Everything between a request and the store."""

    audited = AUTHORIZATION
    wire = WIRE

    def __init__(self, parts: Parts[ChatSettings, ChatStore]) -> None:
        """Take the parts of its server. Call it in the event loop."""
        settings, rates, limits = parts.settings, parts.settings.rates, parts.quotas.accounts
        self._server = parts.server
        self._store = parts.store
        self._clock = parts.clock
        self._steady = parts.steady
        self.commands = Commands(
            server=parts.server,
            log=parts.store.log,
            clock=parts.clock,
            audit=parts.audit,
            incarnation=parts.store.incarnation,
            messages=settings.messages,
        )
        self.hooks: Final = ChatHooks()
        self.hub = Hub(parts, self.commands.record, self.hooks)
        self.positions = self.hub.positions
        self._keys = KeyChangeNotifier(parts, self.hub)
        self._queries = Queries(parts, self.hub, self.commands, self.hooks)
        invited, made = rates.invites_per_hour, rates.rooms_per_hour
        rooms = AccountBuckets(limits, "rates.rooms_per_hour", made, per=HOUR, burst=made)
        invites = AccountBuckets(limits, "rates.invites_per_hour", invited, per=HOUR, burst=invited)
        self.hooks.limits.update({Invite: invites, CreateRoom: rooms, OpenDirect: rooms})
        self.hooks.handlers.update(
            {
                **dict.fromkeys(members(CommandRequest), self.commands.append),
                **dict.fromkeys(members(QueryRequest), self._queries.answer),
                **dict.fromkeys(members(OptionalRequest), _refuse),
            }
        )

    @property
    def budgets(self) -> Budgets:
        """The limits that its requests count for."""
        limits = self.hooks.limits
        own = {
            kind: _BUDGETS.get(kind.cost) or limits[kind] for kind in members(CommandRequest | QueryRequest)
        }
        optional = {kind: _BUDGETS.get(kind.cost, Budget.MESSAGE) for kind in members(OptionalRequest)}
        return {**own, **optional, **limits}

    @property
    def messages(self) -> MessageCounts:
        """The messages that were stored here."""
        return self.commands.messages

    @property
    def live_rooms(self) -> int:
        """How many rooms have someone who is connected here."""
        return len(self.hub.fanout.logs)

    @property
    def gaps_filled(self) -> int:
        """How many gaps in rooms' events were filled from the store."""
        return self.hub.fanout.gaps.filled

    def state(self, peer: ChatPeer) -> PeerState:
        """Return the state of a connection that is in no room yet."""
        del peer
        return PeerState(self._clock.monotonic())

    async def greet(self, peer: ChatPeer) -> Hello | None:
        """Return the hello, and deliver the events of its rooms from then on."""
        grant = peer.grant
        with self.hub.ended.watching(grant.user) as ended:
            found = await self._store.rooms.greeting(grant.user, grant.session, self._steady.now())
        if found is None or peer.closed:
            return None
        return Hello(
            server=self._server,
            user=grant.user,
            device=grant.device,
            session=grant.session,
            now=self._clock.now(),
            incarnation=self.commands.incarnation,
            rooms=tuple(self.hub.subscribe_all(peer, found.rooms, ended)),
            invitations=found.invitations,
        )

    def greeted(self, peer: ChatPeer) -> None:
        """Enter the rooms that were entered meanwhile, and tell the capabilities."""
        self.hub.enter_late(peer)
        for greeted in self.hooks.greeted:
            greeted(peer)

    def handle(self, peer: ChatPeer, request: Request) -> Pending[Any] | Coroutine[Any, Any, Result] | Result:
        """Append what the request says, or wait for the store."""
        return self.hooks.handlers[type(request)](peer, request)

    def about(self, request: Request) -> Mapping[str, str | None]:
        """Return the room of a request."""
        return {"room": request.room if isinstance(request, RoomRequest) else None}

    def notice(self, notice: object) -> None:
        """Deliver what the bus reports."""
        if isinstance(notice, EventCommitted):
            self.hub.fanout.committed(notice.event.room, notice.event)
        elif isinstance(notice, UserEphemeral):
            self.hub.send_to_user(notice)
        elif isinstance(notice, DeviceEphemeral):
            self.hub.send_to_device(notice)
        elif isinstance(notice, KeysChanged):
            self._keys.changed(notice.user)
        elif isinstance(notice, DeviceWaits):
            self._keys.device_waits(notice.user)
        elif isinstance(notice, ConsentChanged):
            self.hub.consent_changed(notice.user, notice.room)
        elif isinstance(notice, RoomEphemeral):
            self.hub.send_to_room(notice)

    def journal(self, entry: object) -> None:
        """Handle what another process did: it appended an event, or changed memberships or devices."""
        if isinstance(entry, RoomAdvanced):
            self.hub.advanced(entry.room, entry.seq, entry.who)
        elif isinstance(entry, ConsentRecorded):
            self.hub.consent_recorded(entry.user, entry.room)
        elif isinstance(entry, DevicesChanged):
            self._keys.changed(entry.user)

    def closed(self, peer: ChatPeer) -> None:
        """Remove a connection from its rooms."""
        for left in self.hooks.leaving:
            left(peer)
        self.hub.leave_all(peer)


def _refuse(_peer: ChatPeer, _request: Request) -> Result:
    """Refuse what no capability of this server handles. Raises RefusedError."""
    raise RefusedError(ErrorCode.NOT_FOUND, "this server does not offer that")
