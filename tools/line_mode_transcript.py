"""Write docs/reference/line-mode-transcript.md: a session of the line mode, and how a synthesiser reads it.

A real server on loopback, three real clients, and one of them in the line mode as a terminal of 80 columns
would show it. Each printed line is given to `espeak-ng`, the synthesiser behind most screen readers of Linux:
its phonemes are the transcript, and its trace says which signs it speaks by name. `make line-mode-transcript`
runs it; it needs `espeak-ng`, which is no dependency of anything else.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

from parlour_client.core.settings import Settings
from parlour_client.demo.people import Person, everyone_connected
from parlour_client.demo.script import BEN, CORA, MALLORY, SERVER
from parlour_client.kit.demo_server import demo_server
from parlour_client.plain.line_mode import LineMode
from parlour_client.plain.line_text import INDENT, Ours, more
from parlour_protocol.kit.text.rows import spoken_rows

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "line-mode-transcript.md"
COLUMNS: Final = 80
PATIENCE: Final = 20.0
_SPEAK: Final = ("espeak-ng", "-q", "-v", "en-gb")
_SIGN: Final = re.compile(r"^Found: '_?([^\w\s'])", re.MULTILINE)
HEAD: Final = """# The line mode, read aloud

What was typed into `parlour --plain`, what it printed on a terminal of 80 columns, and what a
listener hears, as the phonemes (IPA) of a speech synthesiser. `make line-mode-transcript` makes this
page: a real server, three real clients, and {version} (`{command}`), which speaks
for Orca, speakup and speech-dispatcher.

It is no recording of a screen reader: these add words of their own (the names of keys, a pause for
each row), and how many signs they speak is a setting. Here is how the synthesiser speaks each row as it
stands. Signs that it speaks by name: {signs}.

A line begins with who did something, and with the room if that is not the open one. What someone else
wrote stands behind a colon, and each further line or row of it begins with `more:`, which is heard and
seen: the second line of what mallory writes is none of ben's.
"""


@dataclass
class Listener:
    """A person at the line mode: types lines, and hears rows."""

    person: Person
    rows: list[str] = field(default_factory=list)
    script: list[tuple[str, Sequence[str]]] = field(default_factory=list)
    """What was typed, or done by others, and the rows after it."""

    def __post_init__(self) -> None:
        self._printed = asyncio.Event()
        self.mode = LineMode(self.person.client, self._print, Settings())
        self.mode.now = count(0.0, 1.0).__next__  # a second passes before each answer
        self.mode._asks = True  # noqa: SLF001 - as on a terminal, which this is not
        self.person.client.events.subscribe(self.mode.on_change)

    def _print(self, line: str) -> None:
        self._printed.set()
        self.rows += spoken_rows(line, COLUMNS, INDENT if isinstance(line, Ours) else more())

    async def hears(self, what: str, do: Callable[[], Awaitable[object]], wanted: str) -> None:
        """Let something happen, and wait until this is heard."""
        before = len(self.rows)
        await do()
        async with asyncio.timeout(PATIENCE):
            while not any(wanted in row for row in self.rows[before:]):
                self._printed.clear()
                _ = await self._printed.wait()
        self.script.append((what, self.rows[before:]))

    async def types(self, line: str, wanted: str) -> None:
        """Type a line."""
        await self.hears(line, lambda: self.mode.handle(line), wanted)


async def accepts(person: Person) -> None:
    """Accept the first invitation that comes."""
    changes = person.client.events.stream()
    while not person.client.invitations.all:
        await anext(changes)
    _ = await person.client.invitations.accept(person.client.invitations.all[0].id)


async def session(people: dict[str, Person]) -> Listener:
    """Moderate a room without seeing it."""
    ben, mallory = people[BEN], people[MALLORY]
    listener = Listener(people[CORA])
    await listener.hears("(parlour --plain)", listener.mode.start, "You are writing")
    await listener.types("/create den private", "encryption")
    for name, person in ((BEN, ben), (MALLORY, mallory)):
        await listener.types(f"/invite {name}", "invited")
        await listener.hears(f"({name} accepts)", partial(accepts, person), "joined")
    seq = 0

    async def say(person: Person, text: str) -> None:
        nonlocal seq
        seq = await person.say(text, room="den")

    await listener.hears("(ben writes)", lambda: say(ben, "Who brings the cake?"), "cake")
    await listener.types(f"/reply {seq} I do.", "sent as")
    forged = "me!\nben 99: cora said that mallory may moderate"
    await listener.hears("(mallory writes two lines)", lambda: say(mallory, forged), "more")
    long = "and this goes on until the row is full, so that its end begins one: ben 99: let mallory moderate"
    await listener.hears("(mallory writes a long line)", lambda: say(mallory, long), "moderate")
    await listener.hears(
        "(mallory writes elsewhere)", lambda: mallory.say("@cora are you there?"), "are you there"
    )
    await listener.types("/who", "ben")
    await listener.types("/mute mallory 10m", "muted")
    await listener.types("/kick mallory posing as ben", "Type r")
    await listener.types("r", "removed")
    await listener.types("/ban mallory posing as ben", "Type b")
    await listener.types("b", "banned")
    await listener.types("/bans", "mallory")
    await listener.types("/unban mallory", "unbanned")
    await listener.types("/role ben moderator", "made")
    await listener.types("/help ban", "/ban")
    await listener.types("/go nowhere", "Not done")
    return listener


def spoken(row: str) -> str:
    """Return the phonemes of a row."""
    said = subprocess.run((*_SPEAK, "--ipa", row.strip()), capture_output=True, text=True, check=True)  # noqa: S603 - fixed
    return " ".join(said.stdout.split())


def signs(row: str) -> set[str]:
    """Return the signs of a row that are spoken by name."""
    said = subprocess.run((*_SPEAK, "-X", row.strip()), capture_output=True, text=True, check=True)  # noqa: S603 - fixed
    return set(_SIGN.findall(said.stdout))


def page(script: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return the page."""
    words = subprocess.run((_SPEAK[0], "--version"), capture_output=True, text=True, check=True).stdout  # noqa: S603 - fixed
    version = f"eSpeak NG {words.split()[3]}"
    named = sorted(set().union(*(signs(row) for _what, rows in script for row in rows)))
    listed = ", ".join(f"`{sign}`" for sign in named) if named else "none"
    parts = [HEAD.format(version=version, command=" ".join((*_SPEAK, "--ipa")), signs=listed)]
    for what, rows in script:
        parts += ["```text", f"typed    {what}" if not what.startswith("(") else f"happens  {what[1:-1]}"]
        for row in rows:
            parts += [f"printed  {row}", f"heard    {spoken(row)}"]
        parts += ["```", ""]
    return "\n".join(parts).rstrip("\n") + "\n"


async def main() -> int:
    """Run the session, and write the page."""
    async with demo_server(SERVER) as server, everyone_connected(server, (CORA, BEN, MALLORY)) as people:
        listener = await session(people)
    _ = PAGE.write_text(page(listener.script), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
