"""The stages of a run in encrypted rooms: what comes out of sealed messages, and the screens about devices.

Inside a sealed message the server can refuse nothing: what is against the wire's rule must be refused by the
client itself, as a row that says why. ``terminal_oracle.py`` runs them in order.
"""

from collections.abc import Sequence
from functools import partial

from tests.e2e.oracle.encrypted_rooms import EncryptedRooms
from tests.e2e.oracle.places import ESCAPE, SEALED, device_name
from tests.e2e.oracle.reading import read_log, scroll_through
from tests.e2e.oracle.run import Run
from tests.e2e.oracle.terminal import MARK
from tests.protocol.kit.text.corpus import Entry

READ, REFUSED = "a-sealed", "b-refused"
LONGEST = 4_000
"""Characters of a refused text that are sent: more would not fit into a sealed message."""
BATCH = 4
"""Texts whose refusals stand on one small screen together."""
CAUSE = "can't be read"
HONEST = "as it was before"
SCREENS = (
    ("/encryption", "Who can read new messages"),
    ("/devices", "Your devices"),
    ("/alarms", "Enter asks whether to dismiss"),
    ("/verify mallory", "Safety number"),
)
"""What names devices, and what it shows of its own first."""


def encrypted_rooms_of(entries: Sequence[Entry], *, said: bool = True) -> EncryptedRooms:
    """Return rooms in which all texts are sent before the client connects, or not yet."""
    names = dict.fromkeys(name for entry in entries if (name := device_name(entry.text)) is not None)
    return EncryptedRooms(tuple(names), lambda rooms: furnish(rooms, entries if said else ()))


def furnish(rooms: EncryptedRooms, entries: Sequence[Entry]) -> None:
    """Say all texts in the first room before the client comes."""
    for number, entry in enumerate(entries):
        say(rooms, number, entry.text)


def say(rooms: EncryptedRooms, number: int, text: str, *, tell: bool = False) -> None:
    """Put a text into every sealed place that takes it, and its mark below, which quotes it."""
    seal = partial(rooms.seal, rooms.room(READ), tell=tell)
    first = seal(SEALED[0].make(text if SEALED[0].takes(text) else HONEST, ""))
    for place in SEALED[1:]:
        if place.takes(text):
            seal(place.make(text, seal(SEALED[0].make(HONEST, "")) if place.name == "sealed edit" else first))
    seal({"kind": "text", "text": f"#{number};", "reply_to": first})


async def sealed_timeline(run: Run[EncryptedRooms]) -> None:
    """Read the whole log, page by page: messages, edits, quotes, reactions, file names."""
    await run.terminal.shows("Encrypted")

    async def again(number: int) -> None:
        say(run.server, number, run.entries[number].text, tell=True)

    await read_log(run, "sealed timeline", again)


async def _enter(run: Run[EncryptedRooms], name: str) -> None:
    run.terminal.press(f"/join {name}\r")
    await run.terminal.shows(f"{name}  Encrypted")
    await run.terminal.quiet()


async def sealed_refusals(run: Run[EncryptedRooms]) -> None:
    """Say what may stand in no sealed message: each is a row with its cause, and nothing of it is shown."""
    await _enter(run, REFUSED)
    room, terminal = run.server.room(REFUSED), run.terminal
    honest = run.server.seal(room, SEALED[0].make(HONEST, ""), tell=True)
    refused = [
        (number, place)
        for number, entry in enumerate(run.entries)
        for place in SEALED
        if not place.takes(entry.text[:LONGEST])
    ]
    for begin in range(0, len(refused), BATCH):
        terminal.seen.clear()
        batch = refused[begin : begin + BATCH]
        for number, place in batch:
            content = place.make(run.entries[number].text[:LONGEST], honest)
            run.server.seal(room, content, raw=number % 2 == 0, tell=True)
            run.server.seal(room, SEALED[0].make(f"#{number};", ""), tell=True)
        wanted = {number for number, _ in batch}
        await terminal.until(
            lambda _text, wanted=wanted: wanted <= terminal.seen, "the marks of refused texts"
        )
        await terminal.drawn(0.2)
        said = _rows_below_the_last(terminal.lines(), len(batch))
        run.blame("sealed refusal", *wanted)
        if said < len(batch):
            names = " or ".join(f"{run.entries[number].id} as {place.name}" for number, place in batch)
            run.fail("sealed refusal", names, f"{len(batch) - said} of them not refused with a row")


def _rows_below_the_last(rows: Sequence[str], count: int) -> int:
    """Count the causes among the rows of the last so many marks."""
    marks = [at for at, row in enumerate(rows) if MARK.search(row)]
    begin = marks[-count - 1] + 1 if len(marks) > count else 0
    return sum(CAUSE in row for row in rows[begin:])


async def device_screens(run: Run[EncryptedRooms]) -> None:
    """Show the names of devices: in the report of a room, in the list of one's own, in alarms."""
    await _enter(run, READ)
    for command, words in SCREENS:
        run.terminal.press(f"{command}\r")
        await run.terminal.until(words)
        await scroll_through(run, command)
        await run.terminal.leave(ESCAPE, words)
