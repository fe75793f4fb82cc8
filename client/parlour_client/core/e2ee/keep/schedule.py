"""Keeps the groups of all encrypted rooms up to date while a connection lasts, in the background.

Pushed frames, the results of events and the clock make a room due. Due rooms are reconciled a few at a time,
bystanders after a random wait, so that one device does it and not all. Failures are retried and shown as the
room's problem, never hidden. Commands reconcile at once with ``now``.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

from parlour_client.core.e2ee.errors import DisplacedError, NotReadyError
from parlour_client.core.e2ee.keep.reconcile import Reconciler
from parlour_client.core.e2ee.world import World
from parlour_client.core.errors import ArchiveError, EncryptionError
from parlour_client.kit.clock import Timer
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _
from parlour_protocol.delivery import GroupState
from parlour_protocol.ids import Epoch, RoomId
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.kit.names import UserName

T = TypeVar("T")

_AT_ONCE: Final = 2
_BYSTANDER: Final = (0.3, 2.0)
"""Seconds: the device that caused the change is first, and of the others one."""
_FIRST_LOOK: Final = (0.5, 4.0)
"""Seconds after connecting over which the checks of rooms are spread."""
_FIRST_RETRY: Final = 3.0
_LONGEST_RETRY: Final = 300.0
_LONGEST_END: Final = 10.0
"""Seconds that an ending program waits for its last tasks: a slow machine must not go without new keys."""
_RECONCILE, _RETRY, _WAITING = "reconcile", "retry", "waiting"


class Scheduler:
    """The background work on groups."""

    def __init__(
        self,
        world: World,
        reconciler: Reconciler,
        tell: Callable[[RoomId], None],
        remove_closed: Callable[[RoomId], Coroutine[Any, Any, float | None]],
    ) -> None:
        """Call ``tell`` when a room's problem changed.

        ``remove_closed`` removes members whose accounts were deleted, where this person may and it is time;
        it returns in how many seconds the next may be due, if any.
        """
        self._world = world
        self._reconciler = reconciler
        self._tell = tell
        self._remove_closed = remove_closed
        self._locks: dict[RoomId, asyncio.Lock] = {}
        self._timers: dict[tuple[str, RoomId], tuple[Timer, Callable[[], None]]] = {}
        """What is planned, and what begins it."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._limit = asyncio.Semaphore(_AT_ONCE)
        self._tries: dict[RoomId, int] = {}
        self._running = False
        self.unsure: set[RoomId] = set()
        """Rooms whose group may not be as it ought to be: to be settled before something is sent."""
        self._settling: set[RoomId] = set()
        """Rooms that are being settled: a group may be there to which nobody was added yet."""
        self.problems: dict[RoomId, ParlourClientError] = {}

    def start(self, rooms: Sequence[RoomId]) -> None:
        """Start with a connection: nothing is known of these rooms."""
        self._running = True
        self._tries.clear()
        for room in rooms:
            self.changed(room, _FIRST_LOOK)

    def changed(self, room: RoomId, between: tuple[float, float] = _BYSTANDER) -> None:
        """Check a room soon, as a bystander; whatever the server says, an unencrypted room has no group."""
        if room not in self._world.encrypted:
            return
        self.unsure.add(room)
        self._later(_RECONCILE, room, self._world.chance.uniform(*between), self._reconcile)

    def renew(self, room: RoomId, seconds: float) -> None:
        """Renew this device's keys in a room after a while, unless that is planned already."""
        if ("renew", room) not in self._timers:
            self._later("renew", room, seconds, self._renew)

    def contest(self, room: RoomId) -> None:
        """Report commits that could not be processed, once no events are waiting."""
        self._later("contest", room, 0, self._contest)

    def later(self, room: RoomId, work: Callable[[RoomId], Coroutine[Any, Any, None]]) -> None:
        """Schedule something for a room in the background."""
        self._later(work.__name__, room, 0, work)

    async def now(self, room: RoomId) -> GroupState:
        """Reconcile a room at once; raises why that failed."""
        before = tuple(self.closed(room))
        state = await self._run(room, self._reconciler.reconcile)
        if state.closed != before:
            self._tell(room)
        self._later("closed", room, 0, self._look_for_closed)
        return state

    async def recreate(self, room: RoomId) -> None:
        """Recreate a contested room's group."""
        await self._run(room, self._reconciler.recreate)

    def is_ready(self, room: RoomId) -> bool:
        """Say whether a room's group is as it ought to be, as far as is known."""
        return room not in self.unsure and room not in self._settling

    async def ready(self, room: RoomId) -> None:
        """Reconcile a room, before something is sent, if its group may be out of date."""
        if room in self._settling:
            async with self._locks[room]:
                pass
        if room in self.unsure:
            await self.now(room)

    def leaves_in(self, room: RoomId, device: DeviceId) -> Epoch | None:
        """Return the epoch in which a device must leave the group, as far as the server was asked."""
        state = self._reconciler.seen.get(room)
        leaves = state is not None and any(member.device == device for member in state.leaving)
        return state.epoch if state is not None and leaves else None

    def closed(self, room: RoomId) -> Sequence[UserName]:
        """Return the members whose accounts were deleted, by the server's last answer."""
        state = self._reconciler.seen.get(room)
        return () if state is None else state.closed

    def left_out(self, room: RoomId) -> str:
        """Return why devices could not be added when a room was last settled, in words; empty: all could."""
        return "; ".join(sorted(set(self._reconciler.left_out.get(room, {}).values())))

    async def finish(self, room: RoomId | None = None) -> None:
        """Do at once what only this device can do, like renewing its keys, because the program ends.

        ``room``, which the program was about, is checked as well: others may wait there for this device.
        """
        bystander = {_RECONCILE, _RETRY, _WAITING}
        begun: set[tuple[str, RoomId]] = set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_END):
                while True:
                    due = {
                        key for key in self._timers if key[0] not in bystander or key == (_RECONCILE, room)
                    }
                    for key in due - begun:
                        timer, begin = self._timers[key]
                        timer.cancel()
                        begin()
                        begun.add(key)
                    if not self._tasks:
                        return
                    await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Stop with the connection."""
        self._running = False
        for timer, _begin in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(
        self, room: RoomId, work: Callable[[RoomId], Coroutine[Any, Any, T]], *, settles: bool = True
    ) -> T:
        if room not in self._world.encrypted:
            raise EncryptionError(_("This room is not encrypted."), _("There is nothing to do."))
        async with self._locks.setdefault(room, asyncio.Lock()):
            before = self._reconciler.left_out.get(room)
            try:
                if settles:
                    self.unsure.discard(room)  # first: a change in the meantime makes it due again
                    self._settling.add(room)
                result = await work(room)
            except ParlourClientError as error:
                self.unsure.add(room)
                self._problem(room, error)
                raise
            except BaseException:
                self.unsure.add(room)
                raise
            finally:
                self._settling.discard(room)
        self._problem(room, None)
        left_out = self._reconciler.left_out.get(room)
        if left_out != before:
            self._tell(room)
        if left_out:
            # The server announces devices that upload key packages; other events that may help are not
            # announced.
            self._later(_RETRY, room, self._wait(room), self._retry)
        else:
            self._tries.pop(room, None)
        return result

    def failed(self, room: RoomId, error: ParlourClientError) -> None:
        """Show what fails for a room elsewhere as its problem, until it was reconciled."""
        self.unsure.add(room)
        self._problem(room, error)

    def _problem(self, room: RoomId, error: ParlourClientError | None) -> None:
        before = self.problems.pop(room, None)
        if error is not None:
            self.problems[room] = error
        if str(before or "") != str(error or ""):
            self._tell(room)

    # timers
    def _later(
        self, what: str, room: RoomId, seconds: float, work: Callable[[RoomId], Coroutine[Any, Any, None]]
    ) -> None:
        if not self._running:
            return
        if (planned := self._timers.pop((what, room), None)) is not None:
            planned[0].cancel()

        def begin() -> None:
            self._timers.pop((what, room), None)
            task = asyncio.ensure_future(self._guarded(room, work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._timers[what, room] = self._world.clock.call_later(seconds, begin), begin

    async def _guarded(self, room: RoomId, work: Callable[[RoomId], Coroutine[Any, Any, None]]) -> None:
        await self._reconciler.caught_up(room)  # first: a room that is held takes no other's turn
        async with self._limit:
            try:
                await work(room)
            except DisplacedError:
                return  # a retry can't help
            except ArchiveError:
                return  # it also stops everything that writes events, which reports it
            except ParlourClientError as error:
                if not isinstance(error, NotReadyError) or room in self.unsure:
                    self._again(room)

    async def _reconcile(self, room: RoomId) -> None:
        if room in self.unsure:
            await self.now(room)

    async def _look_for_closed(self, room: RoomId) -> None:
        wait = await self._remove_closed(room)
        if wait is not None:  # then the server must still say so
            self._later(_WAITING, room, wait, self._retry)

    async def _renew(self, room: RoomId) -> None:
        await self._run(room, self._reconciler.renew, settles=False)

    async def _contest(self, _room: RoomId) -> None:
        await self._reconciler.contest()

    async def _retry(self, room: RoomId) -> None:
        await self.now(room)

    def _again(self, room: RoomId) -> None:
        wait = self._wait(room)
        self.changed(room, (wait / 2, wait))

    def _wait(self, room: RoomId) -> float:
        tries = self._tries[room] = self._tries.get(room, 0) + 1
        return min(_FIRST_RETRY * float(1 << min(tries - 1, 10)), _LONGEST_RETRY)
