"""Draw the pictures in `docs/`: the real client among the demo's people, on a screen that is only saved.

`make screenshots`. Server, people and encryption are real. Time of day and port are always drawn the same;
keys are new each time, and so are the digits that are made of them: no test compares the pictures.
"""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from parlour_client.core.client import Client
from parlour_client.demo.people import Person, everyone_connected, open_rooms, play
from parlour_client.demo.screen import fill_rooms, sign_up_guest
from parlour_client.demo.script import BEN, CAST, CORA, GUEST, MALLORY, SCRIPT, SERVER
from parlour_client.extras import register_all
from parlour_client.kit.account.entrance import Credentials, Entrance
from parlour_client.kit.demo_server import demo_server
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.invite_link import DEFAULT_SCHEME
from tools.cast import Cast

DOCS = Path(__file__).parents[1] / "docs"
WIDE, LARGE, MIDDLE, SMALL = (160, 36), (112, 32), (96, 28), (80, 24)


class Album:
    """One client's screen, and the pictures that are taken of it."""

    def __init__(self, pilot: Pilot[None], people: dict[str, Person]) -> None:
        self.pilot, self.people = pilot, people

    @property
    def chat(self) -> ChatScreen:
        """The chat screen, which every picture begins at."""
        screen = self.pilot.app.screen
        assert isinstance(screen, ChatScreen)  # noqa: S101 - each scene closes what it opened
        return screen

    async def settle(self) -> None:
        """Wait until all that was asked for is done and drawn."""
        await self.pilot.app.workers.wait_for_complete()
        await self.pilot.pause(1)

    async def do(self, line: str) -> None:
        """Do a command, as if it were typed."""
        await self.chat.pane.commands.run(line)
        await self.settle()

    async def select(self, author: str) -> None:
        """Select the newest message of someone."""
        await self.pilot.press("escape")
        for _try in range(20):
            await self.pilot.press("alt+up")
            selected = self.chat.pane.timeline.selected
            if selected is not None and selected.author == author and selected.text is not None:
                return

    def drawn(self) -> str:
        """Return the picture of now. It loads nothing: fonts are the reader's own."""
        drawn = self.pilot.app.export_screenshot(title="Parlour")
        drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
        drawn = re.sub(r"127\.0\.0\.1:\d{5}", "127.0.0.1:18443", drawn)
        return re.sub(r"\b\d\d:\d\d\b", "10:42", drawn)

    def save(self, name: str, picture: str = "") -> None:
        """Write a picture, or that of now."""
        path = DOCS / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(picture or self.drawn(), "utf-8")


async def the_tour(album: Album) -> None:
    """Save the first minute as an animated picture: the tour, with what it asks for done."""
    cast, chat, press = Cast(), album.chat, album.pilot.press

    async def frame(*keys: str, seconds: float = 1.0) -> None:
        await press(*keys)
        await album.settle()
        cast.add(album.drawn(), seconds)

    async def write(text: str, *before: str) -> None:
        await frame(*before, *text[: len(text) // 2], seconds=0.7)
        await frame(*text[len(text) // 2 :], seconds=1.0)
        await frame("enter", seconds=2.5)

    await album.pilot.resize_terminal(*MIDDLE)
    await frame(seconds=3.0)
    await write("Hi all! Who is mallory?")
    await frame("alt+l", seconds=2.0)  # how messages look
    await frame("alt+l", seconds=1.5)
    await frame("f8", seconds=1.5)
    await album.select(BEN)
    await frame("r", seconds=1.5)
    await write("That is good to know.")
    await album.select(CORA)
    await frame("+", seconds=1.5)
    await frame("enter", seconds=2.0)
    await frame("f3", *"tomatoes", seconds=2.5)
    await press("escape")
    await album.select(MALLORY)
    await frame(seconds=1.5)
    await frame("i", seconds=3.0)
    await frame("escape", "escape", seconds=2.0)
    await write(f"/dm {CORA}")
    await write("Can the server read this?")
    room = chat.pane.current.id
    assert room is not None  # noqa: S101 - it was just opened
    await album.people[CORA].client.messages.send(room, "Not a word.")
    await frame(seconds=4.0)
    album.save("pictures/tour.svg", cast.svg())
    await press("f9")
    await album.pilot.resize_terminal(*LARGE)
    await chat.pane.navigation.open(album.people[CORA].lobby.id)
    await album.settle()


async def the_chat(album: Album) -> None:
    """Save the lobby, large and small."""
    album.save("screenshot.svg")
    await album.pilot.resize_terminal(*SMALL)
    await album.settle()
    album.save("pictures/small.svg")
    await album.pilot.resize_terminal(*LARGE)
    await album.settle()


async def the_light_theme(album: Album) -> None:
    """Save the settings, in the light theme."""
    app = album.pilot.app
    assert isinstance(app, ParlourApp)  # noqa: S101 - it was made below
    app.set_setting("theme", "parlour-light")
    await album.pilot.press("f10")
    await album.settle()
    album.save("pictures/settings-light.svg")
    await album.pilot.press("escape")
    app.set_setting("theme", "parlour")
    await album.settle()


async def the_thread(album: Album) -> None:
    """Save a thread beside its room, with an answer to it under way."""
    chat = album.chat
    room = chat.pane.current.id
    assert room is not None  # noqa: S101 - the lobby is open
    await album.pilot.resize_terminal(*WIDE)
    first = next(entry.seq for entry in chat.pane.timeline.entries if entry.author == BEN and entry.text)
    for author, text in ((CORA, "I can help."), (BEN, "Then let's begin.")):
        await album.people[author].client.messages.send(room, text, reply_to=first)
    await album.settle()
    await album.select(BEN)
    await album.pilot.press("t")
    await album.settle()
    await album.pilot.press(*"Count me in")
    await album.settle()
    album.save("pictures/thread.svg")
    chat.pane.composer.clear()
    await album.pilot.press("escape", "escape")
    await album.pilot.resize_terminal(*LARGE)
    await album.settle()


async def the_help(album: Album) -> None:
    """Save what F1 shows."""
    await album.pilot.press("f1")
    await album.settle()
    album.save("pictures/help.svg")
    await album.pilot.press("escape")
    await album.settle()


async def the_search(album: Album) -> None:
    """Save mallory's messages, found by the search language."""
    await album.do("/search from:mallory after:today")
    album.save("pictures/search.svg")
    await album.pilot.press("escape")
    await album.settle()


async def the_encryption(album: Album) -> None:
    """Save a direct room: who can read it, what the server sees, and how to compare keys."""
    guest = album.chat.client
    await album.do(f"/dm {CORA}")
    room = album.chat.pane.current.id
    assert room is not None  # noqa: S101 - it was just opened
    for client, text in (
        (guest, "Shall we compare keys?"),
        (album.people[CORA].client, "On the phone, yes."),
    ):
        entry = await client.messages.send(room, text)
        assert entry.request is not None  # noqa: S101 - it was just queued
        await client.messages.stored(entry.request)
    await album.settle()
    album.save("pictures/direct.svg")
    await album.do("/encryption")
    album.save("pictures/encryption.svg")
    await album.pilot.press("escape")
    await album.settle()
    await album.do(f"/verify {CORA}")
    album.save("pictures/verification.svg")
    await album.pilot.press("escape")
    await album.settle()


async def the_welcome() -> None:
    """Save the first screen of someone without an account."""

    async def nobody(_where: object, _person: Credentials) -> Client:
        raise NotImplementedError  # the picture is taken before anyone has chosen

    app = ParlourApp(
        entrance=Entrance(nobody, nobody, ChatInviteLink.parse, lambda link: link.link, DEFAULT_SCHEME)
    )
    async with app.run_test(size=SMALL) as pilot:
        album = Album(pilot, {})
        await album.settle()
        album.save("pictures/welcome.svg")


SCENES: tuple[Callable[[Album], Awaitable[None]], ...] = (
    the_tour,
    the_chat,
    the_thread,
    the_search,
    the_help,
    the_light_theme,
    the_encryption,
)


async def main() -> None:
    """Let everyone talk, open the client, and save its screens."""
    async with demo_server(SERVER) as server, everyone_connected(server, CAST) as people:
        await open_rooms(people)
        guest = await sign_up_guest(server.folder / GUEST, await server.invite(1), people)
        await fill_rooms(server.folder, people)
        register_all()
        app = ParlourApp(guest, demo=True)
        async with app.run_test(size=LARGE) as pilot:
            album = Album(pilot, people)
            await album.settle()  # the app starts the client in a worker of its own
            await server.while_it_runs(guest.connection.ready())
            sent: list[Seq] = []
            for line in SCRIPT[:9]:
                await play(line, people, sent)
            await album.settle()
            for scene in SCENES:
                await scene(album)
    await the_welcome()


if __name__ == "__main__":
    os.environ["COLORTERM"] = "truecolor"  # whatever terminal this runs in
    asyncio.run(main())
