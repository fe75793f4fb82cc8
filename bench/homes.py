"""A running server and people on it with homes and real keys, for the measurements of encryption.

Accounts and sessions are written into the store before the server starts (`people`), because hashing hundreds
of passwords would be all that is seen; devices, certificates and key packages are made by the client's own
code and go over HTTPS like anyone's. ``members`` are whole clients in processes of their own.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.client.core.client_parts import encrypted_rooms

from bench import people, servers
from bench.programs import CHAT
from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.saved_profile import ArchivedProfile
from parlour_client.core.archive import Archive
from parlour_client.core.client import Client, CurrentProfile, delivery_over_tls
from parlour_client.core.e2ee.group.plan import signed
from parlour_client.core.e2ee.group.rules import statement_of
from parlour_client.core.e2ee.identity.account import Identity
from parlour_client.core.e2ee.identity.own_device import load_active
from parlour_client.core.errors import EncryptionError
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.account.profile import Profile
from parlour_client.kit.clock import SystemClock
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.trust import CaFile, Verifier
from parlour_protocol.frames.bodies import Joined
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.frames.requests import Invite
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.membership import Accept
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

PATIENCE = 120.0


def name_of(number: int) -> UserName:
    """Return the name of a person."""
    return parse_user_name(f"bench{number}")


@dataclass
class Homes:
    """A server that runs, and who lives there."""

    folder: Path
    data: Path
    server: servers.Running
    sessions: Sequence[Secret]

    async def home(self, number: int) -> ChatHome:
        """Make a person's home: logged in, with a device that has keys and has published key packages."""
        home = ChatHome(self.folder / f"home{number}")
        archive = await Archive.open(home.archive, home.key)
        profile = Profile(
            server=f"localhost:{self.server.port}",
            user=name_of(number),
            device=people.DEVICE,
            session=self.sessions[number],
            ca=(self.data / "ca.pem").read_text(),
        )
        await ArchivedProfile(archive).save(profile)
        verifier = Verifier(profile.address, CaFile(profile.ca or ""))
        delivery = DeliveryClient(Api(verifier, keep=True), lambda: self.sessions[number])
        account = profile.account
        await Identity(archive, account.user, account.device, delivery, SystemClock()).sign_in()
        await delivery.close()
        await archive.close()
        return home

    @asynccontextmanager
    async def client(
        self, home: ChatHome, delivery: Callable[[CurrentProfile], DeliveryClient] = delivery_over_tls
    ) -> AsyncIterator[Client]:
        """Run a whole client in this process."""
        client = Client(home, delivery=delivery)
        await client.start()
        try:
            await client.connection.ready(PATIENCE)
            yield client
        finally:
            await client.stop()

    @asynccontextmanager
    async def members(self, homes: Sequence[ChatHome]) -> "AsyncIterator[list[Member]]":
        """Run whole clients, each a process of its own; they are connected when this yields."""
        members = [Member(home) for home in homes]
        try:
            for member in members:
                await member.ask("start")
            yield members
        finally:
            for member in members:
                member.end()


class Member:
    """A client in another process (`member`)."""

    def __init__(self, home: ChatHome) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.member", str(home.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    async def ask(self, what: str, **values: object) -> Any:
        """Ask for one thing, and wait for it."""
        return await asyncio.to_thread(self._ask, json.dumps({"do": what} | values))

    def end(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _ask(self, line: str) -> Any:
        assert self._process.stdin is not None  # noqa: S101 - pipes were asked for
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("a member's process has ended")
        return json.loads(answer)


@asynccontextmanager
async def made_homes(size: int) -> AsyncIterator[Homes]:
    """Run a server with ``size`` accounts."""
    with tempfile.TemporaryDirectory() as name:
        data = servers.make_data(CHAT, Path(name))
        sessions = await people.accounts(data, size)
        with servers.running(CHAT, data) as server:
            try:
                yield Homes(Path(name), data, server, sessions)
            except BaseException:
                log = (Path(name) / "server.log").read_text()  # it goes with the folder
                print("\n".join(line for line in log.splitlines() if "rror" in line), file=sys.stderr)
                raise


async def make_room(
    data: Path, owner: Client, name: str, others: Sequence[int], *, encrypted: bool
) -> RoomId:
    """Make a room with these people; where it is encrypted, all of them are in the group when it returns.

    They are written into the store, as the owner has admitted them and they have accepted it: to do that
    themselves each would have to be connected.
    """
    made = await owner.rooms.create(parse_room_name(name), RoomKind.PRIVATE, encrypted=encrypted)
    joined: dict[UserName, Joined] = {}
    for number in others:
        joined[name_of(number)] = await _accepted(data, owner, made.id, number) if encrypted else Joined()
    await people.put_in(data, made.id, joined)
    for _ in range(5):
        try:
            await owner.encryption.settle(made.id)
        except EncryptionError:  # more than its patience: hundreds on a busy machine
            continue
        break
    if encrypted:
        inside = len((await owner.encryption.report(made.id)).members)
        if inside != len(others) + 1:
            raise SystemExit(f"{inside} devices are in the group of {name}, and not {len(others) + 1}")
    return made.id


async def _accepted(data: Path, owner: Client, room: RoomId, number: int) -> Joined:
    """Invite someone, and return the event of their joining, signed by the device of their home."""
    user, home, e2ee = name_of(number), ChatHome(data.parent / f"home{number}"), encrypted_rooms(owner)
    admission = await e2ee.membership.admission(room, user)
    if admission is None:
        raise SystemExit(f"{user} has no key")
    await e2ee.world.live.ask(Invite(id=new_request_id(), room=room, user=user, statement=admission))
    archive = await Archive.open(home.archive, home.key)
    own = await archive.read(load_active)
    await archive.close()
    admitted = statement_of(bytes(admission))
    accepts = Accept(admitted.act.server, room, 0, SystemClock().now(), user, admitted.digest)
    return Joined(acceptance=StatementBytes(signed(own, accepts)))
