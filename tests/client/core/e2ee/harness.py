"""People at the server in memory: homes on disk, clients on them that run their own code, and one clock."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.client.core.core_fake import FakeClock
from tests.client.core.e2ee.memory_server import LAPTOP, Line, MemoryServer
from tests.client.core.e2ee.memory_wires import MemoryWire

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.saved_profile import ArchivedProfile
from parlour_client.core.archive import Archive
from parlour_client.core.client import Client
from parlour_client.kit.account.profile import Profile
from parlour_client.kit.errors import SessionEndedError, StoppedError, UnreachableError
from parlour_lab.hostile.clock import Threads
from parlour_protocol.frames import (
    Hello,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.secret import Secret

PATIENCE = 60.0
"""Seconds after which a wait has failed: far more than anything takes on a busy machine."""


class Harness:
    """A server with people at it: homes on disk, clients on them, one clock.

    The clock stands while a thread works: else a busy machine's clients would seem to be silent for minutes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.threads = Threads()
        self.server = MemoryServer(self.clock)
        self.clients: list[Client] = []
        self.lines: dict[Client, Line] = {}
        self.break_lines: Callable[[str], None] = lambda _: None
        self.accepts = True
        """People accept invitations at once, as soon as a client of theirs shows them."""
        self._accepting: dict[tuple[Client, RoomId, Millis], asyncio.Task[object]] = {}
        self.ahead = 0
        """Milliseconds by which the greeting's time differs from the clock."""

    async def open(self, user: UserName, home: str | None = None, *, follow: bool = True) -> Client:
        """Start a client of ``user`` on a home, which is made if need be; each is a session of its own."""
        folder = self.folder / (home or str(user))
        made = ChatHome(folder)
        if not made.archive.exists():
            archive = await Archive.open(made.archive, made.key)
            profile = Profile(server="test:8443", user=user, device=LAPTOP, session=Secret("CANARY"))
            await ArchivedProfile(archive).save(profile)
            await archive.close()
        line = self.server.open_line(user)
        line.before = self.break_lines

        async def dial() -> MemoryWire:
            if line.ended:
                raise SessionEndedError("ended")
            if line.down:
                raise UnreachableError("down")
            wire = MemoryWire(line)
            self.server.wires.append(wire)
            rooms = [r for r in self.server.rooms.values() if user in r.members]
            wire.say(
                Hello(
                    server=self.server.server,
                    user=user,
                    device=LAPTOP,
                    session=line.session,
                    now=Millis(self.clock.now() + self.ahead),
                    incarnation=self.server.incarnation,
                    rooms=tuple(self.server.summary(room, user) for room in rooms),
                    invitations=sum(who == user for _, who in self.server.invitations),
                )
            )
            return wire

        client = Client(
            ChatHome(folder), follow=follow, clock=self.clock, chance=Random(7), dial=lambda _: dial,  # noqa: S311 - repeats itself
            delivery=lambda _: line,
        )  # fmt: skip
        self.lines[client] = line
        self.clients.append(client)
        await client.start()
        await client.connection.ready(PATIENCE)
        return client

    async def close(self, client: Client) -> None:
        self.clients.remove(client)
        await client.stop()

    async def until(self, condition: Callable[[], bool], *, advance: float = 0.02) -> None:
        """Let time pass until it is so."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._accept()
                self.clock.advance(advance)
                await self.threads.rest()

    async def invite(self, client: Client, room: RoomId, user: UserName) -> None:
        """Invite someone; returns when a client of theirs has accepted, if there is one."""
        await client.invitations.send(room, user)
        if any(self.lines[one].user == user for one in self.clients):
            await self.until(lambda: (room, user) not in self.server.invitations)
            for task in self._accepting.values():
                await task

    def _accept(self) -> None:
        for client in self.clients if self.accepts else ():
            with suppress(StoppedError):
                for one in client.invitations.all:
                    if one.peer is None and (one.statement is not None or not one.encrypted):
                        key = client, one.id, one.at
                        if key not in self._accepting:
                            self._accepting[key] = asyncio.ensure_future(client.invitations.accept(one.id))

    @staticmethod
    def head(client: Client, room: RoomId) -> Seq:
        """Return the newest event that a client has shown."""
        known = client.rooms.get(room)
        return known.head if known is not None else Seq(0)

    async def until_true(
        self, ask: Callable[[], Awaitable[object]], wanted: object, *, advance: float = 0.02
    ) -> None:
        """Let time pass until a question is answered so."""
        async with asyncio.timeout(PATIENCE):
            while await ask() != wanted:
                self._accept()
                self.clock.advance(advance)
                await self.threads.rest()

    async def quiet(self) -> None:
        """Let time pass until every group is as it ought to be, and every client has caught up."""
        await self.until(self._is_quiet)
        for client in self.clients:
            await client.connection.ready(PATIENCE)
            rooms = [r for r in self.server.rooms.values() if client.account.user in r.members]
            await self.until(lambda c=client, rooms=rooms: all(self.head(c, r.id) >= r.head for r in rooms))  # type: ignore[misc]

    def _is_quiet(self) -> bool:
        states = [self.server.state(room) for room in self.server.rooms.values() if room.encrypted]
        waiting = any(self.server.inboxes.get(line.device) for line in self.lines.values() if line.device)
        online = {self.lines[client].user for client in self.clients}
        invited = any(
            who in online and (one.statement is not None or not one.encrypted)
            for (_, who), one in self.server.invitations.items()
        )
        return (
            not waiting
            and not (invited and self.accepts)
            and all(s.group and not s.missing and not s.leaving for s in states)
        )

    async def end(self) -> None:
        for client in self.clients:
            await client.stop()
