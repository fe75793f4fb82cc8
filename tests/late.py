"""Event loops that notice the network late, at random, as on a busy machine (`pytest --late`)."""

import asyncio
import os
import random
import selectors
import socket
import time
from contextlib import suppress
from typing import Any, Final

ROUNDS: Final = 8
"""How often at most a ready socket is passed over before the loop hears of it."""
_LONGEST: Final = 0.004
"""Seconds of a round in which everything that was ready was passed over: other processes go on meanwhile."""
_TOLD: Final = "TESTS_LATE"
"""The variable by which programs that tests start hear of it."""


class LateSelector(selectors.DefaultSelector):
    """Passes ready sockets of the network over for some rounds; nothing is lost, because they stay ready.

    Pipes, terminals and the socket pair by which a loop is woken are never late.
    """

    def __init__(self, share: float, chance: random.Random) -> None:
        """Pass over this share of what is ready, by chance."""
        super().__init__()
        self._share = share
        self._chance = chance
        self._passed_over: dict[int, int] = {}
        self.late = 0
        """How often something was passed over."""

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a file, and look what it is."""
        key = super().register(fileobj, events, data)
        with suppress(OSError), socket.socket(fileno=os.dup(key.fd)) as one:  # OSError: not a socket
            if one.family in {socket.AF_INET, socket.AF_INET6}:
                self._passed_over[key.fd] = 0
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Forget a file."""
        key = super().unregister(fileobj)
        self._passed_over.pop(key.fd, None)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready and not late."""
        ready = super().select(timeout)
        found = [one for one in ready if not self._is_late(one[0].fd)]
        if ready and not found:
            time.sleep(self._chance.random() * _LONGEST)
        return found

    def _is_late(self, file: int) -> bool:
        times = self._passed_over.get(file, ROUNDS)
        is_late = times < ROUNDS and self._chance.random() < self._share
        if file in self._passed_over:
            self._passed_over[file] = times + 1 if is_late else 0
        self.late += is_late
        return is_late


class LatePolicy(asyncio.DefaultEventLoopPolicy):
    """Makes such loops."""

    def __init__(self, share: float, seed: int) -> None:
        super().__init__()
        self._share = share
        self._seed = seed

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return one whose chance depends on the seed and the test only."""
        chance = random.Random(f"{self._seed} {os.environ.get('PYTEST_CURRENT_TEST')}")  # noqa: S311 - no secret
        return asyncio.SelectorEventLoop(LateSelector(self._share, chance))


def begin(share: float, seed: int) -> None:
    """Let every new loop of this process be late, and of the programs that tests fork."""
    os.environ[_TOLD] = f"{share} {seed}"
    asyncio.set_event_loop_policy(LatePolicy(share, seed))


def begin_as_told() -> None:
    """Do so in a forked program."""
    if told := os.environ.get(_TOLD):
        share, seed = told.split()
        begin(float(share), int(seed))
