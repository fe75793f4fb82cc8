"""What an attack is: a function that tries something, shows what it saw, and says whether the defence held.

An attack is written once. The drill runs it against a server as it is; the laboratory runs it a second time
against a copy without the defence, where it must succeed. It says nothing about tests and needs none.
"""

import importlib
import re
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

_LONGEST: Final = 600
"""The most characters of one step that are shown."""
_STEPS: Final = 60
"""The most steps of an attack that are shown."""
_TOKEN: Final = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")
"""What looks like a session, a ticket or an invite: shown by its first letters."""


class Stage(Enum):
    """What an attack is given."""

    SERVER = "server"
    """A ``LabServer``: a process on loopback. Attacks with the same settings share one."""
    OWN_SERVER = "own server"
    """The same, for this attack only: it may be stopped, flooded, or edited."""
    FOLDER = "folder"
    """A ``LabServer`` that was not started: its data folder, and the operator's commands."""
    PAIR = "pair"
    """A ``Pair``: two servers on one PostgreSQL. Not tried where there is none."""
    PEOPLE = "people"
    """A ``World``: a hostile server with real clients at it. The attack is a coroutine."""
    NOTHING = "nothing"
    """A ``Path``: an empty folder. What the attack needs it makes itself, such as a server on loopback."""
    UNIT = "unit"
    """The same, for what calls the code in its own process: nothing of it goes over a network."""


class Verdict(StrEnum):
    """How an attack ended."""

    HELD = "held"
    BROKEN = "broken"
    """The attacker got what they wanted."""
    NOT_TRIED = "not tried"
    """Something that the attack needs is not here."""
    ERROR = "error"
    """The attack itself failed: it says nothing about the defence."""


class NotTriedError(Exception):
    """Raised by an attack that can't be tried here; the text says why."""


class Kind(StrEnum):
    """What a step of an attack is."""

    SENT = "sent"
    RECEIVED = "received"
    OBSERVED = "observed"
    LOG = "log"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was sent, received or seen."""

    kind: Kind
    text: str


@dataclass
class Evidence:
    """What an attack did and saw, bounded, with tokens cut."""

    steps: list[Step] = field(default_factory=list)
    left_out: int = 0

    def sent(self, what: object) -> None:
        """Note what went out: bytes as they are, or a sentence."""
        self._add(Kind.SENT, what)

    def received(self, what: object) -> None:
        """Note what came back."""
        self._add(Kind.RECEIVED, what)

    def observed(self, what: object) -> None:
        """Note what was seen elsewhere: in a file, on a screen, in memory, on the clock."""
        self._add(Kind.OBSERVED, what)

    def log(self, what: object) -> None:
        """Note a line of the server's log."""
        self._add(Kind.LOG, what)

    def _add(self, kind: Kind, what: object) -> None:
        if len(self.steps) >= _STEPS:
            self.left_out += 1
            return
        self.steps.append(Step(kind, shown(what)))


def shown(what: object) -> str:
    """Return printable ASCII of limited length: control characters are escaped, tokens cut."""
    text = what.decode("latin-1") if isinstance(what, bytes | bytearray) else str(what)
    text = _TOKEN.sub(lambda token: f"{token[0][:4]}[39 more]", text[: 20 * _LONGEST])
    text = "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in text)
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]} [{len(text) - _LONGEST} more]"


@dataclass(frozen=True)
class Outcome:
    """How one run of an attack ended."""

    attack: str
    verdict: Verdict
    why: str
    """What the defence had to do; for NOT_TRIED and ERROR: what was in the way."""
    seconds: float
    steps: Sequence[Step] = ()
    left_out: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it for a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "Outcome":
        """Read what ``as_json`` wrote."""
        steps = tuple(Step(Kind(one["kind"]), one["text"]) for one in found["steps"])
        return cls(**{**found, "verdict": Verdict(found["verdict"]), "steps": steps})


@dataclass(frozen=True)
class Attack:
    """One attack: ``run`` gets what its stage has and the evidence, and returns whether the defence held."""

    id: str
    """`module.function`."""
    title: str
    expects: str
    """What the defence must do, as a sentence."""
    stage: Stage
    run: Callable[[Any, Evidence], Any]
    """A coroutine function on the stage PEOPLE."""
    settings: str = ""
    """TOML for the server's configuration."""
    command: bool = False
    """The server must be started as the command is, by a new Python."""
    waits: bool = False
    """It mostly waits for a deadline: it runs beside others on the same server."""
    remote: bool = False
    """It may be tried on a server elsewhere: it harms nothing and needs only an account."""

    @property
    def name(self) -> str:
        """A few words for a list: those of the function."""
        return self.id.partition(".")[2].replace("_", " ")

    def outcome(self, seen: Evidence, start: float, ended: "bool | BaseException") -> Outcome:
        """Return how a run ended that began at ``start``: what the attack returned, or raised."""
        match ended:
            case bool():
                verdict, why = (Verdict.HELD if ended else Verdict.BROKEN), self.expects
            case NotTriedError():
                verdict, why = Verdict.NOT_TRIED, shown(ended)
            case _:
                verdict, why = Verdict.ERROR, shown(f"{type(ended).__name__}: {ended}{_where(ended)}")
        seconds = round(time.monotonic() - start, 3)
        return Outcome(self.id, verdict, why, seconds, tuple(seen.steps), seen.left_out)

    def play(self, on: object) -> Outcome:
        """Run it, with an error as an outcome."""
        seen, start = Evidence(), time.monotonic()
        try:
            return self.outcome(seen, start, self.run(on, seen))
        except Exception as error:  # noqa: BLE001 - whatever happened, the others are played
            return self.outcome(seen, start, error)

    async def play_async(self, on: object) -> Outcome:
        """Run one that is a coroutine."""
        seen, start = Evidence(), time.monotonic()
        try:
            return self.outcome(seen, start, await self.run(on, seen))
        except Exception as error:  # noqa: BLE001 - the same
            return self.outcome(seen, start, error)


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if "parlour_lab" in one.filename] or frames
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


F = TypeVar("F", bound=Callable[..., Any])
_ATTACKS: Final[dict[str, Attack]] = {}


def attack(
    title: str,
    *,
    expects: str,
    stage: Stage = Stage.SERVER,
    settings: str = "",
    command: bool = False,
    waits: bool = False,
    remote: bool = False,
) -> Callable[[F], F]:
    """Register a function of a module in ``parlour_lab.attacks`` under `module.function`."""

    def registered(function: F) -> F:
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        _ATTACKS[name] = Attack(
            name, title, expects, stage, function, settings, command=command, waits=waits, remote=remote
        )
        return function

    return registered


def load(name: str) -> Attack:
    """Import the attack's module and return it. Raises KeyError if it has no such attack."""
    if name not in _ATTACKS:
        module = name.partition(".")[0]
        if not re.fullmatch(r"[a-z][a-z0-9_]*", module):
            raise KeyError(name)
        importlib.import_module(f"parlour_lab.attacks.{module}")
    return _ATTACKS[name]
