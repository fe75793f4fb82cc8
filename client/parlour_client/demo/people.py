"""The demo's people: real clients, each with a home folder of its own, over the real network.

They join with the invite link as anybody would, talk through ``ChatClient``, and hold no secret way in. The
password of each is random and known to nobody. ``headless`` and ``stage`` call ``gather``.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parlour_client.core.account.home import Home
from parlour_client.core.account.sign_in import SignIn, open_archive
from parlour_client.core.client import Client
from parlour_client.core.model import Entry, Room
from parlour_client.demo.house import DemoError, House
from parlour_protocol.ids import Seq
from parlour_protocol.invite_link import InviteLink
from parlour_protocol.names import parse_device_name, parse_user_name
from parlour_protocol.secret import Secret

LOBBY: Final = "lobby"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the demo, connected."""

    name: str
    client: Client
    password: Secret
    """Kept so that the report can look for it where it must not be."""

    @property
    def lobby(self) -> Room:
        """The room that everybody is in."""
        for room in self.client.rooms:
            if room.name == LOBBY:
                return room
        raise DemoError(f"{self.name} is not in the lobby.")

    async def say(self, text: str) -> Seq:
        """Say something in the lobby and return its number when it is on the server's disk."""
        entry = await self.client.send(self.lobby.id, text)
        if entry.request is None:
            raise DemoError("A message of ours has no id.")
        return await self.client.stored(entry.request)

    async def heard(self, seq: Seq) -> Entry:
        """Return the lobby's entry of this number, waiting until it has come."""
        changes = self.client.changes()  # before the look: what comes in between is not missed
        while True:
            found = await self.client.timeline(self.lobby.id, after=Seq(seq - 1), limit=1)
            if found and found[0].seq == seq:
                return found[0]
            await anext(changes)


async def sign_up(folder: Path, name: str, link: InviteLink, password: Secret) -> Home:
    """Make an account with the link, and return the home that is logged in."""
    home = Home(folder)
    archive = await open_archive(home)
    try:
        await SignIn(archive).join(link, parse_user_name(name), password, parse_device_name("demo"))
    finally:
        await archive.close()
    return home


async def enter(house: House, name: str, link: InviteLink) -> Person:
    """Sign somebody up and connect them."""
    password = Secret.random()
    client = Client(await sign_up(house.folder / name, name, link, password))
    await client.start()
    try:
        await house.while_it_runs(client.ready())
    except BaseException:
        await client.stop()
        raise
    return Person(name, client, password)


@contextlib.asynccontextmanager
async def gather(house: House, names: tuple[str, ...]) -> AsyncIterator[dict[str, Person]]:
    """Bring everybody in; all of them leave when the context ends."""
    link = await house.invite(len(names))
    async with contextlib.AsyncExitStack() as stack:
        people: dict[str, Person] = {}
        for name in names:
            person = await enter(house, name, link)
            stack.push_async_callback(person.client.stop)
            people[name] = person
        yield people
