"""A member of encrypted rooms who says what no client lets anybody say, to one real client.

Two real clients found the rooms in memory, so groups, keys and certificates are genuine. Then one of them
goes on here, by hand: its MLS groups protect any bytes, whatever the text in them is, and the server in
memory cannot look inside. The other's home folder is what the real client is started on.
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from tests.client.core.client_parts import encrypted_rooms, parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import Registered
from tests.e2e.oracle.gate import Gate
from tests.e2e.oracle.hostile_server import ME, write_profile

from parlour_client.core.client import Client
from parlour_client.core.e2ee.identity.keys import CERTIFICATE, KNOWN, DeviceKey
from parlour_lab.impostor import make
from parlour_mls import Extension, Group, KeyPackageStore, Lifetime, Policy
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.encrypted import Link
from parlour_protocol.encrypted.links import NO_TIP, NOTHING
from parlour_protocol.frames.bodies import EncryptedMessage
from parlour_protocol.frames.opaque import Ciphertext
from parlour_protocol.identity import DeviceEntry
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.kit.names import DeviceName, parse_user_name
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

MALLORY = parse_user_name("mallory")
DAY = 86_400
ROOMS = ("a-sealed", "b-refused")
Content = dict[str, Any]


class EncryptedRooms:
    """One server with encrypted rooms, for one client; ``names`` are those of further devices.

    ``furnish`` is called before the client comes.
    """

    def __init__(self, names: Sequence[DeviceName], furnish: Callable[["EncryptedRooms"], None]) -> None:
        self._furnish = furnish
        self.made = make()
        self.names: dict[RoomId, str] = {}
        self._devices = names
        self.called: dict[DeviceId, DeviceName] = {}
        """Names of devices, as the server lists them."""
        self._groups: dict[RoomId, tuple[GroupId, Epoch, Group]] = {}
        self._count = 0
        self._numbers: dict[RoomId, int] = {}
        self.gate: Gate

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.gate.port

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator["EncryptedRooms"]:
        """Found the rooms, and serve."""
        self.harness = Harness(folder)
        self.harness.clock.time = time.time() * 1000
        mallory, alice = await self.harness.open(MALLORY), await self.harness.open(ME, "home")
        for name in ROOMS:
            room = (await mallory.rooms.create(parse_room_name(name), RoomKind.PRIVATE, encrypted=True)).id
            await mallory.invitations.send(room, ME)
            self.names[room] = name
        await self.harness.quiet()
        await self._add_devices(mallory, alice)
        groups = encrypted_rooms(mallory).keys.groups
        for room in self.names:
            held = await parts(mallory).archive.write(groups.stored, room)
            self._groups[room] = held.id, held.epoch, held.group
        await self.harness.end()
        self.harness.server.wires.clear()
        self.gate = Gate(self.harness.server.open_line(ME), self.called)
        async with self.gate.open(folder, self.made.context(folder)):
            self._furnish(self)
            yield self

    async def make_home(self, folder: Path) -> None:
        """Tell the home folder, which is there already, where the server is now."""
        await write_profile(folder, self.port, self.made)

    async def _add_devices(self, mallory: Client, alice: Client) -> None:
        """Let both have one more device for each name; Mallory's come into the groups, hers only wait."""
        server, now = self.harness.server, self.harness.clock.now()
        lifetime = Lifetime(now // 1000 - DAY, now // 1000 + DAY)
        for client, status in ((mallory, DeviceStatus.ACTIVE), (alice, DeviceStatus.PENDING)):
            identity = encrypted_rooms(client).identity.identity
            assert identity is not None
            assert identity.account is not None
            user = identity.user
            for name in self._devices:
                key = DeviceKey.generate(user, server.server)
                _, certificate = identity.account.certify(user, server.server, key.public, name, now)
                package = KeyPackageStore().create(
                    key.credential, key.signer, lifetime, last_resort=True,
                    leaf_extensions=(Extension(CERTIFICATE, certificate),), policy=Policy(extensions=KNOWN),
                )  # fmt: skip
                server.devices[key.id] = Registered(user, key.public, status, last_resort=package)
                server.append(DeviceEntry(now, certificate))
                self.called[key.id] = name
        server.keys_changed(MALLORY)
        server.keys_changed(ME)
        await self.harness.quiet()

    # --- what Mallory does

    def room(self, name: str) -> RoomId:
        """Return the id of a room."""
        return next(room for room, known in self.names.items() if known == name)

    def seal(self, room: RoomId, content: Content, *, raw: bool = False, tell: bool = False) -> str:
        """Say something; return the id by which it can be answered. ``raw``: no escapes in the JSON."""
        self._count += 1
        message = f"m{self._count:06}".ljust(22, "_")
        group, epoch, state = self._groups[room]
        text = json.dumps(content, ensure_ascii=not raw).encode("utf-8", "surrogatepass")
        # Of a device that has seen nothing yet: the server may have held everything back.
        number = self._numbers[room] = self._numbers.get(room, 0) + 1
        link = Link(number, number, 0, (0, number), 0, NO_TIP + NOTHING)
        data = state.encrypt(msgspec.msgpack.encode([2, link.fields(), None, text]), message.encode())
        server = self.harness.server
        server.write(
            server.rooms[room],
            MALLORY,
            EncryptedMessage(group=group, epoch=epoch, data=Ciphertext(data)),
            tell=tell,
        )
        return message
