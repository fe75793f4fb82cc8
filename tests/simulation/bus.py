"""A bus that loses, repeats, delays and reorders what it carries, and that servers lose at times."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from tests.simulation.loop import Scheduler, SimulatedLoop

from parlour_server.app.kit_notices import KIT_NOTICES
from parlour_server.chat.service.notices import NOTICES
from parlour_server.core.bus.bus import EVERYONE, Handler, LossHandler
from parlour_server.core.bus.local_bus import LocalBus

_SUBJECTS: Final = {each.kind: each.subjects for each in (*KIT_NOTICES, *NOTICES)}


@dataclass
class BusFaults:
    """How it fails: probabilities, and the longest delay in seconds."""

    drop: float = 0.0
    repeat: float = 0.0
    delay: float = 0.001


@dataclass
class Network:
    """What connects the servers' buses."""

    scheduler: Scheduler
    faults: BusFaults = field(default_factory=BusFaults)
    buses: "list[SimulatedBus]" = field(default_factory=list)

    def carry(self, source: "SimulatedBus", notice: object) -> None:
        """Deliver to the other servers, as far as the faults allow."""
        chance = self.scheduler.random.random
        subjects = tuple(_SUBJECTS[type(notice)](notice))
        for bus in self.buses:
            if bus is source or not (source.connected and bus.connected) or bus.hears.isdisjoint(subjects):
                continue
            copies = 0 if chance() < self.faults.drop else 2 if chance() < self.faults.repeat else 1
            for _ in range(copies):
                self.scheduler.at(self.scheduler.now + self.delay(), bus.loop, bus.receive, notice)

    def delay(self) -> float:
        """Return how long something takes that is sent now."""
        return self.scheduler.random.random() * self.faults.delay


class SimulatedBus:
    """One server's connection to the bus."""

    is_shared: bool = True

    def __init__(self, network: Network, loop: SimulatedLoop) -> None:
        self.loop = loop
        self.connected = True
        self._network = network
        self._here = LocalBus()
        self._listening: Counter[str] = Counter()
        self.hears = {EVERYONE}
        """The subjects of which this server hears."""
        self._loss_handlers: list[LossHandler] = []
        network.buses.append(self)

    def publish(self, notice: object) -> None:
        self._network.carry(self, notice)
        self._here.publish(notice)

    def receive(self, notice: object) -> None:
        """Take what another server published."""
        if self.connected:
            self._here.publish(notice)

    def publish_elsewhere(self, notice: object) -> None:
        self._network.carry(self, notice)

    def listen(self, subject: str) -> None:
        """Hear of this subject a little later; what it missed until then is reported as lost."""
        self._listening[subject] += 1
        if self._listening[subject] == 1:
            self._network.scheduler.at(
                self._network.scheduler.now + self._network.delay(), self.loop, self._arranged, subject
            )

    def unlisten(self, subject: str) -> None:
        self._listening[subject] -= 1
        if not self._listening[subject]:
            self.hears.discard(subject)

    def on_loss(self, handler: LossHandler) -> None:
        self._loss_handlers.append(handler)

    def _arranged(self, subject: str) -> None:
        if self._listening[subject] and self.connected:
            self.hears.add(subject)
            self._lost((subject,))

    def _lost(self, subjects: Collection[str] | None) -> None:
        for handler in self._loss_handlers:
            handler(subjects)

    def _reconnected(self) -> None:
        self.hears = {EVERYONE} | {subject for subject, count in self._listening.items() if count}
        self._lost(None)

    def subscribe(self, handler: Handler) -> None:
        self._here.subscribe(handler)

    def disconnect(self) -> None:
        """Lose the connection."""
        self.connected = False

    def connect(self) -> None:
        """Connect again."""
        if not self.connected and not self.loop.killed:
            self.connected = True
            self._network.scheduler.at(self._network.scheduler.now, self.loop, self._reconnected)

    def leave(self) -> None:
        """Be gone for good."""
        self.connected = False
        self._network.buses.remove(self)

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""
