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
from parlour_client.demo.next_steps import next_steps
from parlour_client.demo.people import Person, connect, everyone_connected, open_rooms, play
from parlour_client.demo.script import (
    ANSWERS,
    ANSWERS_IN_PRIVATE,
    BEFORE,
    BEN,
    CAST,
    CORA,
    GARDEN,
    GUEST,
    KITCHEN,
    PLAN,
    PRIVATE,
    SCRIPT,
    SERVER,
)
from parlour_client.kit.demo_server import demo_server
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.language import _
from parlour_protocol.frames.bodies import Message
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.rooms import RoomKind


async def run_with_screen() -> None:
    """Start the server, connect everyone, show the TUI until the guest quits, and say what to do next."""
    from parlour_client.ui.app import ParlourApp  # noqa: PLC0415 - Textual takes half a second to load

    sys.stderr.write(_("Starting a server that lives only for this demo …") + "\n")
    async with demo_server(SERVER) as server, everyone_connected(server, CAST) as people:
        await open_rooms(people)
        guest = await sign_up_guest(server.folder / GUEST, await server.invite(1), people)
        await fill_rooms(server.folder, people)
        app = ParlourApp(guest, demo=True)
        playing = [asyncio.create_task(talk(people)), asyncio.create_task(answer(people))]
        try:
            await app.run_async()
        finally:
            for task in playing:
                task.cancel()
            await asyncio.gather(*playing, return_exceptions=True)
    if app.problem is not None:
        raise app.problem
    sys.stdout.write("\n" + next_steps() + "\n")


async def sign_up_guest(folder: Path, link: str, people: dict[str, Person]) -> Client:
    """Sign the guest up; they join the other rooms and write to cora. The TUI starts their client again."""
    person = await connect(folder, GUEST, link)
    try:
        for name in (GARDEN, KITCHEN):
            await person.client.rooms.join(people[CORA].room(name).id)
        direct = await person.client.rooms.open_direct(parse_user_name(CORA))
        first, answer_ = PRIVATE
        await write(person, direct.id, first)
        await write(people[CORA], direct.id, answer_)
        await person.client.preferences.remember_open(person.lobby.id)
    finally:
        await person.client.stop()
    return Client(person.home)


async def write(person: Person, room: RoomId, text: str) -> None:
    """Write to a room as soon as the person is in it, and wait until it is stored."""
    changes = person.client.events.stream()
    while person.client.rooms.get(room) is None:
        await anext(changes)
    entry = await person.client.messages.send(room, text)
    if entry.request is not None:
        await person.client.messages.stored(entry.request)


async def fill_rooms(folder: Path, people: dict[str, Person]) -> None:
    """Let people have written in the other rooms, and sent a file, before the guest looks."""
    name, text = PLAN
    plan = folder / name
    plan.write_text(text)
    await people[CORA].client.files.send(people[CORA].garden.id, plan, "The watering plan")
    sent: list[Seq] = []
    for line in BEFORE:
        await play(line, people, sent)


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
            room = people[CORA].client.rooms.get(change.entry.room)
            private = room is not None and room.kind is RoomKind.DIRECT
            speaker = people[CORA if private else chance.choice((CORA, BEN))]
            answers = ANSWERS_IN_PRIVATE if private else ANSWERS
            with contextlib.suppress(ParlourClientError):  # a dropped connection is not the demo's problem
                await speaker.client.messages.typing(change.entry.room, on=True)
                await asyncio.sleep(1.5)
                await speaker.client.messages.send(change.entry.room, chance.choice(answers))
