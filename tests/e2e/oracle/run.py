"""One client against one hostile server: home folder, process, stages, and who is to blame for what is found.

A failure names the place and the text's id. It never hides a text that was not shown: a stage that cannot see
its marks fails. ``terminal_oracle.py`` makes one run for each size of the terminal.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from tests.e2e.oracle.terminal import StuckError, Terminal
from tests.protocol.kit.text.corpus import Entry

from parlour_protocol.ids import RoomId

CLIENT = ("-m", "parlour_client")
QUIT = "\x11"
ROOT = Path(__file__).parents[3]


Failure = tuple[str, str, str]
"""Place, id of the text, what is wrong."""


class Served(Protocol):
    """A hostile server, as far as a run needs it."""

    @property
    def names(self) -> Mapping[RoomId, str]:
        """The rooms."""
        ...

    def open(self, folder: Path) -> AbstractAsyncContextManager[object]:
        """Serve."""
        ...

    async def make_home(self, folder: Path) -> None:
        """Write the home folder of somebody who has logged in there."""
        ...


H = TypeVar("H", bound=Served)


@dataclass
class Run(Generic[H]):
    """What the stages work with."""

    server: H
    terminal: Terminal
    entries: Sequence[Entry]
    failures: list[Failure] = field(default_factory=list)
    part: int = 0
    """Which size it is, and so which half of the groups it takes."""

    stage: str = "the start"
    """What is under way."""

    def blame(self, place: str, *current: int) -> None:
        """Take what the terminal found; the text is one of the current ones, or that of the nearest mark."""
        for row, what in self.terminal.check():
            mark = self.terminal.nearest_mark(row)
            numbers = current or (() if mark is None else (min(mark, len(self.entries) - 1),))
            ids = " or ".join(self.entries[number].id for number in numbers)
            self.fail(place, ids or "?", f"{what} in row {row}")

    def fail(self, place: str, text: str, what: str) -> None:
        """Note a failure."""
        self.failures.append((place, text, what))


Stage = Callable[[Run[H]], Awaitable[None]]


@asynccontextmanager
async def client_on(
    server: H,
    folder: Path,
    size: tuple[int, int],
    entries: Sequence[Entry],
    command: Sequence[str] = CLIENT,
    arguments: Sequence[str] = ("chat",),
    farewell: str = QUIT,
) -> AsyncIterator[Run[H]]:
    """Start the real client on the server; end it, and see that it ended well."""
    async with server.open(folder):
        await server.make_home(folder / "home")
        inherited = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES", "NO_COLOR"}}
        env = inherited | {
            "TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_ANIMATIONS": "none",
            "PYTHONPATH": str(ROOT),
            "XDG_STATE_HOME": str(folder / "state"),
        }  # fmt: skip
        line = [*command, "--home", str(folder / "home"), *arguments]
        run = Run(server, Terminal(line, env, *size, [entry.text for entry in entries]), entries)
        await run.terminal.start()
        try:
            yield run
        except (StuckError, TimeoutError) as error:
            run.blame("unfinished")
            run.fail(
                f"client, {run.stage}",
                "?",
                str(error) if isinstance(error, StuckError) else "it did not ask for something",
            )
        finally:
            code = await run.terminal.quit(farewell)
            run.blame("the end")
            if code:
                run.fail(f"client, {run.stage}", "?", f"it ended with {code}: {run.terminal.lines()[-1]!a}")


def groups(
    entries: Sequence[Entry], takes: Callable[[str], bool], most: int, between: str = "\n"
) -> list[list[int]]:
    """Return the numbers of the texts that a place takes, packed so that it shows a group whole.

    ``most`` are the characters that it shows. The rule looks at each line by itself, so texts on lines of
    their own are shown as they are alone.
    """
    packed: list[list[int]] = []
    group = ""
    for number, entry in enumerate(entries):
        if not takes(entry.text):
            continue
        longer = f"{group}{between}{entry.text}"
        if not packed or len(longer) > most or not takes(longer):
            packed.append([])
            longer = entry.text
        packed[-1].append(number)
        group = longer
    return packed


def together(run: "Run[H]", numbers: Sequence[int], between: str = "\n") -> str:
    """Return the texts of a group as one."""
    return between.join(run.entries[number].text for number in numbers)
