"""All inspectors of a server, in a process of their own, which is killed when one of them does not finish.

Python can't stop a function that never returns, nor a regular expression that never ends: only a process can
be killed. And whatever a text costs, it costs that process and not the event loop, which serves everyone.
The process gets one part at a time, with a deadline; after that it is killed, the next one starts a new
process, and the sender whose text it was waits some seconds before the inspectors run for them again, so that
no one can occupy them.
"""

import asyncio
import os
import sys
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from parlour_protocol.kit.inspect.file_texts import Piece
from parlour_protocol.kit.inspect.inspector import FILE, File, Options, Part, Sealed, Sent, Text
from parlour_protocol.kit.inspect.judge import NOTHING, Outcome, Rule
from parlour_protocol.kit.inspect.shipped import SHIPPED
from parlour_protocol.kit.inspect.traffic import SENT_KEPT, size_of
from parlour_protocol.kit.inspect.verdict import Action
from parlour_protocol.kit.inspect.words import WordList
from parlour_server.capabilities.inspection.plugins import Plugin
from parlour_server.core.clock import Clock
from parlour_server.core.content_filter import Sender
from parlour_server.core.errors import SetupError
from parlour_server.core.output import log, warn

_CHILD: Final = "parlour_server.capabilities.inspection.inspector_child"
_START_SECONDS: Final = 20.0
PENALTY_SECONDS: Final = 10.0
"""After a part that was not finished, its sender's next ones are refused for so long."""
_SENDERS: Final = 4_096
"""The most senders whose last parts are remembered; the ones that were quiet longest are forgotten first."""
_LENGTH: Final = 4


class Setup(msgspec.Struct, frozen=True, array_like=True):
    """The first message to the process: the inspectors and their settings."""

    shipped: tuple[tuple[str, Action], ...]
    plugins: tuple[tuple[str, str, Action], ...]
    words: tuple[str, ...]
    text_bytes: int
    file_bytes: int
    refused_files: tuple[str, ...]

    def rules(self) -> tuple[Rule, ...]:
        """Return the shipped inspectors that are on."""
        return tuple(Rule(name, SHIPPED[name], action) for name, action in self.shipped)

    def options(self) -> Options:
        """Return what they are set to."""
        return Options(WordList(self.words), self.text_bytes, self.file_bytes, frozenset(self.refused_files))


class WirePart(msgspec.Struct, frozen=True, array_like=True):
    """A part on its way to the process."""

    kind: str
    text: str
    size: int
    head: bytes
    name: str
    media_type: str

    @classmethod
    def of(cls, part: Part | Piece) -> "WirePart":
        """Return a part as it is sent; a piece of a file is decoded in the process."""
        if isinstance(part, Piece):
            return cls(FILE, "", len(part.data), part.data, "", part.encoding)
        if isinstance(part, Text):
            return cls(part.place, part.text, len(part.text), b"", "", "")
        if isinstance(part, File):
            return cls("", "", part.size, part.head, str(part.name), part.media_type)
        return cls("", "", part.size, b"", "", "")

    @property
    def part(self) -> Part:
        """The part."""
        if self.kind == FILE:
            return Text(FILE, Piece(self.head, self.media_type).text)
        if self.kind:
            return Text(self.kind, self.text)
        return File(self.size, self.head, self.name, self.media_type) if self.head else Sealed(self.size)


class InspectionJob(msgspec.Struct, frozen=True, array_like=True):
    """A job for some inspectors: the shipped ones together, or one plug-in."""

    inspectors: int
    """0 for the shipped ones, N for the Nth plug-in."""
    parts: tuple[WirePart, ...]
    sender: str
    room: str
    at: float
    recent: tuple[tuple[float, int, bool, bool], ...] | None
    """The parts that the sender sent before; None for a piece of a file, which does not count as sent."""


class Done(msgspec.Struct, frozen=True, array_like=True):
    """The findings of a job, and the inspectors that failed."""

    outcome: Outcome
    encoded: bool = False
    """Whether the largest part looks encoded."""
    seconds: float = 0.0


class InspectorProcess:
    """The process, started when it is needed, and one at a time."""

    def __init__(
        self,
        shipped: Sequence[tuple[str, Action]],
        plugins: Sequence[Plugin],
        options: Options,
        clock: Clock,
        *,
        seconds: float,
    ) -> None:
        """``seconds``: the longest that inspectors may take for what one request holds."""
        self._setup = Setup(
            tuple(shipped),
            tuple((plugin.name, plugin.target, plugin.action) for plugin in plugins),
            options.words.entries,
            options.text_bytes,
            options.file_bytes,
            tuple(sorted(options.refused_files)),
        )
        self._names = (*(["the shipped inspectors"] if shipped else []), *(plugin.name for plugin in plugins))
        self._clock = clock
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._waits: dict[str, float] = {}
        self._recent: OrderedDict[str, deque[Sent]] = OrderedDict()
        self.sees_sizes: Final = bool(plugins) or any(name == "tunnel" for name, _ in shipped)
        """Whether anyone looks at what can't be read."""

    @property
    def pid(self) -> int | None:
        """The process that runs, if one does."""
        return None if self._process is None else self._process.pid

    async def open(self) -> None:
        """Start the process. Raises SetupError if it can't load an inspector."""
        try:
            await self._start()
        except (OSError, EOFError, TimeoutError) as error:
            await self.close()
            raise SetupError(
                f"the process of the inspectors did not start ({type(error).__name__})"
            ) from error

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def judge(self, parts: Sequence[Part], sender: Sender) -> tuple[Outcome, float]:
        """Return what the inspectors find, and the seconds that they took.

        Never raises: an inspector that fails is named in the outcome.
        """
        return await self._judge(tuple(map(WirePart.of, parts)), sender, max(parts, key=size_of))

    async def judge_piece(self, piece: Piece, sender: Sender) -> tuple[Outcome, float]:
        """Do the same with more of a file whose head was judged, which does not count as sent again."""
        return await self._judge((WirePart.of(piece),), sender, None)

    async def _judge(
        self, parts: tuple[WirePart, ...], sender: Sender, largest: Part | None
    ) -> tuple[Outcome, float]:
        async with self._turn:
            now = self._clock.monotonic()
            self._waits = {key: until for key, until in self._waits.items() if until > now}
            if sender.key in self._waits:
                return Outcome(failed=(("inspectors", "the last one was not finished"),)), 0.0
            recent = None if largest is None else self._recent_of(sender)
            outcome, seconds, encoded = NOTHING, 0.0, False
            for number, name in self._groups():
                before = None if recent is None else tuple(map(_wire_sent, recent))
                job = InspectionJob(number, parts, str(sender.user), sender.room, now, before)
                done = await self._ask(name, job, sender)
                outcome = outcome.and_also(done.outcome)
                seconds, encoded = seconds + done.seconds, encoded or done.encoded
                if outcome.action is Action.BLOCK:
                    break
            if recent is not None and largest is not None:
                recent.append(Sent(now, size_of(largest), encoded, isinstance(largest, File)))
            return outcome, seconds

    def _groups(self) -> Iterator[tuple[int, str]]:
        return enumerate(self._names, 0 if self._setup.shipped else 1)

    def _recent_of(self, sender: Sender) -> deque[Sent]:
        recent = self._recent.setdefault(sender.user, deque(maxlen=SENT_KEPT))
        self._recent.move_to_end(sender.user)
        if len(self._recent) > _SENDERS:
            self._recent.popitem(last=False)
        return recent

    async def _ask(self, name: str, job: InspectionJob, sender: Sender) -> Done:
        try:
            process = self._process or await self._start()
            async with asyncio.timeout(self._seconds):
                await _send(process, msgspec.msgpack.encode(job))
                done = msgspec.msgpack.decode(await _receive(process), type=Done)
            if any(not 0 <= one.part < len(job.parts) for one in done.outcome.found):
                raise ValueError("there is no such part")
        except asyncio.CancelledError:
            await self.close()  # its answer would be taken for the next one's
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the part was not looked at
            await self.close()
            self._waits[sender.key] = self._clock.monotonic() + PENALTY_SECONDS
            why = "too slow" if isinstance(error, TimeoutError) else type(error).__name__
            warn("inspector_killed", inspector=name, why=why)
            return Done(Outcome(failed=((name, why),)))
        return done

    async def _start(self) -> asyncio.subprocess.Process:
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _CHILD,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        async with asyncio.timeout(_START_SECONDS):
            await _send(process, msgspec.msgpack.encode(self._setup))
            problem = (await _receive(process)).decode()
        if problem:
            await self.close()
            raise SetupError(problem)
        log("inspectors_started", inspectors=", ".join(self._names))
        return process


def _wire_sent(sent: Sent) -> tuple[float, int, bool, bool]:
    return sent.at, sent.size, sent.encoded, sent.file


async def _send(process: asyncio.subprocess.Process, data: bytes) -> None:
    if process.stdin is None:
        raise EOFError
    process.stdin.write(len(data).to_bytes(_LENGTH, "big") + data)
    await process.stdin.drain()


async def _receive(process: asyncio.subprocess.Process) -> bytes:
    if process.stdout is None:
        raise EOFError
    length = int.from_bytes(await process.stdout.readexactly(_LENGTH), "big")
    return await process.stdout.readexactly(length)
