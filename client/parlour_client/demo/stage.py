"""The demo with a screen: the TUI opened as guest, among people who talk.

The guest's client is the TUI's own; the others are in this process and know nothing of it. ``command`` calls
``open_stage``.
"""

import asyncio
import contextlib
import random
import sys

from parlour_client.core.client import Client
from parlour_client.core.errors import ParlourClientError, SetupError
from parlour_client.core.events import EntryAdded
from parlour_client.demo.house import House, open_house
from parlour_client.demo.people import Person, gather, sign_up
from parlour_client.demo.script import ANSWERS, BEN, CAST, CORA, GUEST, SCRIPT, TOUR
from parlour_protocol.frames.bodies import Message
from parlour_protocol.secret import Secret


async def open_stage() -> None:
    """Open the house, let everybody in, and show the TUI until the guest leaves."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SetupError(
            "The demo's screen needs a terminal.",
            "Without one: parlour demo --headless (make demo ARGS=--headless).",
        )
    from parlour_client.ui.app import ParlourApp  # noqa: PLC0415 - Textual takes half a second to load

    sys.stderr.write("Starting a server that lives only for this demo …\n")
    async with open_house() as house, gather(house, CAST) as people:
        app = ParlourApp(await _guest(house), tour=TOUR)
        playing = [asyncio.create_task(_talk(people)), asyncio.create_task(_answer(people))]
        try:
            await app.run_async()
        finally:
            for task in playing:
                task.cancel()
            await asyncio.gather(*playing, return_exceptions=True)
    if app.problem is not None:
        raise app.problem


async def _guest(house: House) -> Client:
    """Sign the guest up; the TUI starts the client itself."""
    link = await house.invite(1)
    return Client(await sign_up(house.folder / GUEST, GUEST, link, Secret.random()))


async def _talk(people: dict[str, Person]) -> None:
    """Play the script, at the pace of people who type."""
    for line in SCRIPT:
        speaker = people[line.who]
        with contextlib.suppress(ParlourClientError):  # a drop is the outbox's affair, not the script's
            await speaker.client.typing(speaker.lobby.id, on=True)
            await asyncio.sleep(line.pause)
            await speaker.say(line.text)


async def _answer(people: dict[str, Person]) -> None:
    """Let somebody answer what the guest says, so that the room is not a recording."""
    chance = random.Random()  # noqa: S311 - which answer comes next is no secret
    async for change in people[CORA].client.changes():
        if not isinstance(change, EntryAdded) or change.entry.author != GUEST:
            continue
        if isinstance(change.entry.body, Message):
            speaker = people[chance.choice((CORA, BEN))]
            with contextlib.suppress(ParlourClientError):
                await speaker.client.typing(change.entry.room, on=True)
                await asyncio.sleep(1.5)
                await speaker.client.send(speaker.lobby.id, chance.choice(ANSWERS))
