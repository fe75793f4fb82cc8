"""`make demo`: a server that lives only for the demo, and a guest who counts."""

import sys
from typing import Never

from parlour_client.kit.demo import demo_main
from parlour_client.kit.link import Link
from parlour_protocol.kit.frames import Hello
from parlour_protocol.kit.ids import new_request_id

from blank.frames import WIRE, Add, Count
from blank.screen import BlankScreen


async def play(link: Link[Hello, Add, Never, Count]) -> str:
    """Add to the counter and wait until it shows; this is what `--headless` does."""
    pushes = link.pushes()
    for number in (1, 2):
        await link.ask(Add(new_request_id(), number))
    async for push in pushes:
        if push.total == 1 + 2:
            break
    return "what was added was counted, once"


if __name__ == "__main__":
    sys.exit(demo_main("Blank", WIRE, BlankScreen, play, server="blank.server"))
