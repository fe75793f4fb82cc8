"""People who count aloud through a cluster, and what must hold afterwards: nothing is lost or doubled.

Each message has a text of its own. What its sender was told (its number in the log) is compared with the log
that someone reads who joined at the end, and with the logs of all the others.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from parlour_client.core.events import StatusChanged
from parlour_client.demo.people import Person
from parlour_client.kit.connection_status import LinkState
from parlour_protocol.frames.bodies import Message
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import RequestId, Seq
from parlour_protocol.kit.names import UserName

_PAUSE: Final = 0.25
_SETTLE_SECONDS: Final = 30.0
_PAGE: Final = 200


Log = dict[Seq, tuple[UserName, str | None]]
"""Who wrote which text, by number; no text: another event."""


class NotSettledError(Exception):
    """What was sent is still not acknowledged, or not everywhere."""


@dataclass(frozen=True, slots=True)
class Result:
    """What was found at the end."""

    sent: int
    acknowledged: int
    problems: tuple[str, ...]

    @property
    def lost(self) -> int:
        """How many things were lost, doubled, or are not the same for everyone."""
        return len(self.problems)


@dataclass(slots=True)
class Counting:
    """The people, the room that they count in, and what they were told."""

    people: Sequence[Person]
    room: RoomId
    sent: list[str] = field(default_factory=list)
    acknowledged: dict[Seq, str] = field(default_factory=dict)
    reconnections: list[float] = field(default_factory=list)
    """Seconds that one of them was not connected, each time."""
    _pending: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Count until cancelled; what has been sent then is acknowledged later (``settle``)."""
        async with asyncio.TaskGroup() as tasks:
            for person in self.people:
                tasks.create_task(self._watch(person))
                tasks.create_task(self._count(person))

    async def settle(self) -> None:
        """Wait until everything that was sent is acknowledged. Raises NotSettledError."""
        try:
            async with asyncio.timeout(_SETTLE_SECONDS):
                while self._pending:
                    await asyncio.wait(self._pending)
        except TimeoutError:
            raise NotSettledError(
                f"{len(self.sent) - len(self.acknowledged)} of {len(self.sent)} messages are not "
                f"acknowledged after {_SETTLE_SECONDS:.0f} s"
            ) from None

    async def check(self, late: Person) -> Result:
        """Compare everyone's log with that of someone who came last."""
        newest = max(self.acknowledged, default=Seq(0))
        final = await self._log_of(late, lambda log: max(log, default=0) >= newest)
        texts = {seq: text for seq, (_, text) in final.items() if text is not None}
        often = Counter(texts.values())
        last = max(final, default=0)
        problems = [f"number {seq} is missing" for seq in range(1, last + 1) if seq not in final]
        problems += [
            f"{text!r} was acknowledged as {seq}, where the log has {texts.get(seq)!r}"
            for seq, text in self.acknowledged.items()
            if texts.get(seq) != text
        ]
        problems += [f"{text!r} is in the log {often[text]} times" for text in self.sent if often[text] != 1]
        others = await asyncio.gather(*(self._log_of(person, final.__eq__) for person in self.people))
        problems += [
            f"{person.name}'s log ends at {max(log, default=0)} of {last}, or differs before"
            for person, log in zip(self.people, others, strict=True)
            if log != final
        ]
        return Result(len(self.sent), len(self.acknowledged), tuple(problems))

    async def _log_of(self, person: Person, is_all: Callable[[Log], bool]) -> Log:
        """Return someone's log when it is all there, or after a while as it is."""
        changes = person.client.events.stream()
        log = await _log(person, self.room)
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_SECONDS):
                while not is_all(log):
                    await anext(changes)
                    log = await _log(person, self.room)
        return log

    async def _count(self, person: Person) -> None:
        for number in count(1):
            text = f"{person.name}: {number}"
            entry = await person.client.messages.send(self.room, text)
            self.sent.append(text)
            assert entry.request is not None
            task = asyncio.create_task(self._acknowledge(person, entry.request, text))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)
            await asyncio.sleep(_PAUSE)

    async def _acknowledge(self, person: Person, request: RequestId, text: str) -> None:
        self.acknowledged[await person.client.messages.stored(request)] = text

    async def _watch(self, person: Person) -> None:
        """Measure how long someone is not connected."""
        lost: float | None = None
        async for change in person.client.events.stream():
            if not isinstance(change, StatusChanged):
                continue
            if change.status.state is LinkState.ONLINE:
                if lost is not None:
                    self.reconnections.append(time.monotonic() - lost)
                lost = None
            elif lost is None:
                lost = time.monotonic()


async def _log(person: Person, room: RoomId) -> Log:
    """Return the whole log as someone has it: who wrote which text, by number."""
    log: Log = {}
    while events := await person.client.history.log(room, after=Seq(max(log, default=0)), limit=_PAGE):
        for event in events:
            log[event.seq] = event.author, event.body.text if isinstance(event.body, Message) else None
    return log
