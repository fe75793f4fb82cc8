"""Group M: what others write, on the screen of the person who reads it."""

import io
from contextlib import redirect_stdout
from pathlib import Path

from rich.segment import Segment
from textual.color import Color

from parlour_client.cli.tail import print_event
from parlour_client.kit.terminal.guard import TerminalGuard
from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.hostile.people import World
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.kit.ids import Seq

_HOSTILE = (
    "\x1b]52;c;ZXZpbA==\x07",  # writes to the clipboard
    "\x1b]0;a title\x07",
    "\x1b[2J\x1b[H",  # clears the screen
    "\x9b31m",  # the same sequence in one byte
    "\x1b]8;;https://evil.example\x1b\\harmless.example\x1b]8;;\x1b\\",
    "abc\u202egpj.exe",  # shows the rest from right to left
)
_ACTING = "\x1b\x07\x9b\u202e"


@attack(
    "A message with sequences that control a terminal",
    expects="They are printed as text that shows what they are; none of their bytes reaches the terminal.",
    stage=Stage.PEOPLE,
)
async def escape_sequences(world: World, seen: Evidence) -> bool:
    room, (ada, ben) = await world.together("ada", "ben", encrypted=False)
    for text in _HOSTILE:
        async with world.halted() as server:
            server.append(room, "ben", Message(text=MessageText(text)))
        seen.sent(text)
    await world.goes_on(room, ada, ben)
    printed = io.StringIO()
    with redirect_stdout(printed):
        for event in await world.during(ada.client.history.log(room, after=Seq(0))):
            found = ada.client.rooms.get(room)
            assert found is not None
            print_event(found, event, as_json=False)
    output = printed.getvalue()
    seen.received(output)
    return not any(c in output for c in _ACTING)


@attack(
    "A widget that draws messages as they are, because someone forgot the rule",
    expects="The guard behind all widgets writes U+FFFD in the place of each character that acts.",
    stage=Stage.UNIT,
)
def forgotten_rule(_folder: Path, seen: Evidence) -> bool:
    for text in _HOSTILE:
        seen.sent(text)
    drawn = TerminalGuard().apply([Segment(text) for text in _HOSTILE], Color(0, 0, 0))
    output = "".join(segment.text for segment in drawn)
    seen.received(output)
    return not any(c in output for c in _ACTING)
