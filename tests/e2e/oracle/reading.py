"""Reading what is longer than the screen: logs page by page, lists by the wheel; the run judges every page.

The stages of open and of encrypted rooms call these.
"""

from collections.abc import Awaitable, Callable, Collection

from tests.e2e.oracle.hostile_server import HostileServer
from tests.e2e.oracle.run import H, Run
from tests.e2e.oracle.terminal import PLACEHOLDER

from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.ids import RoomId

PAGE_UP, PAGE_DOWN, NEWEST = "\x1b[5~", "\x1b[6~", "\x1b[1;5F"
WHEEL_DOWN, WHEEL_UP = "\x1b[<65;", "\x1b[<64;"
PATIENT = 4
MOVES = 1.5
"""Seconds after which a key is taken to have moved nothing."""
BELOW = 6
"""Rows below the timeline: composer, status, footer."""


def room_of(run: Run[H], name: str) -> RoomId:
    """Return the id of a room."""
    return next(room for room, known in run.server.names.items() if known == name)


async def read_log(run: Run[H], place: str, again: Callable[[int], Awaitable[None]] | None = None) -> None:
    """Read the open room to its beginning, twice where a busy machine skipped something.

    ``again`` says anew what was skipped even then; without it that is a failure.
    """
    terminal, wanted = run.terminal, set(range(len(run.entries)))
    terminal.seen.clear()
    await terminal.wrote(f"#{len(run.entries) - 1};")
    for _ in range(2):
        await terminal.quiet()
        await _read_up(run, place, wanted)
        terminal.press(NEWEST)
        if wanted <= terminal.seen:
            break
    await terminal.quiet()
    for number in sorted(wanted - terminal.seen):
        if again is None:
            run.fail(place, run.entries[number].id, "never shown")
            continue
        await again(number)
        await terminal.until(lambda _text, number=number: number in terminal.seen, f"#{number};")
        run.blame(place, number)


async def _read_up(run: Run[H], place: str, wanted: set[int]) -> None:
    terminal, idle = run.terminal, 0
    while idle < PATIENT:
        run.blame(place)
        before = terminal.lines()[:-BELOW]
        terminal.press(PAGE_UP)
        # Not the next frame: it may show something else, and two keys in one frame would skip a page.
        moved = await terminal.differs(lambda lines, old=before: lines[:-BELOW] != old)
        if wanted <= terminal.seen:
            idle += 2  # what the first mark belongs to stands above it
        else:
            idle = 0 if moved else idle + 1
    run.blame(place)


async def scroll(run: Run[H], place: str, wanted: Collection[str]) -> None:
    """Turn the wheel down a list until everything was seen; up again for what was skipped."""
    terminal, idle = run.terminal, 0
    missing, wheel = set(wanted), WHEEL_DOWN
    while idle < PATIENT:
        shown = "\n".join(terminal.lines())
        missing -= {mark for mark in missing if mark in shown}
        run.blame(place)
        if not missing:
            return
        idle = 0 if await turn(run, wheel_over_the_middle(run, wheel)) else idle + 1
        if idle == PATIENT and wheel == WHEEL_DOWN:
            idle, wheel = 0, WHEEL_UP
    run.fail(place, "?", f"never shown: {', '.join(sorted(missing)[:5])} and {len(missing)} in all")


async def scroll_through(run: Run[H], place: str) -> None:
    """Turn the wheel down to the end of what is shown."""
    idle = 0
    while idle < PATIENT // 2:
        run.blame(place)
        idle = 0 if await turn(run, wheel_over_the_middle(run, WHEEL_DOWN)) else idle + 1
    run.blame(place)


async def page_through(run: Run[H], place: str, *numbers: int) -> None:
    """Press Page Down to the end of a page."""
    while True:
        run.blame(place, *numbers)
        if not await turn(run, PAGE_DOWN):
            return


async def turn(run: Run[H], keys: str) -> bool:
    """Press what moves something; tell whether it did."""
    before = run.terminal.lines()
    run.terminal.press(keys)
    return await run.terminal.differs(lambda lines: lines != before, MOVES)


def wheel_over_the_middle(run: Run[H], wheel: str) -> str:
    """Return turns of the wheel that move what lies there by less than a screen."""
    screen = run.terminal.screen
    return f"{wheel}{screen.columns // 2};{screen.rows // 2}M" * (screen.rows // 12)


async def nothing_typed(run: Run[H]) -> None:
    """See that no stranger's text made the terminal type an answer into the composer."""
    await run.terminal.quiet()
    if not any(PLACEHOLDER in line for line in run.terminal.lines()):
        run.fail("composer", "?", "something was typed into it")


async def told(run: Run[HostileServer]) -> None:
    """See that news were told of: that notifications hold no text says nothing when none came.

    Of a burst none is told one by one, so one more message comes alone into a room that is not open.
    """
    await run.server.say(run.server.append(room_of(run, "d-library"), Message(MessageText("the last one"))))
    await run.terminal.until(lambda _text: run.terminal.reader.news > 0, "a notification")
