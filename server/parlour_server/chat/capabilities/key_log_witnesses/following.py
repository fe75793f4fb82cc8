"""Follows a log until something is wrong: what `witness run` does and says."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from parlour_server.chat.capabilities.key_log_witnesses.exchange import LogServer
from parlour_server.chat.capabilities.key_log_witnesses.witness_folder import (
    ContradictionError,
    Cosigned,
    UnreachableError,
    Witness,
)
from parlour_server.core.clock import DAY_MILLIS, Clock

_MOST_SAID: Final = 20
"""Findings of one reading; the rest is counted."""


class Outcome(IntEnum):
    """How it ended: the exit status."""

    SIGNED = 0
    UNREACHABLE = 4
    REFUSED = 5
    """The log contradicts what was signed; nothing was signed."""
    FROZEN = 6
    """A head was signed; the log has not grown for days."""


@dataclass(frozen=True, slots=True)
class Following:
    """A witness at work. ``say`` prints a line, and ``warn`` one that needs a person."""

    witness: Witness
    server: LogServer
    clock: Clock
    frozen_after: int
    """Milliseconds without a new entry."""
    say: Callable[[str], None]
    warn: Callable[[str], None]

    async def until_refused(self, pause: float) -> Outcome:
        """Look again after each pause, in seconds, until the log contradicts itself; say what changes."""
        said = None
        while True:
            outcome = await self.once(said)
            if outcome is Outcome.REFUSED:
                return outcome
            said = outcome
            await self.clock.sleep(pause)

    async def once(self, said: Outcome | None = None) -> Outcome:
        """Look once. ``said``: how it was the last time, which is not said again."""
        try:
            cosigned = await self.witness.follow(self.server.page, self.clock.now())
        except UnreachableError as error:
            if said is not Outcome.UNREACHABLE:
                self.warn(f"nothing signed: {error}")
            return Outcome.UNREACHABLE
        except ContradictionError as error:
            self.warn(f"REFUSED, nothing signed: {error}")
            return Outcome.REFUSED
        self._say(cosigned, said)
        try:
            await self.server.leave(cosigned.head)
        except UnreachableError as error:
            if said is not Outcome.UNREACHABLE:
                self.warn(f"signed, and published here only: {error}")
            return Outcome.UNREACHABLE
        days = (self.clock.now() - cosigned.grown) // DAY_MILLIS
        if self.clock.now() - cosigned.grown < self.frozen_after:
            return Outcome.SIGNED
        if said is not Outcome.FROZEN:
            self.warn(f"the log has not grown for {days} days: it may be frozen for this witness")
        return Outcome.FROZEN

    def _say(self, cosigned: Cosigned, said: Outcome | None) -> None:
        if cosigned.entries or said is None:
            head = cosigned.head
            self.say(f"signed the head of {head.size} entries ({cosigned.entries} new): {head.head.hex()}")
        for one in cosigned.found[:_MOST_SAID]:
            self.warn(f"entry {one.number}: {one.words}")
        if (more := len(cosigned.found) - _MOST_SAID) > 0:
            self.warn(f"and {more} more")
