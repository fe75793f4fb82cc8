"""People with end-to-end encryption: real clients, whose sockets are recorded and whose archives are read.

Each has a laptop; one of them logs in on phones as well, approves them and revokes them. What a device could
decrypt is what it shows in the end.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.client.core.client_parts import encrypted_rooms, parts
from tests.cluster.records import (
    Agreement,
    Call,
    Device,
    History,
    Outcome,
    Revocation,
    SessionEnd,
    Shown,
)
from tests.cluster.world import PASSWORD, Habits, HeardSocket, Place, World, now
from tests.e2e.e2ee_device import HurriedClock

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.sign_in import ChatSignIn, open_archive
from parlour_client.core.client import Client
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.demo.people import sign_up
from parlour_client.kit.account.profile import CurrentProfile
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.transport.frame_socket import Dial, FrameSocket
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.session import Session
from parlour_protocol.delivery import RevokeDevice
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames import replies as frames
from parlour_protocol.frames import requests as ask
from parlour_protocol.frames.bodies import Joined, Kicked
from parlour_protocol.frames.wire import WIRE
from parlour_protocol.ids import RoomId
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.ids import DeviceId, RequestId, Seq, new_request_id
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

_SEND_SECONDS: Final = 10.0
"""Then it stays queued, and its outcome is unknown."""
_CHANGE_SECONDS: Final = 10.0
_AWAY: Final = 2.5
"""How long someone who was removed stays away: what they are sent meanwhile is the question."""
_AFTERWARDS: Final = 3.0
"""How long a revoked device goes on trying."""
_ACTS: Final = {"whisper": 10, "renew": 2, "phone": 1}
_OF_OWNERS: Final = {"kick": 1}
_PAUSE: Final = 0.1
_PAGE: Final = 200


class RecordedSocket:
    """A client's connection, of which what became of its requests is written down as well."""

    def __init__(self, socket: HeardSocket, world: World, user: str, session: str, place: Place) -> None:
        self.security = socket.security
        self._socket = socket
        self._world = world
        self._user = user
        self._session = session
        self._node = place.node
        self._asked: dict[RequestId, tuple[ask.Kick | ask.Join, float]] = {}

    async def receive(self) -> bytes:
        """Wait for the next frame, and record it."""
        data = await self._socket.receive()
        match frame := WIRE.decode_server_frame(data):
            case frames.Ok(re=request, result=result) if request in self._asked:
                seqs = (result.seq,) if isinstance(result, frames.Stored) else ()
                self._record(*self._asked.pop(request), Outcome.OK, seqs)
            case frames.Error(re=str() as request) if request in self._asked:
                self._record(*self._asked.pop(request), Outcome.REFUSED, code=frame.code)
            case _:
                pass
        return data

    async def send(self, data: bytes) -> None:
        """Send a frame, and remember a request whose answer matters."""
        match frame := WIRE.decode_request(data):
            case ask.Kick() | ask.Join():
                self._asked[frame.id] = frame, now()
            case _:
                pass
        await self._socket.send(data)

    async def close(self) -> None:
        """Close; what was not answered may be done or not."""
        while self._asked:
            self._record(*self._asked.popitem()[1], Outcome.UNKNOWN)
        await self._socket.close()

    def _record(
        self,
        frame: ask.Kick | ask.Join,
        began: float,
        outcome: Outcome,
        seqs: tuple[int, ...] = (),
        code: str = "",
    ) -> None:
        call = Call(
            request=frame.id,
            user=self._user,
            session=self._session,
            room=frame.room,
            began=began,
            ended=now(),
            outcome=outcome,
            nodes=(self._node,),
            body=Kicked(frame.user) if isinstance(frame, ask.Kick) else Joined(),
            seqs=seqs,
            code=code,
        )
        self._world.history.calls.append(call)


class RecordedDelivery(DeliveryClient):
    """The delivery service, which records when a revocation was acknowledged."""

    def __init__(self, api: Api, session: Callable[[], Secret], history: History) -> None:
        super().__init__(api, session)
        self._history = history

    async def revoke(self, device: DeviceId, body: RevokeDevice) -> None:
        """Revoke a device of the account."""
        await super().revoke(device, body)
        self._history.revocations.append(Revocation(device, now()))
        at = now()
        session = self._history.devices[device].session
        self._history.session_ends.append(SessionEnd(session, at, at + _AFTERWARDS))


class EncryptedDevice:
    """One device: a client that connects to any node, and a place in the records."""

    def __init__(self, world: World, user: str, name: str, home: ChatHome) -> None:
        self.user = user
        self.session = f"{user}-{name}"
        self._world = world
        self._chance = world.chance(self.session)
        self.place = world.places[0]
        self.login: Session | None = None
        self.client = Client(
            home, clock=HurriedClock(), chance=self._chance, dial=self._dial, delivery=self._delivery
        )

    async def start(self) -> None:
        """Connect in the background, for the first time. Raises ParlourClientError."""
        await self.client.start()
        await self.client.connection.ready(_CHANGE_SECONDS)
        own = self.client.encryption.own()
        self._world.history.devices[own.device] = Device(self.user, self.session)

    @property
    def id(self) -> DeviceId:
        """Its name in groups."""
        return self.client.encryption.own().device

    def note(self, room: RoomId) -> Agreement | None:
        """Record what it takes for the keys of a room; None if it has none."""
        report = encrypted_rooms(self.client).room_statuses.of(room)
        if report.group is None or report.epoch is None or not report.authenticator:
            return None
        found = Agreement(self.id, room, report.group, report.epoch, report.authenticator)
        self._world.history.agreements.append(found)
        return found

    def state(self, room: RoomId) -> str:
        """Say how it stands, for someone who looks for the reason that a room does not go on."""
        rooms = encrypted_rooms(self.client)
        report, status = rooms.room_statuses.of(room), self.client.connection.status
        problems = self.client.encryption.room(room).problem, rooms.scheduler.problems.get(room)
        member = "is" if self.client.rooms.get(room) is not None else "is not"
        return (
            f"{self.session} {member} in it, {report.status.value} in epoch {report.epoch},"
            f" caught up to {parts(self.client).catch_up.top(room)},"
            f" connection {status.state.value} {status.problem!r},"
            f" encryption {problems},"
            f" waiting {[one.entry.problem for one in self.client.messages.outgoing()]}"
        )

    async def shown(self, room: RoomId) -> list[Shown]:
        """Return the texts that it could decrypt."""
        found: list[Shown] = []
        after = Seq(0)
        while page := await self.client.history.timeline(room, after=after, limit=_PAGE):
            found += [
                Shown(self.id, room, one.seq, one.author, str(one.text))
                for one in page
                if one.seq is not None and one.text is not None
            ]
            after = max((one.seq for one in page if one.seq is not None), default=after)
        return found

    def _dial(self, current: CurrentProfile) -> Dial:
        async def dial() -> FrameSocket:
            self.login = current().live_session
            assert self.login is not None
            self.place = self._chance.choice(self._world.places)
            elsewhere = self._chance.choice(self._world.places)
            ticket = await self._world.ticket(elsewhere, self.login.token)
            number = self._world.next_ticket()
            socket = await self._world.handshake(
                self.place, self.login, ticket, number, self.user, self.session
            )
            return RecordedSocket(socket, self._world, self.user, self.session, self.place)

        return dial

    def _delivery(self, current: CurrentProfile) -> DeliveryClient:
        def session() -> Secret:
            found = current().session
            assert found is not None
            return found

        last = self._world.places[-1]  # the front, where there is one: each call may be at another node
        return RecordedDelivery(self._world.api(last, keep=True), session, self._world.history)


class EncryptedPerson:
    """Someone whose devices are in the encrypted rooms."""

    def __init__(
        self,
        world: World,
        folder: Path,
        name: str,
        link: ChatInviteLink,
        habits: Habits,
        *,
        is_owner: bool,
    ) -> None:
        """Keep the homes of the devices in ``folder``."""
        self.world = world
        self.name = name
        self._folder = folder
        self._link = link
        self._habits = habits
        self._is_owner = is_owner
        self._chance = world.chance(name)
        self.laptop = self._device("laptop")
        self._phones = 0
        self._texts = 0
        self._away: dict[RoomId, float] = {}
        """Rooms that they were removed from, and when they noticed."""
        self._pack: list[str] = []

    async def sign_up(self) -> None:
        """Make the account, and connect."""
        await sign_up(self._folder / f"{self.name}-laptop", self.name, str(self._link), Secret(PASSWORD))
        await self.laptop.start()

    async def run(self, stop: asyncio.Event) -> None:
        """Act until told to stop."""
        while not stop.is_set():
            with suppress(ParlourClientError, TimeoutError):
                await self.act()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._habits.encrypted_pace * 2 * self._chance.random()):
                    await stop.wait()

    async def act(self) -> None:
        """Do one thing by chance. Raises ParlourClientError, TimeoutError."""
        if not self._pack:
            acts = _ACTS | (_OF_OWNERS if self._is_owner else {})
            more = self._habits.more
            self._pack = [act for act, times in acts.items() for _ in range(times + more.get(act, 0))]
            self._chance.shuffle(self._pack)
        room = self._chance.choice(self.world.encrypted)
        if self.laptop.client.rooms.get(room) is None:
            if now() - self._away.setdefault(room, now()) > _AWAY:
                await self.join(room)
            return
        match self._pack.pop():
            case "phone":
                await self._use_a_phone(room)
            case "kick":
                await self._kick(room)
            case "renew":  # all of them, perhaps: two commits for one epoch
                encrypted_rooms(self.laptop.client).scheduler.renew(room, 0)
            case _:
                await self.send(self.laptop, room)

    async def whole_log(self, room: RoomId) -> list[LogEvent]:
        """Read a room's log from the beginning to the end, as the server has it."""
        events: list[LogEvent] = []
        while True:
            after = Seq(events[-1].seq) if events else Seq(0)
            frame = ask.History(new_request_id(), room, after=after, limit=100)
            page = await parts(self.laptop.client).connection.ask(frame)
            assert isinstance(page, frames.Page)
            events += page.events
            if not page.more:
                return events

    async def join(self, room: RoomId) -> None:
        """Join a room, and wait for the keys. Raises ParlourClientError, TimeoutError."""
        async with asyncio.timeout(_CHANGE_SECONDS):
            await self.laptop.client.rooms.join(room)
        self._away.pop(room, None)

    async def send(self, device: EncryptedDevice, room: RoomId) -> Call | None:
        """Send a message that no one else sends; None if it was not queued."""
        self._texts += 1
        text = f"{device.session} whispers {self._texts:06d}"
        began, place = now(), device.place
        try:
            entry = await device.client.messages.send(room, text)
        except ParlourClientError:
            return None  # removed from the room just now
        assert entry.request is not None
        outcome = Outcome.UNKNOWN
        seqs: tuple[int, ...] = ()
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                seqs = (await device.client.messages.stored(entry.request),)
                outcome = Outcome.OK
        except (ParlourClientError, TimeoutError):
            pass
        finally:  # also when nobody waits any more
            call = Call(
                request=entry.request,
                user=self.name,
                session=device.session,
                room=room,
                began=began,
                ended=now(),
                outcome=outcome,
                nodes=(place.node, device.place.node),
                seqs=seqs,
                whisper=text,
            )
            self.world.history.calls.append(call)
        device.note(room)
        return call

    async def _kick(self, room: RoomId) -> None:
        inside = {
            member.user for member in encrypted_rooms(self.laptop.client).room_statuses.of(room).members
        }
        if others := sorted(inside - {self.name}):
            async with asyncio.timeout(_CHANGE_SECONDS):
                await self.laptop.client.rooms.kick(room, parse_user_name(self._chance.choice(others)))

    async def _use_a_phone(self, room: RoomId) -> None:
        """Log in on a phone, approve it, write with it, revoke it, and let it go on trying."""
        self._phones += 1
        phone = self._device(f"phone-{self._phones}")
        archive = await open_archive(ChatHome(self._folder / phone.session))
        try:
            async with asyncio.timeout(_CHANGE_SECONDS):
                await ChatSignIn(archive).log_in(
                    self._link.link.address,
                    self.world.trust,
                    parse_user_name(self.name),
                    Secret(PASSWORD),
                    parse_device_name(f"phone {self._phones}"),
                )
        finally:
            await archive.close()
        try:
            await phone.start()
            async with asyncio.timeout(_CHANGE_SECONDS):
                await self.laptop.client.encryption.approve(phone.client.encryption.own().code)
            for _ in range(3):
                await self.send(phone, room)
            await self._revoke(phone, room)
            self.world.history.shown += await phone.shown(room)
        finally:
            await phone.client.stop()

    async def _revoke(self, phone: EncryptedDevice, room: RoomId) -> None:
        there = self._chance.choice(self.world.places)
        assert phone.login is not None
        async with asyncio.timeout(_CHANGE_SECONDS):
            kept = await self.world.ticket(there, phone.login.token)
        stop = asyncio.Event()
        writing = asyncio.ensure_future(self._go_on(phone, room, stop))
        try:
            with suppress(ParlourClientError, TimeoutError):  # it is revoked before the keys are changed
                async with asyncio.timeout(_CHANGE_SECONDS):
                    await self.laptop.client.encryption.revoke(phone.id)
            await asyncio.sleep(_AFTERWARDS)
        finally:
            stop.set()
            await writing
        for ticket in (kept, None):  # one from before the revocation, and one that must not be issued
            with suppress(ParlourClientError, TimeoutError):
                async with asyncio.timeout(_CHANGE_SECONDS):
                    given = ticket or await self.world.ticket(there, phone.login.token)
                    number = self.world.next_ticket()
                    socket = await self.world.handshake(
                        there, phone.login, given, number, self.name, phone.session
                    )
                    await socket.close()

    async def _go_on(self, phone: EncryptedDevice, room: RoomId, stop: asyncio.Event) -> None:
        """Write with a phone, and let it be sent what others write, while and after it is revoked."""
        while not stop.is_set():
            sending = asyncio.ensure_future(self.send(phone, room))
            await asyncio.wait({sending}, timeout=_PAUSE)
            sending.cancel()
            await asyncio.wait({sending})
            await asyncio.sleep(_PAUSE)

    def _device(self, name: str) -> EncryptedDevice:
        return EncryptedDevice(self.world, self.name, name, ChatHome(self._folder / f"{self.name}-{name}"))


async def begin_encrypted(
    world: World, folder: Path, people: int, link: ChatInviteLink, habits: Habits
) -> list[EncryptedPerson]:
    """Make accounts, and an encrypted room with all of them, which the first owns."""
    tag = new_request_id()[:6].lower().replace("_", "x").replace("-", "x")
    made = [
        EncryptedPerson(world, folder, f"e{number}{tag}", link, habits, is_owner=number == 0)
        for number in range(people)
    ]
    for person in made:
        await person.sign_up()
    name = parse_room_name(f"whispers-{tag}")
    for person in made[:1]:
        room = await person.laptop.client.rooms.create(name, RoomKind.PUBLIC, encrypted=True)
        world.encrypted.append(room.id)
    for person in made[1:]:
        await person.join(world.encrypted[0])
    return made


async def end_encrypted(people: Sequence[EncryptedPerson], seconds: float) -> None:
    """Demand progress: everyone is in the room, in one epoch of its group, and reads what everyone sends.

    Records what each device shows. What does not happen within ``seconds`` is ``History.stuck``.
    """
    if not people:
        return
    world = people[0].world
    for room in world.encrypted:
        try:
            async with asyncio.timeout(seconds):
                await _agree(people, room)
                sent = [await _patiently(person, room) for person in people]
                for person in people:
                    await _shows(person, room, {call.text for call in sent})
        except TimeoutError:
            states = "; ".join(person.laptop.state(room) for person in people)
            world.history.stuck.append(f"the encrypted room did not go on in {seconds:.0f} s: {states}")
        for person in people:
            person.laptop.note(room)
            world.history.shown += await person.laptop.shown(room)
            world.history.screens.add((person.laptop.id, room))


async def _agree(people: Sequence[EncryptedPerson], room: RoomId) -> None:
    """Wait until everyone is in one epoch of the room's group."""
    while True:
        for person in people:
            with suppress(ParlourClientError, TimeoutError):
                if person.laptop.client.rooms.get(room) is None:
                    await person.join(room)
        found = [person.laptop.note(room) for person in people]
        keys = {None if one is None else (one.group, one.epoch, one.authenticator) for one in found}
        if len(keys) == 1 and None not in keys:
            return
        await asyncio.sleep(_PAUSE)


async def _patiently(person: EncryptedPerson, room: RoomId) -> Call:
    while True:
        call = await person.send(person.laptop, room)
        if call is not None and call.outcome is Outcome.OK:
            return call
        await asyncio.sleep(_PAUSE)


async def _shows(person: EncryptedPerson, room: RoomId, texts: set[str]) -> None:
    """Wait until someone can read all these."""
    changes = person.laptop.client.events.stream()
    while not texts <= {one.text for one in await person.laptop.shown(room)}:
        await anext(changes)
