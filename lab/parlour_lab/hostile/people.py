"""The people of a walk: real clients on homes of their own, and a ledger of what each of them wrote.

``World`` is a server with everyone at it. What was written, by whom, and who had been admitted at that
moment is in the ledger, which asks no part of the product: ``judge`` holds what clients show, and what
their keys can open, against it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import time
from typing import TypeVar

from msgspec.structs import replace

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.sign_in import ChatSignIn, open_archive
from parlour_client.core.client import Client, delivery_over_tls, dial_over_tls
from parlour_client.core.e2ee.values import RoomReport
from parlour_client.core.model import UNREADABLE, Entry
from parlour_client.core.model import Delivery as Way
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.account.profile import CurrentProfile
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.transport.frame_socket import Dial, FrameSocket
from parlour_client.text.note_text import note_words
from parlour_lab.hostile.clock import FakeClock, Threads
from parlour_lab.hostile.disks import read_with, server_log, states
from parlour_lab.hostile.middle import Lies, TappedDelivery, tapped_dial
from parlour_lab.hostile.server import HostileServer
from parlour_protocol.frames.bodies import Unreadable
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

T = TypeVar("T")


def password(name: str) -> str:
    """Return someone's password."""
    return f"the long password of {name}"


PATIENCE = 60.0
"""Seconds after which a wait has failed: far more than anything takes on a busy machine."""
LONG = 300.0
"""Seconds of the shared clock in which everything is done that is tried again after failures."""
SOON = 15.0
"""Seconds of the shared clock in which what happened is told."""
STEP = 0.01
"""Seconds that the shared clock moves at each turn of a wait."""


@dataclass(frozen=True, slots=True)
class Wrote:
    """One message in the ledger."""

    room: RoomId
    author: str
    text: str
    readers: frozenset[str]
    """Who was in the room, by their own act or a member's, when it was written."""


@dataclass
class Ledger:
    """What was written, and who was ever in which room, by acts of people alone."""

    written: list[Wrote] = field(default_factory=list)
    inside: dict[RoomId, set[str]] = field(default_factory=dict)

    def text(self, room: RoomId, author: str) -> str:
        """Write down a new text, unlike any other, and return it."""
        text = f"{author} writes number {len(self.written) + 1}"
        self.written.append(Wrote(room, author, text, frozenset(self.inside[room])))
        return text


class Device:
    """One device of someone."""

    def __init__(self, world: "World", user: str, home: Path) -> None:
        self.world, self.user, self.home = world, user, home
        self.lies = Lies()
        self.running: Client | None = None
        self.errors: list[str] = []
        """What it was refused with, in words, one after another."""

    def __repr__(self) -> str:
        return self.home.name

    @property
    def client(self) -> Client:
        """The client that runs."""
        assert self.running is not None, f"{self!r} is off"
        return self.running

    async def start(self, *, ready: bool = True) -> None:
        """Start a client on the home, and wait until it is connected and, unless not, has caught up."""
        self.running = Client(
            ChatHome(self.home),
            clock=self.world.clock,
            chance=Random(self.home.name),  # noqa: S311 - repeats itself
            dial=self._dial,
            delivery=self._delivery,
        )
        await self.running.start()
        await self.connect(ready=ready)

    async def stop(self) -> None:
        """End it as a person does."""
        client, self.running = self.running, None
        if client is not None:
            await client.stop()

    def _dial(self, current: CurrentProfile) -> Dial:
        async def dial() -> FrameSocket:
            return await dial_over_tls(self._at_its_port(current))()

        return tapped_dial(dial, self.lies)

    def _delivery(self, current: CurrentProfile) -> DeliveryClient:
        def delivery() -> DeliveryClient:
            made = delivery_over_tls(self._at_its_port(current))
            assert made is not None
            return made

        return TappedDelivery(delivery, self.lies)

    def _at_its_port(self, current: CurrentProfile) -> CurrentProfile:
        return lambda: replace(current(), server=f"127.0.0.1:{self.world.server.port}")

    # what it does
    async def attempt(self, act: Awaitable[object]) -> str:
        """Do something; returns what it was refused with, in words."""
        try:
            await self.world.during(act)
        except ParlourClientError as error:
            self.errors.append(str(error))
            return str(error)
        return ""

    async def queue(self, room: RoomId) -> Entry:
        """Write something new, and wait for nothing."""
        return await self.client.messages.send(room, self.world.ledger.text(room, self.user))

    async def say(self, room: RoomId) -> str:
        """Write something new and wait until the server has it; returns the text. Raises why not."""
        entry = await self.queue(room)
        assert entry.request is not None
        assert entry.text is not None
        try:
            await self.world.during(self.client.messages.stored(entry.request), within=SOON)
        except TimeoutError:
            why = [one.problem for one in self.waiting(room)]
            raise AssertionError(f"{self!r} cannot send: {why}; it tells {await self.words()}") from None
        return str(entry.text)

    async def try_to_say(self, room: RoomId) -> str:
        """Write something new; wait until it is stored, failed or waits for something that is told."""
        entry = await self.queue(room)

        def is_settled() -> bool:
            found = self.waiting(room)
            return all(one.delivery is Way.FAILED or one.problem for one in found)

        await self.world.until(is_settled)
        return str(entry.text)

    async def hang_up(self) -> None:
        """Close its connections: the server is about to stop."""
        self.lies.away = True
        self.lies.drop()
        assert self.lies.calls is not None
        await self.lies.calls.close()

    async def reconnect(self, *, ready: bool = True) -> None:
        """Lose the connection and come back."""
        self.lies.drop()
        await self.world.until(lambda: self.client.connection.status.state is not LinkState.ONLINE)
        await self.connect(ready=ready)

    async def connect(self, *, ready: bool = True) -> None:
        """Wait until it is connected again and, unless not, has caught up."""

        def is_online() -> bool:
            if self.client.connection.status.state is LinkState.OFFLINE:
                self.client.connection.retry_now()
            return self.client.connection.status.state is LinkState.ONLINE

        await self.world.until(is_online)
        if ready:
            await self.world.during(self.client.connection.ready(PATIENCE))

    async def report(self, room: RoomId) -> RoomReport:
        """Return what `/encryption` shows of a room."""
        return await self.world.during(self.client.encryption.report(room))

    def waiting(self, room: RoomId) -> list[Entry]:
        """Return what it wrote that is not in the room yet."""
        return [one.entry for one in self.client.messages.outgoing() if one.entry.room == room]

    # what it shows
    async def entries(self, room: RoomId) -> Sequence[Entry]:
        """Return every row of a room."""
        if self.client.rooms.get(room) is None:
            return []
        return await self.world.during(self.client.history.timeline(room, limit=10_000))

    async def texts(self, room: RoomId) -> list[tuple[str, str]]:
        """Return the messages that can be read in a room: author and text."""
        return [(one.author, str(one.text)) for one in await self.entries(room) if one.text is not None]

    async def read(self, room: RoomId) -> list[str]:
        """Return the texts that can be read in a room."""
        return [text for _, text in await self.texts(room)]

    async def words(self) -> list[str]:
        """Return everything it tells its person beside the messages: rows, alarms, problems, refusals."""
        client, found = self.client, list(self.errors)
        alarms = client.encryption.alarms()
        client.encryption.shown(alarms)
        found += [alarm.text for alarm in alarms]
        if client.connection.status.problem:
            found.append(client.connection.status.problem)
        for room in client.rooms.all:
            found += [room.trouble, client.encryption.room(room.id).problem]
            for entry in await self.entries(room.id):
                found += [entry.trouble, entry.problem]
                if entry.note is not None:
                    found.append(note_words(entry))
                elif isinstance(entry.body, Unreadable):
                    found.append(UNREADABLE)
        return [words for words in found if words]

    async def tells(self, *parts: str) -> bool:
        """Say whether one sentence of all that it tells has all these parts."""
        return any(all(part in words for part in parts) for words in await self.words())

    def top(self, room: RoomId) -> int:
        """Return the newest event that it has taken in."""
        return self.client._running.catch_up.top(room)  # noqa: SLF001 - no view sees it


class World:
    """A server and everyone at it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.clock.time = time() * 1000
        self.threads = Threads()
        self.server = HostileServer(folder, self.clock)
        self.devices: list[Device] = []
        self.ledger = Ledger()

    # time
    async def turn(self) -> None:
        """Let a moment pass."""
        self.clock.advance(STEP)
        await self.threads.rest()
        await asyncio.sleep(0.001)  # sockets and the server's own threads get their turn

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let time pass until it is so."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await self.turn()

    async def until_true(self, ask: Callable[[], Awaitable[bool]], *, within: float = LONG) -> None:
        """Let time pass until a question is answered with yes, ``within`` seconds of the shared clock."""
        end = self.clock.time + within * 1000
        async with asyncio.timeout(PATIENCE):
            while not await ask():
                if self.clock.time > end:
                    raise TimeoutError
                await self.turns(5)

    async def turns(self, count: int) -> None:
        """Let so many moments pass."""
        for _ in range(count):
            await self.turn()

    async def during(self, act: Awaitable[T], *, within: float = LONG) -> T:
        """Let time pass while something is done, ``within`` seconds of the shared clock."""
        task = asyncio.ensure_future(act)
        end = self.clock.time + within * 1000
        try:
            async with asyncio.timeout(PATIENCE):
                while not task.done():
                    if self.clock.time > end:
                        raise TimeoutError
                    await self.turn()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        return task.result()

    # the server
    async def restart(self) -> None:
        """Start the server again, so that it believes what was edited; everyone connects to it again."""
        async with self.halted():
            pass

    @asynccontextmanager
    async def halted(self) -> AsyncIterator[HostileServer]:
        """Stop the server for a while; afterwards everyone connects to it again."""
        for device in self.on():
            await device.hang_up()
        await self.during(self.server.stop())
        yield self.server
        await self.server.start()
        for device in self.on():
            device.lies.away = False
            await device.connect()

    async def start(self, *users: str) -> list[Device]:
        """Start a device of each of these people."""
        devices = [self.known(user) for user in users]
        for device in devices:
            await device.start()
        return devices

    def on(self) -> list[Device]:
        """Return the devices that run."""
        return [device for device in self.devices if device.running is not None]

    # people
    async def join(self, user: str) -> Device:
        """Make an account on a new device, which stays off."""
        device = self.known(user)
        archive = await open_archive(ChatHome(device.home))
        try:
            name, secret = parse_device_name(device.home.name), Secret(password(user))
            await self.during(
                ChatSignIn(archive).join(self.server.invite(), parse_user_name(user), secret, name)
            )
        finally:
            await archive.close()
        return device

    def known(self, user: str) -> Device:
        """Return a device of someone whose home is there, or will be."""
        device = Device(self, user, self.folder / f"{user}-1")
        self.devices.append(device)
        return device

    # rooms
    async def together(self, *users: str, encrypted: bool = True) -> tuple[RoomId, list[Device]]:
        """Start a device of each of these people, in a room in which all have read each other."""
        devices = await self.start(*users)
        room = await (self.room(*devices) if encrypted else self.open_room(*devices))
        await self.goes_on(room, *devices)
        return room, devices

    async def room(self, owner: Device, *others: Device, kind: RoomKind = RoomKind.PRIVATE) -> RoomId:
        """Make an encrypted room, and wait until all of them are in it and in its group."""
        name = parse_room_name(f"room-{len(self.ledger.inside) + 1}")
        made = await self.during(owner.client.rooms.create(name, kind, encrypted=True))
        self.ledger.inside[made.id] = {owner.user}
        for other in others:
            await self.admit(made.id, owner, other)
        return made.id

    async def open_room(self, owner: Device, *others: Device) -> RoomId:
        """Make a room without encryption, with all of them in it."""
        name = parse_room_name(f"room-{len(self.ledger.inside) + 1}")
        made = await self.during(owner.client.rooms.create(name, RoomKind.PUBLIC))
        self.ledger.inside[made.id] = {owner.user, *(other.user for other in others)}
        for other in others:
            await self.during(other.client.rooms.join(made.id))
        return made.id

    async def admit(self, room: RoomId, inviter: Device, who: Device) -> None:
        """Let someone in by an invitation, and wait until their device is in the group."""
        await self.during(inviter.client.invitations.send(room, parse_user_name(who.user)))
        await self.during(who.client.invitations.accept(room))
        self.ledger.inside[room].add(who.user)
        inside = [device for device in self.on() if device.user in self.ledger.inside[room]]
        await self.agreed(room, *inside)

    async def kick(self, room: RoomId, by: Device, who: Device) -> None:
        """Remove someone."""
        self.ledger.inside[room].discard(who.user)
        await self.during(by.client.rooms.kick(room, parse_user_name(who.user)))

    async def agreed(self, room: RoomId, *devices: Device) -> None:
        """Wait until these devices are in one group, and in the same epoch of it."""
        await self.until_true(lambda: self.agree(room, *devices))

    async def agree(self, room: RoomId, *devices: Device) -> bool:
        """Say whether these devices are in one group, and in the same epoch of it."""
        reports = [await device.report(room) for device in devices]
        first, people = reports[0], {device.user for device in devices}
        return all(
            one.authenticator == first.authenticator != "" and people <= {m.user for m in one.members}
            for one in reports
        )

    async def agreed_without(self, room: RoomId, user: str, *devices: Device) -> None:
        """Wait until these devices are in one group, and someone is in it no more."""
        await self.agreed(room, *devices)

        async def is_so() -> bool:
            members = [member for device in devices for member in (await device.report(room)).members]
            return user not in {member.user for member in members}

        await self.until_true(is_so)

    async def heard(self, room: RoomId, text: str, *devices: Device) -> None:
        """Wait until all of them show a text."""
        for device in devices:

            async def is_shown(device: Device = device) -> bool:
                return text in await device.read(room)

            try:
                await self.until_true(is_shown, within=SOON)
            except TimeoutError:
                words = await device.words()
                raise AssertionError(f"{device!r} does not show {text!r}; it tells {words}") from None

    async def told(self, device: Device, *parts: str) -> None:
        """Wait until a device tells its person something with all these parts."""

        async def is_told() -> bool:
            return await device.tells(*parts)

        try:
            await self.until_true(is_told, within=SOON)
        except TimeoutError:
            raise AssertionError(f"{device!r} does not tell {parts}, but {await device.words()}") from None

    async def stays(self, room: RoomId, *devices: Device) -> None:
        """Have each of them write something that the others read, over the connections that they have."""
        before = [device.lies.opened for device in devices]
        await self.goes_on(room, *devices)
        words = [await device.words() for device in devices]
        assert [device.lies.opened for device in devices] == before, f"somebody had to reconnect: {words}"

    async def goes_on(self, room: RoomId, *devices: Device) -> None:
        """Have each of them write something that the others read."""
        for device in devices:
            text = await device.say(room)
            await self.heard(room, text, *devices)

    async def in_a_row(self, room: RoomId, first: Device, second: Device) -> list[str]:
        """Have two write one after the other, the second one having read the first; the texts.

        They try again if the group's keys were updated between the two messages: a device that is shown the
        second one before the update can't decrypt it, and reports that instead of the order.
        """
        while True:
            text = await first.say(room)
            await self.heard(room, text, second)
            texts = [text, await second.say(room)]
            one, other = self.server.sealed(room)[-2:]
            if other == one + 1:
                return texts

    async def close(self) -> None:
        """End everything."""
        for device in self.devices:
            await device.stop()
        await self.server.stop()

    # the judgement
    async def judge(self) -> None:
        """Hold what is shown, and what can be opened, against the ledger."""
        for device in self.on():
            for room in self.ledger.inside:
                await self._judge_shown(device, room)
        await self.close()
        for device in self.devices:
            for room in self.ledger.inside:
                self._judge_keys(device, room)

    async def _judge_shown(self, device: Device, room: RoomId) -> None:
        genuine = {(one.author, one.text): one for one in self.ledger.written if one.room == room}
        shown = await device.texts(room)
        assert len(shown) == len(set(shown)), f"{device!r} shows something twice: {shown}"
        for author, text in shown:
            assert (author, text) in genuine, f"{device!r} shows what {author} never wrote: {text}"
            readers = genuine[author, text].readers
            assert device.user in readers, f"{device!r} reads {text!r}, which was for {sorted(readers)}"

    def _judge_keys(self, device: Device, room: RoomId) -> None:
        """Try everything that lies in a home on everything that lies on the server."""
        readers = {one.text: one.readers for one in self.ledger.written if one.room == room}
        log = server_log(self.server.data.path, room)
        for state in states(device.home):
            for text in read_with(state, log).values():
                allowed = readers.get(text)
                assert not text or (allowed and device.user in allowed), f"{device!r} can open {text!r}"
