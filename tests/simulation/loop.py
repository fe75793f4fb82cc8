"""The event loops of simulated processes: virtual time, and a scheduler that a seed decides.

Each process has a loop of its own, as in reality. Within a loop callbacks run in the order of asyncio: first
in, first out. The seed decides what asyncio leaves open: when input arrives, how long a process is busy or
stopped, the order of timers that are due at once, and which process runs next.

`looptime` replaces the clock of one real loop, and keeps that loop's order; `simloop` needs Python 3.12.
"""

import asyncio
import random
from asyncio import AbstractEventLoop, Future, Task
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from heapq import heappop, heappush
from typing import Any, Final, cast

_BUSY: Final = 0.0004
"""The longest turn of a loop, in seconds."""


class SimulatedHandle(asyncio.TimerHandle):
    """A callback that waits for its turn. It shares only the interface with those of real loops."""

    def __init__(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...], context: Context
    ) -> None:
        self._at = when
        self._call: Callable[..., object] | None = callback
        self._with = args
        self._in = context

    def cancel(self) -> None:
        self._call = None

    def cancelled(self) -> bool:
        return self._call is None

    def when(self) -> float:
        return self._at

    def run(self) -> None:
        """Call it, unless it was cancelled."""
        if self._call is not None:
            self._in.run(self._call, *self._with)


class Scheduler:
    """Virtual time, everything that is due at some moment, and the loops."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - the point is that it can be repeated
        self.now = 0.0
        self.turns = 0
        self.faults: list[str] = []
        """Errors that nothing caught: a program that is right has none."""
        self._due: list[tuple[float, float, int, SimulatedLoop | None, SimulatedHandle]] = []
        self._count = 0
        self._loops: list[SimulatedLoop] = []
        self._killed: list[SimulatedLoop] = []

    def new_loop(self) -> "SimulatedLoop":
        """Return the loop of a new process."""
        loop = SimulatedLoop(self)
        self._loops.append(loop)
        return loop

    def kill(self, loop: "SimulatedLoop") -> None:
        """Never run this loop again; its tasks end where they are."""
        self._loops.remove(loop)
        self._killed.append(loop)
        loop.killed = True

    def at(self, when: float, loop: "SimulatedLoop | None", call: Callable[..., object], *args: Any) -> None:
        """Call this in a loop, or outside of all, once it is ``when``."""
        self.add(loop, SimulatedHandle(when, call, args, copy_context()))

    def after(self, low: float, high: float, call: Callable[..., object], *args: Any) -> None:
        """Call this outside of all loops after a time between the two."""
        self.at(self.now + self.random.uniform(low, high), None, call, *args)

    def add(self, loop: "SimulatedLoop | None", handle: SimulatedHandle) -> None:
        """Run a handle when it is due."""
        self._count += 1
        heappush(self._due, (handle.when(), self.random.random(), self._count, loop, handle))

    def run_until(self, end: float) -> None:
        """Run everything up to this moment."""
        while True:
            ready = [loop for loop in self._loops if loop.ready and loop.stopped_until <= self.now]
            if ready:
                loop = ready[0] if len(ready) == 1 else self.random.choice(ready)
                self.turns += 1
                loop.run_once()
                self.now += self.random.random() * _BUSY
            else:
                stopped = [loop.stopped_until for loop in self._loops if loop.ready]
                following = min([*stopped, self._due[0][0]] if self._due else stopped, default=end)
                if following > end:
                    self.now = max(self.now, end)
                    return
                self.now = max(self.now, following)
            self._take_due()

    def _take_due(self) -> None:
        while self._due and self._due[0][0] <= self.now:
            loop, handle = heappop(self._due)[3:]
            if loop is None:
                handle.run()
            elif not loop.killed:
                loop.ready.append(handle)

    def close(self) -> None:
        """End the tasks of all loops, so that none of them outlives the run."""
        self._due.clear()
        for loop in (*self._loops, *self._killed):
            loop.end()


class SimulatedLoop(AbstractEventLoop):
    """The loop of one process."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.ready: deque[SimulatedHandle] = deque()
        self.stopped_until = 0.0
        """SIGSTOP until then."""
        self.killed = False
        self._tasks: dict[Task[Any], None] = {}

    def run_once(self) -> None:
        """Run what is ready now, in order."""
        asyncio._set_running_loop(self)  # exported for those who write loops
        try:
            for _ in range(len(self.ready)):
                try:
                    self.ready.popleft().run()
                except Exception as error:  # noqa: BLE001 - a loop survives its callbacks
                    self._scheduler.faults.append(f"a callback raised {error!r}")
        finally:
            asyncio._set_running_loop(None)

    def end(self) -> None:
        """Cancel every task and run them to their end, and those that they start."""
        while self._tasks or self.ready:
            for task in list(self._tasks):
                task.cancel()
            self.run_once()

    def time(self) -> float:
        return self._scheduler.now

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = SimulatedHandle(self._scheduler.now, callback, args, context or copy_context())
        self.ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._scheduler.now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = SimulatedHandle(when, callback, args, context or copy_context())
        self._scheduler.add(self, handle)
        return handle

    def create_future(self) -> Future[Any]:
        return Future(loop=self)

    def create_task(self, coro: Any, **options: Any) -> Task[Any]:
        task = cast("Task[Any]", Task(cast("Coroutine[Any, Any, Any]", coro), loop=self, **options))
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))
        return task

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self._scheduler.faults.append(f"{context.get('message')}: {context.get('exception')!r}")
