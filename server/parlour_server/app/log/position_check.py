"""Finds entries that no notification announced: every server compares its logs' positions with the store.

A log's lost last entry leaves no gap to be seen. So one query reads the heads of all logs with listeners
here: once a second where servers share a database, and sooner for those of which the bus says that it lost
something; else every five seconds, for what a fault kept from being published. What is missing is read.
"""

import random
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from parlour_server.app.log.fanout import Fanout
from parlour_server.app.log.log import log_subject
from parlour_server.core.bus.bus import Bus
from parlour_server.core.clock import Clock
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.errors import UnavailableError

LONGEST_SECONDS: Final = 0.8
"""Between two checks, so that an entry is found within a second; servers do not check all at once."""
_SHORTEST_SECONDS: Final = 0.6
ALONE_SECONDS: Final = 5.0
"""Between two checks of the only server of a database."""
_LOGS: Final = 2_000
"""In one query."""


class PositionCheck:
    """The check of one server."""

    def __init__(
        self,
        *,
        fanout: Fanout[Any, Any],
        bus: Bus,
        clock: Clock,
        background: BackgroundTasks,
        is_shared: bool,
    ) -> None:
        """Begin to hear what the bus loses; ``run`` checks regularly.

        ``is_shared``: whether several servers use the database.
        """
        self._shortest, self._longest = (
            (_SHORTEST_SECONDS, LONGEST_SECONDS) if is_shared else (ALONE_SECONDS, ALONE_SECONDS)
        )
        self._fanout = fanout
        self._clock = clock
        self._background = background
        self._lost: set[str] | None = set()
        """Subjects of which something may be lost; None: all."""
        self._checking = False
        self.done = 0
        """How many checks were made."""
        self.behind = 0
        """How many logs they found behind."""
        bus.on_loss(self._note_loss)

    async def run(self) -> None:
        """Check regularly, until cancelled."""
        while True:
            await self._clock.sleep(random.uniform(self._shortest, self._longest))  # noqa: S311
            try:
                await self.check()
            except UnavailableError:
                continue  # the next check is soon

    async def check(self, logs: Sequence[str] | None = None) -> None:
        """Compare the positions of these logs, or of all with listeners here. Raises UnavailableError."""
        for some in _parts(tuple(self._fanout.logs) if logs is None else logs):
            for log, head in (await self._fanout.stored.heads(some)).items():
                sequencer = self._fanout.sequencer(log)
                if sequencer is not None and head > sequencer.last and not sequencer.filling:
                    self.behind += 1
                    self._fanout.advanced(log, head)
        self.done += 1

    def _note_loss(self, subjects: Collection[str] | None) -> None:
        if subjects is None:
            self._lost = None
        elif self._lost is not None:
            self._lost.update(subjects)
        if not self._checking:
            self._checking = True
            self._background.start("checking positions", self._check_lost(), self._end)

    async def _check_lost(self) -> None:
        while self._lost is None or self._lost:
            lost, self._lost = self._lost, set()
            logs = self._fanout.logs
            try:
                await self.check([log for log in logs if lost is None or log_subject(log) in lost])
            except UnavailableError:
                break  # the regular check is soon
        self._checking = False

    def _end(self) -> None:
        self._checking = False


def _parts(logs: Sequence[str]) -> Iterator[Sequence[str]]:
    left = iter(logs)
    while part := list(islice(left, _LOGS)):
        yield part
