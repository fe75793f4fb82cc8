"""How fast the timeline is at 100,000 messages: CPU time per append, scroll and resize, headless at 100x40.

Run `python -m bench.timeline [N …]`. Times are process CPU in milliseconds, repaint included; the targets are
append <= 10 ms and resize <= 100 ms. It draws through Textual's pilot and needs no terminal and no server.
"""

import asyncio
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median

from textual.app import App, ComposeResult

from parlour_client.core.model import Entry
from parlour_client.ui.chat.gc_tuning import Collector
from parlour_client.ui.chat.timeline import Timeline
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName, parse_device_name, parse_user_name

SIZE = (100, 40)
WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "while",
    "the",
    "parlour",
    "clock",
    "strikes",
    "seven",
    "in",
    "the",
    "evening",
]
ME = parse_user_name("alice")
PEOPLE = (ME, parse_user_name("bob"), parse_user_name("carol"))
LAPTOP = parse_device_name("laptop")
ROOM = RoomId("r" * 22)


def entry(number: int, author: UserName | None = None) -> Entry:
    """Make message ``number``: 5 to 64 words, every tenth with letters beyond ASCII."""
    words = [WORDS[(number * 7 + i * i) % len(WORDS)] for i in range(5 + number * number % 60)]
    text = " ".join(words) + (" naïve 日本語 ✓" if number % 10 == 0 else "")
    body = Message(MessageText(text))
    at = Millis(1_700_000_000_000 + number * 60_000)
    return Entry(ROOM, at, author or PEOPLE[number % 3], LAPTOP, body, seq=Seq(number), text=body.text)


class TimelineApp(App[None]):
    """A timeline and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.timeline = Timeline(keep=1_000_000)
        self.animation_level = "none"

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield self.timeline


async def timed(what: Callable[[int], Awaitable[None]], times: int) -> tuple[float, float]:
    """Return the median and the worst CPU time of some runs, in milliseconds."""
    taken = []
    for turn in range(times):
        before = time.process_time()
        await what(turn)
        taken.append((time.process_time() - before) * 1000)
    return median(taken), max(taken)


async def measure(count: int) -> tuple[str, list[tuple[float, float]]]:
    """Measure one size: a row of the table; append, scroll, resize and prepend, median and worst."""
    entries = [entry(number) for number in range(1_001, count + 1_001)]
    older = [entry(number) for number in range(1, 1_001)]
    app = TimelineApp()
    async with app.run_test(size=SIZE) as pilot:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.process_time()
        app.timeline.show(ME, entries, complete=True)
        await pilot.pause()
        load = time.process_time() - start
        collector = Collector()  # as the chat screen does
        collector.start()
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024

        async def append(turn: int) -> None:
            app.timeline.add(entry(count + 1_001 + turn, PEOPLE[1]))
            app.timeline.add_pending()  # at once, not with the next frame: to measure a single append
            await pilot.pause()

        async def scroll(turn: int) -> None:
            app.timeline.scroll_relative(y=-3 if turn % 20 < 10 else 3, animate=False)
            await pilot.pause()

        async def resize(turn: int) -> None:
            await pilot.resize_terminal(SIZE[0] - 1 - turn % 7, SIZE[1])
            await pilot.pause()

        async def prepend(turn: int) -> None:
            app.timeline.prepend(older[950 - 50 * turn : 1_000 - 50 * turn], complete=True)
            await pilot.pause()

        idle = await timed(lambda _: pilot.pause(), 20)
        figures = [await timed(append, 40), await timed(scroll, 40)]
        figures += [await timed(resize, 15), await timed(prepend, 10)]
    collector.stop()
    cells = " | ".join(f"{middle:.1f} / {worst:.0f}" for middle, worst in figures)
    return f"| {count:,} | {load:.2f} | {grown:.0f} | {cells} | {idle[0]:.1f} |", figures


def rows(count: int = 100_000) -> list[list[str]]:
    """Measure one size for the table of all measurements."""
    _, (append, _, resize, _) = asyncio.run(measure(count))
    return [
        [f"timeline of {count:,}, {what}", f"{middle:.1f} ms CPU", "", "", goal, f"worst {worst:.0f} ms"]
        for what, (middle, worst), goal in (
            ("append", append, "<= 10 ms"),
            ("resize", resize, "<= 100 ms"),
        )
    ]


def main() -> None:
    """Print the table."""
    counts = [int(word) for word in sys.argv[1:]] or [1_000, 10_000, 100_000]
    print("CPU ms, median / worst, repaint included; headless", "x".join(map(str, SIZE)))
    print("| messages | load s | +MB | append | scroll | resize | prepend 50 | idle turn |")
    print("|---|---|---|---|---|---|---|---|")
    for count in counts:
        print(asyncio.run(measure(count))[0], flush=True)


if __name__ == "__main__":
    main()
