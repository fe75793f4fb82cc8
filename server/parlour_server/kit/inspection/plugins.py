"""Inspectors from elsewhere, in a process of their own, which is killed when one of them does not finish.

Python can't stop a function that never returns, nor a regular expression that never ends: only a process can
be killed. The process gets one part at a time, with a deadline; after that it is killed, the next one starts
a new process, and the sender whose text it was waits some seconds before the inspectors run for them again,
so that no one can occupy them.
"""

import asyncio
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final

import msgspec

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.inspect.inspector import Context, File, Inspector, Part, Sealed, Sent, Text
from parlour_protocol.kit.inspect.judge import NOTHING, Found, Outcome
from parlour_protocol.kit.inspect.verdict import Action, Finding
from parlour_server.kit.clock import Clock
from parlour_server.kit.errors import SetupError
from parlour_server.kit.logs import log, warn

GROUP: Final = "parlour.inspectors"
"""The group of entry points; each names a function `inspect(part, context)`."""
_CHILD: Final = "parlour_server.kit.inspection.plugin_child"
_START_SECONDS: Final = 20.0
PENALTY_SECONDS: Final = 10.0
"""After a part that was not finished, its sender's next ones are refused for so long."""
_LENGTH: Final = 4


@dataclass(frozen=True, slots=True)
class Plugin:
    """An inspector from elsewhere: its name, where it is (`module:function`), and the operator's action."""

    name: str
    target: str
    action: Action


class WirePart(msgspec.Struct, frozen=True, array_like=True):
    """A part on its way to the process."""

    kind: str
    text: str
    size: int
    head: bytes
    name: str
    media_type: str

    @classmethod
    def of(cls, part: Part) -> "WirePart":
        """Return a part as it is sent."""
        if isinstance(part, Text):
            return cls(part.place, part.text, len(part.text), b"", "", "")
        if isinstance(part, File):
            return cls("", "", part.size, part.head, str(part.name), part.media_type)
        return cls("", "", part.size, b"", "", "")

    @property
    def part(self) -> Part:
        """The part."""
        if self.kind:
            return Text(self.kind, self.text)
        return File(self.size, self.head, self.name, self.media_type) if self.head else Sealed(self.size)


class Job(msgspec.Struct, frozen=True, array_like=True):
    """What one inspector is to look at."""

    plugin: int
    parts: tuple[WirePart, ...]
    sender: str
    room: str
    recent: tuple[tuple[float, int, bool, bool], ...]

    def context(self, action: Action) -> Context:
        """Return the context for an inspector with this action."""
        return Context(self.sender, self.room, action, recent=tuple(Sent(*one) for one in self.recent))


class Done(msgspec.Struct, frozen=True, array_like=True):
    """What it found: action, part, kind, start and end; or the name of the error's type."""

    found: tuple[tuple[str, int, str, int, int], ...] = ()
    error: str = ""


def find_plugins(wanted: Sequence[str]) -> list[Plugin]:
    """Return the plug-ins of the setting `inspection.plugins`, each `name=action`. Raises SetupError."""
    # Reading what every installed package brings is slow, and needed only where something is wanted of it.
    known = {found.name: found for found in entry_points(group=GROUP)} if wanted else {}
    return [_plugin(one, known) for one in wanted]


def _plugin(wanted: str, known: Mapping[str, EntryPoint]) -> Plugin:
    name, _, action = (word.strip() for word in wanted.partition("="))
    if action not in set(Action):
        raise SetupError(
            f"inspection.plugins: {wanted!a} has no action: write {name}=flag, {name}=redact or {name}=block"
        )
    if name not in known:
        there = ", ".join(sorted(known)) or "none"
        raise SetupError(
            f"inspection.plugins: no installed package has an inspector {name!a}; installed are: {there}"
        )
    return Plugin(name, known[name].value, Action(action))


def plugin_of(inspector: Inspector) -> Plugin:
    """Return an inspector of a program's own; it decides the action itself. Raises ProgramError."""
    module, name = str(getattr(inspector, "__module__", "")), str(getattr(inspector, "__qualname__", ""))
    if not module or module == "__main__" or not name.isidentifier():
        raise ProgramError(
            f"the inspector {name or inspector} can't be imported by another process: "
            "make it a function of a module that is not the one that you run"
        )
    return Plugin(name, f"{module}:{name}", Action.BLOCK)


class PluginProcess:
    """The process, started when it is needed, and one at a time."""

    def __init__(self, plugins: Sequence[Plugin], clock: Clock, *, seconds: float) -> None:
        """``seconds``: the longest that one inspector may take for what one request holds."""
        self._plugins = tuple(plugins)
        self._clock = clock
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._waits: dict[str, float] = {}

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

    async def judge(self, parts: Sequence[Part], context: Context) -> Outcome:
        """Return what the inspectors find. Never raises: one that fails is named in the outcome."""
        now = self._clock.monotonic()
        self._waits = {sender: until for sender, until in self._waits.items() if until > now}
        if context.sender in self._waits:
            return Outcome(failed=(("plugins", "the last one was not finished"),))
        outcome = NOTHING
        async with self._turn:
            for number, plugin in enumerate(self._plugins):
                outcome = outcome.and_also(await self._ask(number, plugin, parts, context))
        return outcome

    async def _ask(self, number: int, plugin: Plugin, parts: Sequence[Part], context: Context) -> Outcome:
        recent = tuple((one.at, one.size, one.encoded, one.file) for one in context.recent)
        job = Job(number, tuple(map(WirePart.of, parts)), str(context.sender), context.room, recent)
        try:
            process = self._process or await self._start()
            async with asyncio.timeout(self._seconds):
                await _send(process, msgspec.msgpack.encode(job))
                done = msgspec.msgpack.decode(await _receive(process), type=Done)
            return _outcome(plugin, done, len(parts))
        except asyncio.CancelledError:
            await self.close()  # its answer would be taken for the next one's
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the part was not looked at
            await self.close()
            self._waits[context.sender] = self._clock.monotonic() + PENALTY_SECONDS
            why = "too slow" if isinstance(error, TimeoutError) else type(error).__name__
            warn("inspector_killed", inspector=plugin.name, why=why)
            return Outcome(failed=((plugin.name, why),))

    async def _start(self) -> asyncio.subprocess.Process:
        targets = [f"{one.name} {one.target} {one.action.value}" for one in self._plugins]
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _CHILD,
            *targets,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        async with asyncio.timeout(_START_SECONDS):
            problem = (await _receive(process)).decode()
        if problem:
            await self.close()
            raise SetupError(problem)
        log("inspectors_started", inspectors=", ".join(one.name for one in self._plugins))
        return process


def _outcome(plugin: Plugin, done: Done, parts: int) -> Outcome:
    """Return an answer of the process. Raises ValueError for one that can't be."""
    if done.error:
        return Outcome(failed=((plugin.name, done.error),))
    if any(not 0 <= part < parts for _, part, _, _, _ in done.found):
        raise ValueError("there is no such part")
    return Outcome(
        tuple(
            Found(plugin.name, Action(action), part, Finding(kind, start, end))
            for action, part, kind, start, end in done.found
        )
    )


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


def problem_of(error: BaseException, target: str) -> str:
    """Return why an inspector can't be loaded, as a sentence for the operator."""
    line = traceback.format_exception_only(error)[-1].strip()
    return f"the inspector {target} can't be loaded: {line}"
