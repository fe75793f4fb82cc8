"""Reading what is longer than the screen: logs page by page, lists by the wheel; the run judges every page.

The stages of open and of encrypted rooms call these.
"""

from collections.abc import Awaitable, Callable, Collection

from tests.e2e.oracle.run import H, Run
from tests.e2e.oracle.terminal import PLACEHOLDER

from parlour_protocol.ids import RoomId

PAGE_UP, NEWEST = "\x1b[5~", "\x1b[1;5F"
WHEEL_DOWN, WHEEL_UP = "\x1b[<65;", "\x1b[<64;"
PATIENT = 4
BELOW = 6
"""Rows below the timeline: composer, status, footer."""


def room_of(run: Run[H], name: str) -> RoomId:
    """Return the id of a room."""
    return next(room for room, known in run.house.names.items() if known == name)


async def read_log(run: Run[H], place: str, again: Callable[[int], Awaitable[None]]) -> None:
    """Read the open room to its beginning; ``again`` says anew what was skipped on a busy machine."""
    terminal = run.terminal
    wanted, idle = set(range(len(run.entries))), 0
    terminal.seen.clear()
    await terminal.wrote(f"#{len(run.entries) - 1};")
    await terminal.quiet()
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
    terminal.press(NEWEST)
    await terminal.quiet()
    for number in sorted(wanted - terminal.seen):
        await again(number)
        await terminal.until(lambda _text, number=number: number in terminal.seen, f"#{number};")
        run.blame(place, number)


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
        idle = 0 if await _turn(run, wheel) else idle + 1
        if idle == PATIENT and wheel == WHEEL_DOWN:
            idle, wheel = 0, WHEEL_UP
    run.fail(place, "?", f"never shown: {', '.join(sorted(missing)[:5])} and {len(missing)} in all")


async def scroll_through(run: Run[H], place: str) -> None:
    """Turn the wheel down to the end of what is shown."""
    idle = 0
    while idle < PATIENT // 2:
        run.blame(place)
        idle = 0 if await _turn(run, WHEEL_DOWN) else idle + 1
    run.blame(place)


async def _turn(run: Run[H], wheel: str) -> bool:
    """Turn the wheel over the middle of the screen; tell whether that moved anything."""
    terminal = run.terminal
    before = terminal.lines()
    middle = f"{terminal.screen.columns // 2};{terminal.screen.rows // 2}M"
    terminal.press(f"{wheel}{middle}" * (terminal.screen.rows // 12))
    await terminal.drawn()
    return terminal.lines() != before


async def nothing_typed(run: Run[H]) -> None:
    """See that no stranger's text made the terminal type an answer into the composer."""
    await run.terminal.quiet()
    if not any(PLACEHOLDER in line for line in run.terminal.lines()):
        run.fail("composer", "?", "something was typed into it")
