"""A simulated server: the real chat, connection service and journal follower on simulated surroundings."""

import asyncio
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any

from tests.server.chat.service.fakes import GENEROUS, RecordingAudit
from tests.simulation.bus import SimulatedBus
from tests.simulation.store import NodeStore

from parlour_protocol.kit.ids import Millis
from parlour_server.app.parts import Parts
from parlour_server.chat.service.chat import Chat
from parlour_server.chat.service.peer_state import PeerState
from parlour_server.chat.settings import ChatSettings, Delivery
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.bus.bus import SessionsEnded
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.connections.connected_peers import ConnectedPeers
from parlour_server.core.connections.service import ConnectionService
from parlour_server.core.connections.topics import Topics
from parlour_server.core.errors import UnavailableError
from parlour_server.core.quotas import Quotas
from parlour_server.host.journal_follower import JournalFollower

if TYPE_CHECKING:
    from tests.simulation.loop import Scheduler
    from tests.simulation.world import World

    from parlour_server.core.store.records import SessionRecord


class VirtualClock:
    """Both clocks of a server, from the time of the scheduler."""

    def __init__(self, scheduler: "Scheduler") -> None:
        self._scheduler = scheduler

    def now(self) -> Millis:
        return Millis(1_700_000_000_000 + int(self._scheduler.now * 1000))

    def monotonic(self) -> float:
        return 1_000.0 + self._scheduler.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Node:
    """One server process, from its start until it is killed."""

    def __init__(self, world: "World", name: str) -> None:
        self.name = name
        self.running = False
        self._world = world
        scheduler = world.scheduler
        self.loop = scheduler.new_loop()
        self.bus = SimulatedBus(world.network, self.loop)
        clock = VirtualClock(scheduler)
        self.store = NodeStore(world.database, scheduler, self.loop, clock, world.store_faults)
        self.service: ConnectionService[PeerState]
        self._clock = clock
        self.loop.call_soon(self._start, context=Context())

    def _start(self) -> None:
        background = BackgroundTasks()
        connected: ConnectedPeers[PeerState] = ConnectedPeers()
        audit = RecordingAudit()
        fields: dict[str, Any] = dict.fromkeys(Parts.__dataclass_fields__)
        own = {
            "server": "chat.example",
            "settings": ChatSettings(rates=GENEROUS, delivery=Delivery(flush_ms=13)),
            "store": self.store,
            "connected": connected,
            "quotas": Quotas(),
            "background": background,
            "bus": self.bus,
            "clock": self._clock,
            "steady": self._clock,
            "audit": audit,
            "topics": Topics(self.loop, 0.0, frozenset(), self.bus),
        }
        parts: Parts[Any, Any] = Parts(**fields | own)
        self.chat = Chat(parts)
        self.service = ConnectionService(
            self.chat,
            rates=GENEROUS,
            connected=connected,
            background=background,
            bus=self.bus,
            activity=SessionActivity(self._clock),
            audit=audit,
            clock=self._clock,
            quotas=parts.quotas,
        )
        self._follower = JournalFollower(self.store.journal, self.service.journal)
        self.loop.create_task(self._follow())
        if self._world.plan.nodes > 1:
            self.loop.create_task(self.chat.positions.run())

    async def _follow(self) -> None:
        while not self.running:
            with suppress(UnavailableError):  # a server that cannot read it ends, and is started again
                await self._follower.begin()
                self.running = True
        await self._follower.run()

    async def end_session(self, session: "SessionRecord") -> None:
        """End a session, as someone's request does."""
        with suppress(UnavailableError):  # whoever asked is told so; it may have ended all the same
            await self.store.sessions.end(ByOperator(session.user), session.id)
            self.bus.publish(SessionsEnded(frozenset({session.id})))

    def kill(self) -> None:
        """Stop at once, in the middle of everything."""
        self.running = False
        self.bus.leave()
        self._world.scheduler.kill(self.loop)
