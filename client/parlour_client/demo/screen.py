"""The demo with a screen: the TUI opened as guest, among people who talk.

The guest's client is the TUI's own; the others are in this process and know nothing of it.
"""

import asyncio
import contextlib
import random
import sys
from pathlib import Path

from parlour_client.core.client import Client
from parlour_client.core.events import EntryAdded
from parlour_client.demo.people import Person, connect, everyone_connected, open_garden, play
from parlour_client.demo.script import ANSWERS, BEN, CAST, CORA, GUEST, SCRIPT, SERVER, TOUR
from parlour_client.kit.demo_server import demo_server
from parlour_client.kit.errors import ParlourClientError, SetupError
from parlour_protocol.frames.bodies import Message
from parlour_protocol.kit.ids import Seq


async def run_with_screen() -> None:
    """Start the server, connect everyone, and show the TUI until the guest quits."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SetupError(
            "The demo's screen needs a terminal.",
            "Without one: parlour demo --headless (make demo ARGS=--headless).",
        )
    from parlour_client.ui.app import ParlourApp  # noqa: PLC0415 - Textual takes half a second to load

    sys.stderr.write("Starting a server that lives only for this demo …\n")
    async with demo_server(SERVER) as server, everyone_connected(server, CAST) as people:
        await open_garden(people)
        guest = await sign_up_guest(server.folder / GUEST, await server.invite(1), people)
        app = ParlourApp(guest, tour=TOUR)
        playing = [asyncio.create_task(talk(people)), asyncio.create_task(answer(people))]
        try:
            await app.run_async()
        finally:
            for task in playing:
                task.cancel()
            await asyncio.gather(*playing, return_exceptions=True)
    if app.problem is not None:
        raise app.problem


async def sign_up_guest(folder: Path, link: str, people: dict[str, Person]) -> Client:
    """Sign the guest up and let them join the second room; the TUI starts their client again."""
    person = await connect(folder, GUEST, link)
    try:
        await person.client.rooms.join(people[CORA].garden.id)
        await person.client.preferences.remember_open(person.lobby.id)
    finally:
        await person.client.stop()
    return Client(person.home)


async def talk(people: dict[str, Person]) -> None:
    """Play the script, at the pace of people who type."""
    sent: list[Seq] = []
    for line in SCRIPT:
        speaker = people[line.who]
        with contextlib.suppress(ParlourClientError):  # not connected: the line is sent later
            await speaker.client.messages.typing(speaker.room(line.room).id, on=True)
        await asyncio.sleep(line.pause)
        await play(line, people, sent)


async def answer(people: dict[str, Person]) -> None:
    """Let someone answer what the guest says, so that the room is not a recording."""
    chance = random.Random()  # noqa: S311 - which answer comes next is no secret
    async for change in people[CORA].client.events.stream():
        if not isinstance(change, EntryAdded) or change.entry.author != GUEST:
            continue
        if isinstance(change.entry.body, Message):
            speaker = people[chance.choice((CORA, BEN))]
            with contextlib.suppress(ParlourClientError):  # a dropped connection is not the demo's problem
                await speaker.client.messages.typing(change.entry.room, on=True)
                await asyncio.sleep(1.5)
                await speaker.client.messages.send(change.entry.room, chance.choice(ANSWERS))
