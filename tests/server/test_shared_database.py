"""Two servers on one PostgreSQL behave as one, and one that loses the database loses nothing else."""

import asyncio
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from parlour_protocol.frames.replies import Error, Ok
from parlour_protocol.frames.requests import CreateRoom, Send
from parlour_protocol.kit.errors import TRY_AGAIN
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.chat_program import CHAT
from parlour_server.kit.testing.clock import FakeClock
from parlour_server.kit.testing.server import PATIENCE, Socket, World, running
from tests import postgres


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
            except RuntimeError:
                await asyncio.sleep(0.02)
            else:
                return


async def room_of(wire: Socket) -> Any:
    """Make a room; return its id."""
    made = await wire.ask(
        CreateRoom(id=new_request_id(), kind=RoomKind.PRIVATE, name=parse_room_name("lounge"))
    )
    assert isinstance(made, Ok)
    return made.result.room.room


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
        request = Send(id=new_request_id(), room=room, text="hello")
        refused = await wire.ask(request)
        assert isinstance(refused, Error)
        assert refused.code == "unavailable"
        clock.forward(4)
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
