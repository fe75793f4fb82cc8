"""`make demo`: a server that lives only for the demo, and a guest who counts."""

import sys

from parlour_client.kit.demo import demo_main
from parlour_protocol.kit.ids import new_request_id

from blank.frames import WIRE, Add
from blank.screen import CounterLink, CounterScreen


async def play(link: CounterLink) -> str:
    """Add to the counter and wait until it shows; this is what `--headless` does."""
    pushes = link.pushes()
    for number in (1, 2):
        await link.ask(Add(new_request_id(), number))
    async for push in pushes:
        if push.total == 1 + 2:
            break
    return "what was added was counted, once"


if __name__ == "__main__":
    sys.exit(demo_main("Blank", WIRE, CounterScreen, play, server="blank.server"))
