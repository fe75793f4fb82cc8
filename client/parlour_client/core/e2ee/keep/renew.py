"""When this device renews its own keys in a room, and erasing those that are over.

So a stolen state is soon worth little. In direct rooms a device renews when the direction of the conversation
turns, at most once a minute; in other rooms after joining, after a day of membership in which something was
written, after 200 own messages, and after a long sleep. Each is spread at random, and more widely after a
mass add, so that a big tree fills without a storm of commits. Who wrote last where is only in memory; after a
restart the rule errs towards renewing. The scheduler does the renewing, when it is due.

SQLite overwrites deleted data in the file, but old pages stay in the write-ahead log until it is emptied,
which a reader can delay. So it is tried until it succeeds: soon after an epoch, once a minute in any case
(another program of this home may have ended in between), and when the program ends. Keys of past epochs also
expire by this device's own clock.
"""

from dataclasses import dataclass
from random import Random
from typing import Final

from parlour_client.core.e2ee.group.run import Receipt
from parlour_client.core.e2ee.group.store import GroupStatus, scrub
from parlour_client.core.e2ee.keep.keys import Keys
from parlour_client.core.e2ee.keep.schedule import Scheduler
from parlour_client.core.e2ee.world import World, quietly
from parlour_client.kit.clock import Timer
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
OWN_MESSAGES: Final = 200
MOST_UNSEEN: Final = 20
"""Own messages after which a program checks again how many were sent."""
LONG_SLEEP: Final = 10 * MINUTE
"""Milliseconds without our own timers running: the machine was suspended."""
TURN_AT_MOST: Final = MINUTE
_JITTER_ROOM: Final = 10_000
"""Milliseconds over which members of a small room spread."""
_PER_DEVICE: Final = 500
"""Milliseconds more for each device of a big one: 200 devices commit over 110 s after a mass add."""


@dataclass(frozen=True, slots=True)
class RenewalFacts:
    """The facts that the rule uses. Times are milliseconds; None: never."""

    direct: bool
    devices: int
    joined: Millis | None
    renewed: Millis | None
    """When this device last renewed its keys here."""
    sent: int
    """Messages of this device since then."""
    last_written: Millis | None
    """When anyone last wrote something here."""
    turned: bool = False
    """The message being sent answers one of someone else: the direction of the conversation turns."""
    slept: Millis | None = None
    """When the machine last woke up from a long sleep."""


def due(facts: RenewalFacts, now: Millis) -> bool:
    """Say whether a renewal is due."""
    if facts.devices < 2 or facts.joined is None:  # noqa: PLR2004 - alone, there is nobody to heal towards
        return False
    since = facts.renewed
    if since is None or since > now + HOUR:
        # After joining: until then the leaf's keys are those of the key package. A clock that was wrong must
        # not delay it.
        return True
    if facts.slept is not None and facts.slept > since:
        return True
    if facts.sent >= OWN_MESSAGES:
        return True
    if facts.direct and facts.turned:
        return now - since >= TURN_AT_MOST
    return now - since >= DAY and facts.last_written is not None and facts.last_written > since


def quiet(facts: RenewalFacts, now: Millis) -> tuple[int, Millis]:
    """Return how many more own messages, and until when, ``due`` stays false unless the direction turns.

    Only while the group stays as it is and the machine does not sleep. Never many: another program of the
    same home may send as well.
    """
    if due(facts, now) or facts.renewed is None:
        return 0, now
    return min(MOST_UNSEEN, OWN_MESSAGES - facts.sent - 1), Millis(max(now, facts.renewed + DAY))


def delay(facts: RenewalFacts, chance: Random) -> float:
    """Return seconds to wait before it, so that not all members commit at once."""
    if facts.direct:
        return 0.0 if facts.turned else chance.uniform(0.2, 2.0)
    spread = _JITTER_ROOM + _PER_DEVICE * facts.devices
    return chance.uniform(0.5, spread / 1_000)


_HEARTBEAT: Final = 60.0
"""Seconds between two clock readings, which reveal a long sleep."""


class Renewal:
    """Who wrote last where, and when this machine slept."""

    def __init__(self, world: World, keys: Keys, scheduler: Scheduler) -> None:
        self._world = world
        self._keys = keys
        self._scheduler = scheduler
        self._last: dict[RoomId, UserName] = {}
        self._last_written: dict[RoomId, Millis] = {}
        self._looked: dict[RoomId, Millis] = {}
        self._quiet: dict[RoomId, tuple[int, Millis]] = {}
        """How many more messages of ours, and until when, the rule has nothing to say."""
        self._slept: Millis | None = None
        self._beat: Millis | None = None
        self._timer: Timer | None = None

    def start(self) -> None:
        """Start with a connection."""
        self._heartbeat()

    def stop(self) -> None:
        """Stop with it; the last clock reading stays: a sleep cuts connections."""
        if self._timer is not None:
            self._timer.cancel()

    def renew_soon(self, room: RoomId) -> None:
        """Renew soon, whatever the rule says."""
        self._scheduler.renew(room, self._world.chance.uniform(0, 5))

    def received(self, room: RoomId, receipt: Receipt) -> None:
        """Note who wrote, and check the group again if it changed."""
        for item in receipt.items:
            if item.sealed and item.message is not None:
                self._last[room] = item.event.author
                self._last_written[room] = self._world.clock.now()
        if receipt.moved:
            self._quiet.pop(room, None)
        entered = any(item.note is not None for item in receipt.items) and receipt.moved
        if entered or self._is_long_ago(room):
            self._scheduler.later(room, self._consider)

    def sent(self, room: RoomId) -> None:
        """Note that a message of ours was stored."""
        turned = self._last.get(room) != self._world.state.me
        self._last[room] = self._world.state.me
        self._last_written[room] = self._world.clock.now()
        direct = (summary := self._world.state.summary(room)) is None or summary.kind is RoomKind.DIRECT
        if turned and direct:
            self._scheduler.later(room, self._turned)
        elif not self._is_quiet(room):
            self._scheduler.later(room, self._consider)

    def _is_quiet(self, room: RoomId) -> bool:
        """Count a message of ours; say whether no renewal can be due."""
        left, until = self._quiet.get(room, (0, Millis(0)))
        self._quiet[room] = left - 1, until
        return left > 0 and self._world.clock.now() < until

    async def _turned(self, room: RoomId) -> None:
        await self._plan(room, turned=True)

    async def _consider(self, room: RoomId) -> None:
        await self._plan(room, turned=False)

    async def _plan(self, room: RoomId, *, turned: bool) -> None:
        summary, now = self._world.state.summary(room), self._world.clock.now()
        if summary is None:
            return
        self._looked[room] = now
        report = await self._keys.report(room)
        if report.status is not GroupStatus.ACTIVE:
            self._quiet.pop(room, None)
            return
        direct = summary.kind is RoomKind.DIRECT
        facts = RenewalFacts(
            direct=direct,
            devices=len(report.members),
            joined=report.joined,
            renewed=report.own_since,
            sent=report.sent,
            last_written=self._last_written.get(room),
            turned=turned,
            slept=self._slept,
        )
        self._quiet[room] = quiet(facts, now)
        if due(facts, now):
            self._scheduler.renew(room, delay(facts, self._world.chance))

    def _is_long_ago(self, room: RoomId) -> bool:
        looked = self._looked.get(room)
        return looked is None or self._world.clock.now() - looked > HOUR

    def _heartbeat(self) -> None:
        now = self._world.clock.now()
        if self._beat is not None and now - self._beat > LONG_SLEEP:
            self._slept = self._world.clock.now()
            self._looked.clear()
            self._quiet.clear()
        self._beat = now
        self._timer = self._world.clock.call_later(_HEARTBEAT, self._heartbeat)


_BEAT: Final = 60.0
"""Seconds between two checks."""
_FIRST_RETRY: Final = 0.5
"""Seconds until the next try if someone reads; then twice as many, up to the interval above."""


class Erasure:
    """Erases old data of one archive."""

    def __init__(self, world: World, keys: Keys) -> None:
        self._world = world
        self._keys = keys
        self._beating: Timer | None = None
        self._again: Timer | None = None

    def start(self) -> None:
        """Start, connected or not."""
        self._world.tasks.run(self._expire())
        self._beating = self._world.clock.call_later(_BEAT, self.start)

    def epoch_ended(self) -> None:
        """Remove the keys of a past epoch from the write-ahead log (Marmot #756)."""
        self._world.tasks.run(self._scrub(_FIRST_RETRY))

    async def stop(self) -> None:
        """Erase what can be erased now, because the program ends."""
        for timer in (self._beating, self._again):
            if timer is not None:
                timer.cancel()
        await quietly(self._world.archive.read(scrub))

    async def _expire(self) -> None:
        groups = self._keys.maybe_groups
        if groups is not None:
            await self._world.archive.write(groups.expire, self._world.clock.now())
        await self._world.archive.read(scrub)

    async def _scrub(self, wait: float) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if not await self._world.archive.read(scrub) and wait < _BEAT:
            self._again = self._world.clock.call_later(
                wait, lambda: self._world.tasks.run(self._scrub(2 * wait))
            )
