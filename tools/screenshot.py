"""Draw `docs/screenshot.svg` anew: the real client among the demo's people, on a screen that is only kept.

`python -m tools.screenshot`. It is not part of `make docs`: the picture shows a time and a port.
"""

import asyncio
import re
from pathlib import Path

from parlour_client.core.client import Client
from parlour_client.demo.house import open_house
from parlour_client.demo.people import gather, sign_up
from parlour_client.demo.script import CAST, GUEST, SCRIPT
from parlour_client.ui.app import ParlourApp
from parlour_protocol.secret import Secret

PICTURE = Path(__file__).parents[1] / "docs" / "screenshot.svg"
SIZE = (100, 30)


async def main() -> None:
    """Let everybody speak, open the client, and keep its screen."""
    async with open_house() as house, gather(house, CAST) as people:
        last = [await people[line.who].say(line.text) for line in SCRIPT[:7]][-1]
        guest = Client(await sign_up(house.folder / GUEST, GUEST, await house.invite(1), Secret.random()))
        app = ParlourApp(guest)
        async with app.run_test(size=SIZE) as pilot:
            await guest.ready(20)
            await people[CAST[0]].heard(last)
            await pilot.app.workers.wait_for_complete()
            await pilot.pause(1)
            drawn = app.export_screenshot(title="Parlour")
    # the picture is to fetch nothing: fonts are the reader's own
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL), "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
