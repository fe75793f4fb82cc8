"""Plans when this device renews its own keys in a room, by the rule in ``renewal_rule``.

It remembers only in memory who wrote last where; after a restart the rule errs towards renewing. The rule's
answer for a group is cached for a while, so that not every message reads the group. The scheduler does the
renewing, when it is due.
"""

from typing import Final

from parlour_client.core.e2ee.groups.group_report import GroupReport, GroupStatus
from parlour_client.core.e2ee.groups.received import Receipt
from parlour_client.core.e2ee.maintenance.device_session import Keys
from parlour_client.core.e2ee.maintenance.renewal_rule import (
    HOUR,
    LONG_SLEEP,
    RenewalFacts,
    delay,
    due,
    quiet,
)
from parlour_client.core.e2ee.maintenance.scheduler import Scheduler
from parlour_client.core.e2ee.world import World
from parlour_client.kit.clock import Timer
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind

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

    def begin(self) -> None:
        """Start with a connection."""
        self._heartbeat()

    def end(self) -> None:
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
        report: GroupReport = await self._world.archive.read(self._keys.groups.report, room)
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
