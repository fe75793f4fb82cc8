"""The demo's people: real clients, each with a home folder of its own, over the real network.

They join with an invite link as anyone would and use the client's public objects. Each password is random and
never shown.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.sign_in import ChatSignIn, open_archive
from parlour_client.core.client import Client
from parlour_client.core.model import Entry, Room
from parlour_client.demo.script import GARDEN, KITCHEN, LOBBY, Line
from parlour_client.kit.demo_server import DemoError, DemoServer
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in the demo, connected."""

    name: str
    client: Client
    home: ChatHome
    password: Secret
    """Kept so that the report can look for it where it must not be."""

    def room(self, name: str) -> Room:
        """Return a room that this person is in. Raises DemoError."""
        for room in self.client.rooms.all:
            if room.name == name:
                return room
        raise DemoError(f"{self.name} is not in {name}.")

    @property
    def lobby(self) -> Room:
        """The room that everyone is in."""
        return self.room(LOBBY)

    @property
    def garden(self) -> Room:
        """The second room."""
        return self.room(GARDEN)

    async def say(self, text: str, *, room: str = LOBBY, reply_to: Seq | None = None) -> Seq:
        """Send a message and return its number when the server has stored it."""
        entry = await self.client.messages.send(self.room(room).id, text, reply_to=reply_to)
        if entry.request is None:
            raise DemoError("The message was not queued.")
        return await self.client.messages.stored(entry.request)

    async def received(self, seq: Seq) -> Entry:
        """Return the lobby's entry with this number; waits until it has arrived."""
        changes = (
            self.client.events.stream()
        )  # subscribed before looking, so that nothing in between is missed
        while True:
            found = await self.client.history.timeline(self.lobby.id, after=Seq(seq - 1), limit=1)
            if found and found[0].seq == seq:
                return found[0]
            await anext(changes)


async def sign_up(folder: Path, name: str, link: str, password: Secret) -> ChatHome:
    """Create an account with the link, and return its home folder, logged in."""
    home = ChatHome(folder)
    archive = await open_archive(home)
    try:
        invite = ChatInviteLink.parse(link)
        await ChatSignIn(archive).join(invite, parse_user_name(name), password, parse_device_name("demo"))
    finally:
        await archive.close()
    return home


async def connect(folder: Path, name: str, link: str) -> Person:
    """Sign someone up and connect them; ``folder`` becomes their home."""
    password = Secret.random()
    home = await sign_up(folder, name, link, password)
    client = Client(home)
    await client.start()
    try:
        await client.connection.ready()
    except BaseException:
        await client.stop()
        raise
    return Person(name, client, home, password)


@contextlib.asynccontextmanager
async def everyone_connected(server: DemoServer, names: tuple[str, ...]) -> AsyncIterator[dict[str, Person]]:
    """Connect everyone, by name; they disconnect when the context ends."""
    link = await server.invite(len(names))
    async with contextlib.AsyncExitStack() as stack:
        people: dict[str, Person] = {}
        for name in names:
            person = await server.while_it_runs(connect(server.folder / name, name, link))
            stack.push_async_callback(person.client.stop)
            people[name] = person
        yield people


async def open_rooms(people: dict[str, Person]) -> None:
    """Create the other rooms and let everyone join them."""
    first, *others = people.values()
    for name, topic in ((GARDEN, "what is ripe"), (KITCHEN, "bread, and who brings it")):
        room = await first.client.rooms.create(parse_room_name(name), RoomKind.PUBLIC, topic)
        for person in others:
            await person.client.rooms.join(room.id)


async def play(line: Line, people: dict[str, Person], sent: list[Seq]) -> None:
    """Let someone say a line and the others react; appends its number to those of the lines before it."""
    person = people[line.who]
    reply_to = None if line.reply_to is None else sent[line.reply_to]
    seq = await person.say(line.text, room=line.room, reply_to=reply_to)
    sent.append(seq)
    for who, reaction in line.reactions:
        other = people[who]
        await other.client.messages.react(other.room(line.room).id, seq, reaction)
