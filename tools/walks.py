"""Trace which files of Parlour a message, a connection, a login and a start enter (`python -m tools.walks`).

The server's walks run in this process, against raw sockets. The client's run against a server that is another
process, with the client's own screen, and with nobody else's client in this process while they are traced.
`docs/explanation/architecture.md` says how many they may be, and `tests/packaging/test_walks.py` checks it.
"""

import asyncio
import json
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from inspect import CO_OPTIMIZED
from pathlib import Path
from pkgutil import walk_packages
from types import FrameType
from typing import Any, Final

from msgspec.structs import replace
from textual.pilot import Pilot

import parlour_client
import parlour_mls
import parlour_protocol
import parlour_server
from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.client import Client, dial_over_tls
from parlour_client.core.events import EntryAdded
from parlour_client.demo.people import sign_up
from parlour_client.demo.script import SERVER
from parlour_client.extras import register_all
from parlour_client.kit.account.profile import CurrentProfile
from parlour_client.kit.demo_server import DemoServer
from parlour_client.kit.transport.frame_socket import Dial
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat.room_pane import RoomPane
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import Hello
from parlour_protocol.frames.requests import Send
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.secret import Secret
from parlour_server.chat.program import CHAT
from parlour_server.testing.clock import FakeClock
from parlour_server.testing.server import PASSWORD, Key, Socket, World, running
from parlour_server.testing.server import Person as Account

ROOT: Final = Path(__file__).parents[1]
TRIES: Final = 5
"""How often a walk is done: see ``_each``."""
PATIENCE: Final = 60.0
"""Seconds that anything may take, on a machine that has much else to do."""

_TESTING: Final = "server/parlour_server/testing/"
"""What stands for the other side of a walk, and is none of the server's own stops."""
_PACKAGES: Final = (parlour_server, parlour_client, parlour_protocol, parlour_mls)

_NOT_IMPORTED: Final = (".__main__", ".migrations.env")
"""Modules that are run, not imported."""

Files = tuple[str, ...]
"""Files below the root, in the order in which they were first entered."""


class Trace:
    """Notes each file of some packages when a function of it is entered, in whatever thread.

    Threads that began before ``attached`` are not seen, so that it comes first. Code that runs while a module
    is imported is no stop: the packages are imported as a whole before.
    """

    def __init__(self, *packages: str) -> None:
        """Look for files of these folders of the repository."""
        self._places = tuple(f"{ROOT / package}/" for package in packages)
        self._on = False
        self._found: dict[str, None] = {}

    @contextmanager
    def attached(self) -> Iterator["Trace"]:
        """See what this thread does, and those that begin from here on."""
        for package in _PACKAGES:
            for one in walk_packages(package.__path__, f"{package.__name__}."):
                if not one.name.endswith(_NOT_IMPORTED):
                    __import__(one.name)
        before = sys.getprofile()
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)
        try:
            yield self
        finally:
            self._on = False
            sys.setprofile(before)
            threading.setprofile(None)  # type: ignore[arg-type]  # what it takes to end it

    def begin(self) -> None:
        """Begin a walk."""
        self._found = {}
        self._on = True

    def end(self) -> Files:
        """End it, and return its files."""
        self._on = False
        found = (Path(name).relative_to(ROOT).as_posix() for name in self._found)
        return tuple(name for name in found if not name.startswith(_TESTING))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out what is done meanwhile."""
        self._on = False
        try:
            yield
        finally:
            self._on = True

    def _profile(self, frame: FrameType, event: str, _arg: object) -> None:
        if self._on and event == "call":
            code = frame.f_code
            name = code.co_filename
            if name not in self._found and code.co_flags & CO_OPTIMIZED and name.startswith(self._places):
                self._found[name] = None


# --- the server


async def server_walks(folder: Path) -> dict[str, Files]:
    """Return the walks through the server."""
    trace = Trace("server")
    with trace.attached():
        async with running(CHAT, folder / "data", clock=FakeClock()) as world, AsyncExitStack() as sockets:
            await world.person("ada")
            await world.person("ben")
            found = {"login": await _each([partial(_login, trace, world, sockets)] * TRIES)}
            ada = await world.log_in("ada", key=Key())
            found["connection"] = await _each([partial(_connection, trace, ada, sockets)] * TRIES)
            first, second = [await (await world.log_in(name)).connect() for name in ("ada", "ben")]
            found["message"] = await _each([partial(_message, trace, first, second)] * TRIES)
    return found


async def _each(walks: Iterable[Callable[[], Awaitable[Files]]]) -> Files:
    """Return what each time is entered, in the order of the last time.

    The first time makes what is made once, and any time a timer may be due that has nothing to do with it.
    """
    found = [await walk() for walk in walks]
    return tuple(file for file in found[-1] if all(file in files for files in found))


async def _login(trace: Trace, world: World, sockets: AsyncExitStack) -> Files:
    """From a socket that is accepted to the answer with a session. The socket stays open."""
    login = {"username": "ada", "password": PASSWORD, "device": "phone", "key": Key().public.text}
    trace.begin()
    connection = await sockets.enter_async_context(world.https())
    status, _ = await connection.request("POST", "/v1/sessions", {}, login)
    found = trace.end()
    assert status == 201, status  # noqa: S101 - a walk that was refused is another one
    return found


async def _connection(trace: Trace, person: Account, sockets: AsyncExitStack) -> Files:
    """From a socket that is accepted over its ticket to the greeting, with a session's key as clients do."""
    trace.begin()
    connection = await sockets.enter_async_context(person.world.https())
    ticket = await person.ticket_for(connection)
    with trace.paused():
        headers = person.proof(ticket)  # reads the server's certificate, which is the client's part
    status = await connection.upgrade(ticket, headers)
    await connection._reader.readexactly(2)  # noqa: SLF001 - the head of the greeting's frame
    found = trace.end()
    assert status == 101, status  # noqa: S101 - as above
    return found


async def _message(trace: Trace, sender: Socket, reader: Socket) -> Files:
    """From a frame that arrives to its answer, and its delivery to someone else."""
    assert isinstance(sender.greeted, Hello)  # noqa: S101 - the chat's greeting
    room = sender.greeted.rooms[0].room
    trace.begin()
    await sender.ask(Send(new_request_id(), room, MessageText("hello")))
    await reader.push()
    return trace.end()


# --- the client


class Line:
    """A line to the server that can be held: then nothing arrives at the client until it is let go."""

    def __init__(self, server: DemoServer) -> None:
        """Lead to a server that starts later."""
        self._server = server
        self._free = asyncio.Event()
        self._free.set()
        self._connections: set[asyncio.Task[Any]] = set()
        self.port = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Line"]:
        """Listen; whoever came has to be gone in the end."""
        listener = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self.let_go()
            listener.close()
            await asyncio.gather(*self._connections)

    def hold(self) -> None:
        """Let nothing arrive."""
        self._free.clear()

    def let_go(self) -> None:
        """Let arrive what was held, and what comes."""
        self._free.set()

    def dial(self, current: CurrentProfile) -> Dial:
        """Dial over this line instead of to the server, as ``Client`` asks for it."""
        return dial_over_tls(lambda: replace(current(), server=f"127.0.0.1:{self.port}"))

    async def _connect(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio makes one
        self._connections.add(task)
        far, to_far = await asyncio.open_connection("127.0.0.1", self._server.port)
        await asyncio.gather(self._pass_on(near, to_far), self._pass_on(far, to_near, held=True))

    async def _pass_on(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, held: bool = False
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                if held:
                    await self._free.wait()
                target.write(data)
        target.close()
        with suppress(OSError):
            await target.wait_closed()


class ShownFirst(Client):
    """Connects only when the walk has seen that the screen shows what is on this device."""

    def __init__(self, home: ChatHome, line: Line) -> None:
        super().__init__(home, dial=line.dial)
        self.shown: asyncio.Future[asyncio.Event] = asyncio.get_running_loop().create_future()
        self.may_connect = asyncio.Event()

    async def start(self, connect_after: asyncio.Event | None = None) -> None:
        """Start as usual, but for the event."""
        assert connect_after is not None  # noqa: S101 - a screen gives one
        self.shown.set_result(connect_after)
        await super().start(self.may_connect)


class Walker:
    """A client on its screen, and someone else who writes to it."""

    def __init__(
        self, trace: Trace, pilot: Pilot[None], client: Client, line: Line, other: Client, their_line: Line
    ) -> None:
        self._trace, self._pilot = trace, pilot
        self._client, self._line = client, line
        self._other, self._their_line = other, their_line

    @property
    def _pane(self) -> RoomPane:
        screen = self._pilot.app.screen
        assert isinstance(screen, ChatScreen)  # noqa: S101 - nothing else was opened
        return screen.pane

    async def show(self, room: RoomId) -> None:
        """Open a room."""
        await self._pane.navigation.open(room)
        await self._settle()

    async def receive(self, room: RoomId, text: str) -> Files:
        """From the bytes of a frame to its row in the room that is open, read."""
        self._line.hold()
        entry = await self._other.messages.send(room, text)
        assert entry.request is not None  # noqa: S101 - it was just queued
        await self._other.messages.stored(entry.request)
        await self._settle()
        self._their_line.hold()  # whatever they are told from here on, they do nothing
        self._trace.begin()
        self._line.let_go()
        await self._until_read(room, text)
        found = self._trace.end()
        self._their_line.let_go()
        await self._settle()
        return found

    async def send(self, room: RoomId, text: str) -> Files:
        """From Enter to the row of a message that the server has, in the room that is open."""
        assert self._pane.current.id == room  # noqa: S101 - keys go to no other
        self._pane.composer.insert(text)  # typing takes so long that the draft may have been saved
        await self._settle()
        self._their_line.hold()
        self._trace.begin()
        await self._pilot.press("enter")
        await self._until_read(room, text)
        found = self._trace.end()
        self._their_line.let_go()
        await self._settle()
        return found

    async def _until_read(self, room: RoomId, text: str) -> None:
        """Wait for a row with its number, for the mark that it was read, and until all is painted.

        The mark comes up to half a second later, depending on when the last one was made.
        """
        async with asyncio.timeout(PATIENCE):
            while not self._is_read(room, text):  # noqa: ASYNC110 - see below
                await asyncio.sleep(0.01)  # what comes over the network has no event to wait for
        await self._settle()

    def _is_read(self, room: RoomId, text: str) -> bool:
        known = self._client.rooms.get(room)
        shown = [entry.seq for entry in self._pane.timeline.entries if entry.text == text]
        return known is not None and any(seq is not None and seq <= known.read for seq in shown)

    async def _settle(self) -> None:
        await self._pilot.app.workers.wait_for_complete()
        await self._pilot.pause()


@asynccontextmanager
async def _running(client: Client) -> AsyncIterator[Client]:
    """Run a client without a screen."""
    await client.start()
    try:
        await client.connection.ready()
        yield client
    finally:
        await client.stop()


async def _talk(first: Client, second: Client, room: RoomId) -> None:
    """Let both write to a room, and read each other."""
    for sender, reader in ((first, second), (second, first)):
        changes = reader.events.stream()
        entry = await sender.messages.send(room, f"hello from {sender.account.user}")
        async for change in changes:
            if isinstance(change, EntryAdded) and change.entry.text == entry.text:
                break


async def client_walks(folder: Path) -> dict[str, Files]:
    """Return the walks through the client."""
    register_all()
    trace = Trace("client", "protocol")
    async with asyncio.timeout(5 * PATIENCE), AsyncExitStack() as stack:
        server = DemoServer(folder, SERVER)
        line, their_line = [await stack.enter_async_context(Line(server).open()) for _ in range(2)]
        await server.prepare()
        names = ", ".join(f'"127.0.0.1{port}"' for port in ("", f":{line.port}", f":{their_line.port}"))
        (folder / "server" / "parlour.toml").write_text(f"[listen]\nnames = [{names}]\n", encoding="utf-8")
        await server.start()
        stack.push_async_callback(server.stop)
        stack.enter_context(trace.attached())
        link = await server.invite(2)
        home, their_home = [
            await sign_up(folder / name, name, link, Secret.random()) for name in ("ada", "ben")
        ]
        async with _running(Client(their_home)) as ben, _running(Client(home)) as ada:
            lobby = ada.rooms.all[0].id
            direct = (await ada.rooms.open_direct(ben.account.user)).id
            await _talk(ada, ben, lobby)
            await _talk(ada, ben, direct)
            await ada.preferences.remember_open(lobby)
        client = ShownFirst(home, line)
        app = ParlourApp(client, folder=home.folder)
        trace.begin()
        async with app.run_test(size=(100, 30)) as pilot:
            await (await client.shown).wait()
            found = {"start": trace.end()}
            client.may_connect.set()
            await client.connection.ready()
            async with _running(Client(their_home, dial=their_line.dial)) as ben:
                walker = Walker(trace, pilot, client, line, ben, their_line)
                for room, kind in ((lobby, "open"), (direct, "encrypted")):
                    await walker.show(room)
                    for _ in range(2):  # devices that have started renew their keys with what they send first
                        await _talk(client, ben, room)
                        await asyncio.gather(client.finish(room), ben.finish(room))
                    for name, walk in ("received", walker.receive), ("sent", walker.send):
                        tries = [partial(walk, room, f"{name} {number} times") for number in range(TRIES)]
                        found[f"{name}, {kind}"] = await _each(tries)
    return found


async def walks() -> dict[str, Files]:
    """Return all walks by their names."""
    with tempfile.TemporaryDirectory(prefix="walks-") as name:
        folder = Path(name)
        return {**await server_walks(folder), **await client_walks(folder)}


def main() -> None:
    """Print the files of each walk (as JSON with `--json`)."""
    found = asyncio.run(walks())
    if "--json" in sys.argv[1:]:
        print(json.dumps(found))
        return
    for name, files in found.items():
        print(f"\n{name}: {len(files)} files")
        print("\n".join(files))


if __name__ == "__main__":
    main()
