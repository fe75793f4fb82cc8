"""What the encryption uses of the client around it, made once and passed to its parts; and its own tasks.

None of it is a part of the encryption. A failed task is silent: it runs again after the next greeting, or the
reason is shown elsewhere. A programming error is reported at once, but only by its name: its message may
quote others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from parlour_client.core.archive import Archive
from parlour_client.core.archive.insertion import Applied
from parlour_client.core.events import Emit
from parlour_client.core.room_log.translation import Numbers
from parlour_client.core.sync.catch_up import CatchUp
from parlour_client.core.sync.state import State
from parlour_client.core.transport.connection import Connection
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.account.profile import Account
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _
from parlour_protocol.delivery import GroupState
from parlour_protocol.encrypted import AnyContent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName


async def quietly(work: Coroutine[Any, Any, object]) -> None:
    """Await something that is retried anyway, after the next greeting."""
    try:
        await work
    except ParlourClientError:
        return


class BackgroundTasks:
    """The running tasks."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Future[None]] = set()
        self._stopped = False

    def run(self, work: Coroutine[Any, Any, object]) -> None:
        """Start a task; none once they were stopped."""
        if self._stopped:  # what one of them did last may ask for another one
            work.close()
            return
        task = asyncio.ensure_future(quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            fault = _("A background task failed: {name}").format(name=type(error).__name__)
            task.get_loop().call_exception_handler({"message": fault})

    async def stop(self) -> None:
        """Cancel all tasks, for good."""
        self._stopped = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class ChangeSignal:
    """Signals that something about encryption changed: every waiter checks its condition again."""

    def __init__(self) -> None:
        self._moved = asyncio.Event()

    def next_change(self) -> asyncio.Event:
        """Return an event that is set at the next change."""
        return self._moved

    def notify(self) -> None:
        """Wake all waiters."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until a condition holds; it is checked at once, and after each change."""
        while True:
            moved = self._moved
            if await condition():
                return
            await moved.wait()


@dataclass(slots=True)
class World:
    """The rest of the client, for one account on this device."""

    account: Account
    archive: Archive
    state: State
    delivery: DeliveryClient
    live: Connection
    catch_up: CatchUp
    numbers: Numbers
    clock: Clock
    chance: Random
    emit: Emit
    show: Callable[[RoomId, Sequence[Applied]], Awaitable[None]]
    """Shows the views events that did not come through the receiver."""
    say: Callable[[RoomId, AnyContent], Awaitable[None]]
    """Sends a room something other than a message, in its turn. Raises why the server does not have it."""
    denied: Callable[[RequestId], None]
    """Called with each request that the server did not store where it said."""
    read_by: Callable[[RoomId, UserName, Seq], None]
    """Called when someone sends the room a read receipt."""
    follow: bool
    """False: a program that only sends; only rooms that it uses are followed."""
    signal: ChangeSignal = field(default_factory=ChangeSignal)
    tasks: BackgroundTasks = field(default_factory=BackgroundTasks)
    encrypted: set[RoomId] = field(default_factory=set)
    """The rooms that are known to be encrypted: each stays so for ever."""
    ahead: int = 0
    """Milliseconds by which the server's clock is ahead of this device's."""

    @property
    def me(self) -> UserName:
        """The account's name."""
        return self.account.user

    def server_time(self) -> Millis:
        """Return the server's time: never decide about keys only by it (``group.rules``)."""
        return Millis(self.clock.now() + self.ahead)

    async def group(self, room: RoomId) -> GroupState:
        """Ask the server for the state of a room's group, in the logs of the greeting.

        Nothing of it takes effect by itself: callers wait until the room's log has shown it.
        """
        state = await self.delivery.group(room)
        self.numbers.check(state.incarnation)
        return state
