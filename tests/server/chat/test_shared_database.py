"""Two servers on one PostgreSQL behave as one, and one that loses the database loses nothing else."""

import asyncio
import shutil
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar, cast
from urllib.parse import quote

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.conninfo import conninfo_to_dict

from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import Entered, Error, Hello, Members, Ok, StatusUpdate, Stored
from parlour_protocol.frames.requests import (
    Accept,
    AnyRequest,
    CreateRoom,
    Invite,
    ListMembers,
    Send,
    SetStatus,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.errors import TRY_AGAIN
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind, Status
from parlour_server.capabilities.diagnostics.examine import examine
from parlour_server.capabilities.postgres.live_nodes import LiveNodes
from parlour_server.chat.capabilities.online_status import presence
from parlour_server.chat.program import CHAT
from parlour_server.chat.settings import ChatSettings
from parlour_server.core.clock import SystemClock
from parlour_server.core.errors import SetupError
from parlour_server.host.config.settings_loader import load
from parlour_server.host.server import Server
from parlour_server.host.setup.initialise import initialise
from parlour_server.testing.clock import FakeClock
from parlour_server.testing.server import Person, Socket, World, running
from parlour_server.testing.target import PATIENCE
from tests import postgres

_R = TypeVar("_R")


class Line:
    """The way to PostgreSQL, which a test can cut. It runs in threads: some commands block their loop."""

    def __init__(self) -> None:
        self._target = f"{conninfo_to_dict(postgres.server())['host']}/.s.PGSQL.5432"
        self.folder = Path(tempfile.mkdtemp(prefix="ln"))
        self._open: set[socket.socket] = set()
        self._listening: socket.socket

    @property
    def host(self) -> str:
        """Where it begins, for a URL."""
        return quote(str(self.folder), safe="")

    def restore(self) -> None:
        """Take connections."""
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.folder / ".s.PGSQL.5432"))
        self._listening.listen()
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def cut(self) -> None:
        """End all connections, and take no more."""
        for one in (self._listening, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        (self.folder / ".s.PGSQL.5432").unlink(missing_ok=True)

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._target)
                self._open |= {near, far}
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._forward, args=(one, other), daemon=True).start()

    def _forward(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open -= {one, other}


@pytest.fixture
def line() -> Iterator[Line]:
    """Make a line to the tests' PostgreSQL."""
    made = Line()
    made.restore()
    yield made
    made.cut()
    shutil.rmtree(made.folder)


async def until_ready(world: World) -> None:
    """Wait until a balancer would send people there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await world.api("GET", "/readyz")
            except (RuntimeError, OSError):
                await asyncio.sleep(0.02)
            else:
                return


async def result_of(wire: Socket, request: AnyRequest, kind: type[_R]) -> _R:
    """Send a request; return its result."""
    answer = await wire.ask(request)
    assert isinstance(answer, Ok)
    assert isinstance(answer.result, kind)
    return answer.result


async def room_of(wire: Socket) -> RoomId:
    """Make a room; return its id."""
    request = CreateRoom(id=new_request_id(), kind=RoomKind.PRIVATE, name=parse_room_name("lounge"))
    return (await result_of(wire, request, Entered)).room.room


def send(room: RoomId) -> Send:
    """Return a request that sends a message."""
    return Send(id=new_request_id(), room=room, text=MessageText("hello"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make the data folders of two servers, with the same keys, and their database."""
    top = tmp_path_factory.mktemp("nodes")
    first, second = top / "first", top / "second"
    postgres.empty("pair")
    given = {"database.url": postgres.url("pair")}
    asyncio.run(initialise(CHAT, CHAT.folder(first), (), SystemClock(), given=given))
    shutil.copytree(first, second)
    return first, second


@pytest.fixture
async def pair(folders: tuple[Path, Path]) -> AsyncIterator[tuple[World, World]]:
    """Run two servers; the clock of the second is an hour ahead."""
    ahead = FakeClock()
    ahead.wall += 3_600_000

    def change(settings: ChatSettings) -> ChatSettings:
        return replace(settings, connections=replace(settings.connections, per_user=2))

    async with (
        running(CHAT, folders[0], clock=FakeClock(), change=change) as first,
        running(CHAT, folders[1], clock=ahead, change=change) as second,
    ):
        yield first, second


async def beat(*worlds: World) -> None:
    """Let servers see each other, in this order."""
    for world in worlds:
        await cast("LiveNodes", world.parts.nodes).beat()


def at(world: World, person: Person) -> Person:
    """Return someone with the same session, who speaks with another server."""
    return Person(world, person.name, person.session)


async def test_people_see_who_is_at_another_server(
    pair: tuple[World, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who connects, is away, leaves, or whose server dies: without the bus."""
    monkeypatch.setattr(presence, "_SHARED_DELAY", 0.0)
    first, second = pair
    ada, bob = await first.person("ada"), at(second, await first.person("bob"))
    here = await ada.connect()
    room = await room_of(here)
    await here.ask(Invite(id=new_request_id(), room=room, user=parse_user_name("bob")))
    there = await bob.connect()
    assert isinstance(await there.ask(Accept(id=new_request_id(), room=room)), Ok)

    async def status() -> Status:
        while not isinstance(frame := await here.push(), StatusUpdate):
            pass
        return frame.status

    await beat(second, first)
    assert await status() is Status.ONLINE
    await there.ask(SetStatus(id=new_request_id(), status=Status.AWAY))
    await beat(second, first)
    assert await status() is Status.AWAY
    listed = await result_of(here, ListMembers(id=new_request_id(), room=room), Members)
    assert {member.user: member.status for member in listed.members} == {
        "ada": Status.ONLINE,
        "bob": Status.AWAY,
    }
    with psycopg.connect(postgres.dsn("pair")) as connection:  # the second dies: its lease ends
        dead = second.parts.nodes.id
        connection.execute("UPDATE nodes SET until = 0 WHERE node = %s", (dead,))
    await beat(first)
    assert await status() is Status.OFFLINE


async def test_connections_at_other_servers_count(pair: tuple[World, World]) -> None:
    """H6: the cap is for all servers; who leaves makes room at any of them."""
    first, second = pair
    cyd = await first.person("cyd")
    open_here = await cyd.connect()
    await at(second, cyd).connect()
    await beat(second, first, second)
    assert await first.refused(ticket=await cyd.ticket()) == 503
    assert await second.refused(ticket=await cyd.ticket()) == 503
    await open_here.abort()
    async with asyncio.timeout(PATIENCE):
        while first.parts.connected.of(parse_user_name("cyd")):  # noqa: ASYNC110 - a socket's end
            await asyncio.sleep(0.01)
    await beat(first, second)
    await at(second, cyd).connect()


async def test_a_banned_address_is_refused_by_every_server(pair: tuple[World, World]) -> None:
    """Its open connections end at both, within a second, whichever server's folder the command named."""
    first, second = pair
    fay = await first.person("fay")
    sockets = [await fay.connect(), await at(second, fay).connect()]
    await first.command("address", "ban", "127.0.0.1", "--including-loopback")
    try:
        async with asyncio.timeout(PATIENCE):
            assert [await one.close_code() for one in sockets] == [1006, 1006]
        for world in pair:
            with pytest.raises(OSError):  # noqa: PT011 - however the socket breaks
                await world.api("GET", "/healthz")
    finally:
        await second.command("address", "unban", "127.0.0.1")
    for world in pair:
        await until_ready(world)


async def test_a_server_whose_clock_is_wrong_decides_as_the_others(pair: tuple[World, World]) -> None:
    """An hour ahead, it takes the others' tickets, and dates what it stores as they do."""
    first, second = pair
    dan = await first.person("dan")
    wire = await second.connect(ticket=await dan.ticket())
    hello = await wire.greeting()
    assert isinstance(hello, Hello)
    assert abs(hello.now - first.parts.clock.now()) < 60_000
    room = await room_of(wire)
    sent = await result_of(wire, send(room), Stored)
    assert abs(sent.at - first.parts.clock.now()) < 60_000


async def test_a_server_that_does_not_see_the_uploaded_files_does_not_start(
    folders: tuple[Path, Path],
) -> None:
    """Where the shared folder is not mounted, downloads would fail; `doctor` says it, too."""
    first, second = folders
    elsewhere = second.with_name("elsewhere")
    (second / "files").rename(elsewhere)
    try:
        with pytest.raises(SetupError, match=r"not the folder of uploaded files .* mount theirs"):
            async with running(CHAT, second):
                pytest.fail("it started")
        folder, flags = CHAT.folder(second), {"listen.address": "127.0.0.1:0"}
        settings = load(folder.settings, CHAT.settings_type, CHAT.name, flags=flags)
        with pytest.raises(SetupError, match="not the folder of uploaded files"):  # not only `init` looks
            await Server.start(CHAT, folder, settings)
        found, _ = examine(CHAT, CHAT.folder(second))
        assert [one.level for one in found if one.about == "uploads"] == ["danger"]
        (second / "files").symlink_to(first / "files")
        async with running(CHAT, second):
            pass
        found, _ = examine(CHAT, CHAT.folder(second))
        assert [one.level for one in found if one.about == "uploads"] == ["fine"]
    finally:
        if (second / "files").is_symlink():
            (second / "files").unlink()
        elsewhere.rename(second / "files")


async def test_a_folder_of_uploaded_files_that_was_lost_is_replaced(folders: tuple[Path, Path]) -> None:
    """The operator says so, at one server; the others need it then."""
    first, second = folders
    (first / "files/.shared").unlink()
    with pytest.raises(SetupError, match="missing"):
        await initialise(CHAT, CHAT.folder(first), (), SystemClock())
    await initialise(CHAT, CHAT.folder(first), (), SystemClock(), replace_lost_keys=True)
    with pytest.raises(SetupError, match="another"):
        await initialise(CHAT, CHAT.folder(second), (), SystemClock())
    shutil.copy(first / "files/.shared", second / "files/.shared")
    await initialise(CHAT, CHAT.folder(second), (), SystemClock())


async def test_one_request_id_is_one_event_at_any_server(pair: tuple[World, World]) -> None:
    """Sent again to another server, as a client does whose server died, it is stored once."""
    first, second = pair
    eve = await first.person("eve")
    here, there = await eve.connect(), await at(second, eve).connect()
    room = await room_of(here)
    request = send(room)
    answers = await asyncio.gather(*(result_of(wire, request, Stored) for wire in (here, there)))
    assert len({answer.seq for answer in answers}) == 1


async def test_a_server_that_loses_the_database_works_again_when_it_is_back(
    tmp_path: Path, line: Line
) -> None:
    """Sends are refused, and `/readyz` sends people to other servers; all works again when it is back."""
    postgres.empty("outage")
    clock = FakeClock()
    url = f"postgresql://postgres@/outage?host={line.host}"
    async with running(CHAT, tmp_path / "data", given={"database.url": url}, clock=clock) as world:
        ada = await world.person("ada")
        wire = await ada.connect()
        room = await room_of(wire)
        await until_ready(world)

        line.cut()
        request = send(room)
        refused = await wire.ask(request)
        assert isinstance(refused, Error)
        assert refused.code == "unavailable"
        clock.forward(6)
        with pytest.raises(RuntimeError, match="503"):
            await world.api("GET", "/readyz")
        clock.forward(31)
        assert await wire.close_code() == TRY_AGAIN
        with pytest.raises(RuntimeError, match="503"):
            await ada.ticket()

        line.restore()
        clock.forward(1)
        await until_ready(world)
        again = await ada.connect()
        assert isinstance(await again.ask(request), Ok)
        assert all("database" in line["text"] for line in world.faults)
