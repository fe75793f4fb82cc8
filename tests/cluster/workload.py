"""People who use a cluster through the public protocol, and record everything that they do and see.

Each has a session and two connections, over real TLS. When a node is gone they go to another one and send
what has no answer again, with the same id. What they do is drawn from a seed.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from tests.cluster.records import (
    Act,
    Call,
    Connection,
    History,
    Outcome,
    Read,
    Redeemed,
    Seen,
    SessionEnd,
    View,
)

from parlour_client.kit.clock import SystemClock
from parlour_client.kit.errors import (
    ParlourClientError,
    RefusedError,
    SessionEndedError,
    UnreachableError,
)
from parlour_client.kit.transport.conversation import Conversation
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.session import Session
from parlour_client.kit.transport.trust import Trust, Verifier
from parlour_client.kit.transport.websocket import WebSocket, open_socket
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames import replies as frames
from parlour_protocol.frames import requests as ask
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.wire import WIRE
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.api import Login, NewAccount, SessionCreated, TicketIssued
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

_ANSWER_SECONDS: Final = 4.0
"""A connection on which an answer takes longer is given up."""
_CONNECT_SECONDS: Final = 4.0
_CALL_SECONDS: Final = 30.0
"""A request that no node has answered by then has an unknown outcome."""
_PAUSE: Final = 0.15
"""Before another node is tried."""
_PAGE: Final = 60
_AWAY: Final = 2.5
"""How long someone who was removed only knocks before they come back."""
_NOT_NOW: Final = frozenset({"unavailable", "rate_limited", "too_many_in_flight"})
PASSWORD: Final = "tigress-violin-marble"
now = time.monotonic


@dataclass(frozen=True, slots=True)
class Habits:
    """How often people do something: seconds between two acts of one, and parts of all acts."""

    pace: float = 0.06
    encrypted_pace: float = 0.3
    """Of people with encryption, whose acts cost more."""
    sessions: float = 0.005
    """They log in on another device and end that session."""
    bursts: float = 0.02
    """They send to every room at once, so that a node commits events of several rooms together."""
    kicks: float = 0.06
    """The owner removes someone."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node, and the address at which clients reach it."""

    node: str
    address: ServerAddress


class World:
    """The nodes as clients know them, the rooms, and the records."""

    def __init__(self, seed: int) -> None:
        self.places: list[Place] = []
        self.history = History()
        self.rooms: list[RoomId] = []
        self.encrypted: list[RoomId] = []
        """Rooms of others, which are encrypted."""
        self.trust: Trust | None = None
        self.seed = seed
        self._verifiers: dict[Place, Verifier] = {}
        self._connections = 0
        self._tickets = 0

    def know(self, trust: Trust, addresses: Mapping[str, ServerAddress]) -> None:
        """Reach each node at an address, and trust them as ``trust`` says."""
        self.trust = trust
        self.places = [Place(node, address) for node, address in addresses.items()]
        self._verifiers = {place: Verifier(place.address, trust) for place in self.places}

    def chance(self, of: str) -> Random:
        """Return the random choices of one actor."""
        return Random(f"{self.seed} {of}")  # noqa: S311 - to be repeated

    def api(self, place: Place, *, keep: bool = False) -> Api:
        """Return the HTTPS API of a node."""
        return Api(self._verifiers[place], keep=keep)

    async def ticket(self, place: Place, token: Secret) -> Secret:
        """Return a ticket of a session that is good at every node. Raises ParlourClientError."""
        return (await self.api(place).call("POST", "/v1/tickets", TicketIssued, bearer=token)).ticket

    async def handshake(
        self, place: Place, login: Session, ticket: Secret, number: int, session: str
    ) -> WebSocket:
        """Open a socket with a ticket, and record that it was taken. Raises ParlourClientError."""
        began = now()
        socket = await open_socket(WIRE, self._verifiers[place], login, ticket)
        self.history.redeemed.append(Redeemed(number, session, place.node, began, now()))
        return socket

    def next_ticket(self) -> int:
        """Return a number for a ticket."""
        self._tickets += 1
        return self._tickets

    def opened(self, user: str, session: str, node: str) -> int:
        """Record a connection and return its number."""
        self._connections += 1
        self.history.connections[self._connections] = Connection(
            self._connections, user, session, node, now()
        )
        return self._connections


@dataclass
class Line:
    """One connection of a person, kept up: at another node whenever one is gone."""

    world: World
    user: str
    name: str
    session: str
    """Its name in the records."""
    token: Secret
    chance: Random
    place: Place = field(init=False)
    number: int = 0
    first: dict[RoomId, int] = field(default_factory=dict)
    """The first number of each room that this connection has to be sent."""
    up: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False
    """Whether the server says that the session has ended."""
    connects: int = 0
    _conversation: Conversation[Any, Any, Any, Any] | None = None

    def __post_init__(self) -> None:
        self.place = self.chance.choice(self.world.places)

    async def run(self) -> None:
        """Stay connected for ever, or until the session has ended."""
        while not self.ended:
            try:
                socket = await self._connect()
            except SessionEndedError:
                self.ended = True
                return
            except (ParlourClientError, TimeoutError, OSError):
                self._move()
                await asyncio.sleep(_PAUSE * (1 + self.chance.random()))
                continue
            try:
                await self._converse(socket)
            except (ParlourClientError, TimeoutError):
                self._move()
            finally:
                self.up.clear()
                self._conversation = None
                await socket.close()

    async def request(self, frame: Any) -> Any:
        """Send a request. Raises RefusedError, UnreachableError if no answer came."""
        conversation = self._conversation
        if conversation is None:
            raise UnreachableError("There is no connection.")
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                result = await conversation.request(frame)
        except TimeoutError:
            conversation.end()
            raise UnreachableError("No answer came.") from None
        if isinstance(result, frames.Entered):
            self._entered(result.room)
        return result

    def hang_up(self) -> None:
        """End the connection; another one follows."""
        if self._conversation is not None:
            self._conversation.end()

    def _move(self) -> None:
        others = [place for place in self.world.places if place != self.place]
        self.place = self.chance.choice(others or self.world.places)

    async def _connect(self) -> WebSocket:
        async with asyncio.timeout(_CONNECT_SECONDS):
            elsewhere = self.chance.choice(self.world.places)
            ticket = self.world.next_ticket()
            try:
                issued = await self.world.ticket(elsewhere, self.token)
            except UnreachableError:
                issued = await self.world.ticket(self.place, self.token)
            return await self.world.handshake(self.place, Session(self.token), issued, ticket, self.session)

    async def _converse(self, socket: WebSocket) -> None:
        conversation: Conversation[Any, Any, Any, Any] = Conversation(socket, WIRE, SystemClock())
        async with asyncio.timeout(_CONNECT_SECONDS):
            hello = await conversation.hello()
        self.number = self.world.opened(self.user, self.session, self.place.node)
        self.first = {summary.room: summary.head + 1 for summary in hello.rooms}
        self.connects += 1
        self._conversation = conversation
        self.up.set()
        await conversation.listen(self._push)

    async def _push(self, push: Any) -> None:
        match push:
            case LogEvent():
                if push.room in self.world.rooms:
                    self.world.history.seen.append(Seen(self.number, now(), push))
            case frames.RoomEntered(room=summary):
                self._entered(summary)
            case frames.RoomClosed(room=room):
                self.first.pop(room, None)
            case _:
                pass

    def _entered(self, summary: frames.RoomSummary) -> None:
        self.first.setdefault(summary.room, summary.head + 1)


class Person:
    """Someone with an account, a session and two connections."""

    def __init__(self, world: World, name: str, token: Secret, habits: Habits, *, is_owner: bool) -> None:
        """Be logged in with ``token``."""
        self.world = world
        self.name = name
        self.token = token
        self._habits = habits
        self._is_owner = is_owner
        self.chance = world.chance(name)
        self.lines = [
            Line(world, name, which, f"{name}-laptop", token, world.chance(f"{name} {which}"))
            for which in ("one", "two")
        ]
        self.out: dict[RoomId, float] = {}
        """Rooms that they were removed from, and when they noticed."""
        self.own: list[tuple[RoomId, int]] = []
        """Their messages."""
        self.edited: list[tuple[RoomId, int]] = []
        """Those that have an edit."""
        self.texts = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Act until told to stop."""
        while not stop.is_set():
            await self.act()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._habits.pace * 2 * self.chance.random()):
                    await stop.wait()

    async def act(self) -> None:
        """Do one thing by chance."""
        room = self.chance.choice(self.world.rooms)
        what, rare = self.chance.random(), self.chance.random()
        sessions = self._habits.sessions
        bursts = sessions + self._habits.bursts
        kicks = bursts + (self._habits.kicks if self._is_owner else 0)
        if room in self.out:
            await self._knock(room, what)
        elif rare < sessions:
            await self._begin_and_end_a_session()
        elif rare < bursts:
            await self._burst()
        elif rare < kicks:
            await self._kick(room)
        elif what < 0.06:
            await self.send(room, twice=True)
        elif what < 0.26:
            await self.read(room)
        elif what < 0.34 and self.own:
            await self._edit(*self.chance.choice(self.own))
        elif what < 0.38 and self.own:
            await self._delete(*self._forget_a_message())
        elif what < 0.40:
            await self._redeem_twice()
        else:
            await self.send(room)

    async def join(self, room: RoomId) -> None:
        """Join a public room."""
        call = await self._change(Act.JOIN, ask.Join(new_request_id(), room), room)
        if call.outcome is Outcome.OK:
            self.out.pop(room, None)

    async def send(self, room: RoomId, *, twice: bool = False, patient: bool = False) -> Call:
        """Send a message that no one else sends.

        ``twice``: over both connections at once. ``patient``: try again whenever it is not possible now.
        """
        text = self._text()
        request = new_request_id()
        frame = ask.Send(request, room, MessageText(text))
        call = await self._change(Act.SEND, frame, room, twice=twice, patient=patient, text=text)
        if call.outcome is Outcome.OK:
            self.own.append((room, call.seqs[0]))
        self._look(room, call)
        return call

    async def read(self, room: RoomId) -> int:
        """Read the newest page at one node; return the newest number, 0 if that was not possible."""
        line = self.chance.choice(self.lines)
        node, began = line.place.node, now()
        try:
            page = await line.request(ask.History(new_request_id(), room, limit=_PAGE))
        except RefusedError:
            return 0
        except UnreachableError:
            await asyncio.sleep(_PAUSE)
            return 0
        self.world.history.reads.append(Read(self.name, line.session, node, room, began, now(), page.events))
        return page.events[-1].seq if page.events else 0

    async def whole_log(self, room: RoomId) -> list[LogEvent]:
        """Read a room's log from the beginning to the end."""
        events: list[LogEvent] = []
        while True:
            after = Seq(events[-1].seq) if events else Seq(0)
            frame = ask.History(new_request_id(), room, after=after, limit=100)
            page = await self.asked(frame)
            events += page.events
            if not page.more:
                return events

    async def asked(self, frame: Any) -> Any:
        """Ask something that changes nothing, at any node, until there is an answer."""
        while True:
            for line in self.lines:
                with suppress(UnreachableError, RefusedError):
                    return await line.request(frame)
            await asyncio.sleep(_PAUSE)

    def views(self) -> list[View]:
        """Return what each connection has to have seen by now."""
        return [
            View(self.name, line.place.node, line.number, room, first)
            for line in self.lines
            if line.up.is_set()
            for room, first in line.first.items()
            if room in self.world.rooms
        ]

    async def _knock(self, room: RoomId, what: float) -> None:
        if what < 0.4:
            await self.read(room)
        elif what < 0.7:
            await self.send(room)
        elif now() - self.out[room] > _AWAY:
            await self.join(room)

    async def _burst(self) -> None:
        rooms = [room for room in self.world.rooms if room not in self.out]
        self.chance.shuffle(rooms)
        await asyncio.gather(*(self.send(room) for room in rooms))

    async def _edit(self, room: RoomId, target: int) -> None:
        text = self._text()
        frame = ask.Edit(new_request_id(), room, Seq(target), MessageText(text))
        self._look(room, await self._change(Act.EDIT, frame, room, text=text, target=target))
        self.edited.append((room, target))

    async def _delete(self, room: RoomId, target: int) -> None:
        frame = ask.Delete(new_request_id(), room, Seq(target))
        self._look(room, await self._change(Act.DELETE, frame, room, target=target))

    async def _kick(self, room: RoomId) -> None:
        others = sorted({call.user for call in self.world.history.calls} - {self.name})
        if others:
            whom = self.chance.choice(others)
            frame = ask.Kick(new_request_id(), room, parse_user_name(whom))
            await self._change(Act.KICK, frame, room, whom=whom)

    async def _redeem_twice(self) -> None:
        """Use one ticket at two nodes at once."""
        places = [self.chance.choice(self.world.places) for _ in range(2)]
        number = self.world.next_ticket()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                issued = await self.world.ticket(places[0], self.token)
        except (ParlourClientError, TimeoutError):
            return

        async def once(place: Place) -> None:
            with suppress(ParlourClientError, TimeoutError):
                async with asyncio.timeout(_CONNECT_SECONDS):
                    socket = await self.world.handshake(
                        place, Session(self.token), issued, number, f"{self.name}-laptop"
                    )
                await socket.close()

        await asyncio.gather(*(once(place) for place in places))

    async def _begin_and_end_a_session(self) -> None:
        """Log in on another device, listen there, end that session at another node, and go on trying."""
        here, there = (self.chance.choice(self.world.places) for _ in range(2))
        session = f"{self.name}-tablet-{self.world.next_ticket()}"
        body = Login(self.name, Secret(PASSWORD), parse_device_name("tablet"))
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                made = await self.world.api(here).log_in(body)
                assert isinstance(made, SessionCreated)  # no one has a second factor
                token = made.session
        except (ParlourClientError, TimeoutError):
            return
        tickets: list[Secret] = []
        with suppress(ParlourClientError, TimeoutError):
            async with asyncio.timeout(_CONNECT_SECONDS):
                tickets.append(await self.world.ticket(here, token))
        line = Line(self.world, self.name, "tablet", session, token, self.world.chance(session))
        running = asyncio.ensure_future(line.run())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await line.up.wait()
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await self.world.api(there).end_session(token)
            except (ParlourClientError, TimeoutError):
                return
            self.world.history.session_ends.append(SessionEnd(session, now()))
            end = now() + 3
            while now() < end and not line.ended:
                room = self.chance.choice(self.world.rooms)
                node, began = line.place.node, now()
                with suppress(RefusedError, UnreachableError):
                    page = await line.request(ask.History(new_request_id(), room, limit=5))
                    read = Read(self.name, session, node, room, began, now(), page.events)
                    self.world.history.reads.append(read)
                await asyncio.sleep(0.2)
            await asyncio.sleep(max(0.0, end - 1.5 - now()))
            for ticket in tickets:  # issued before the session ended
                with suppress(ParlourClientError, TimeoutError):
                    async with asyncio.timeout(_CONNECT_SECONDS):
                        number = self.world.next_ticket()
                        await (
                            await self.world.handshake(there, Session(token), ticket, number, session)
                        ).close()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def _forget_a_message(self) -> tuple[RoomId, int]:
        """Choose a message to be deleted, first one with edits: they have to go as well."""
        edited = [message for message in self.edited if message in self.own]
        message = self.chance.choice(edited or self.own)
        self.own.remove(message)
        return message

    def _text(self) -> str:
        self.texts += 1
        return f"{self.name} says {self.texts:06d}"

    def _look(self, room: RoomId, call: Call) -> None:
        if call.outcome is Outcome.REFUSED and all(room not in line.first for line in self.lines):
            self.out.setdefault(room, now())

    async def _change(
        self,
        act: Act,
        frame: Any,
        room: RoomId,
        *,
        twice: bool = False,
        patient: bool = False,
        text: str = "",
        target: int = 0,
        whom: str = "",
    ) -> Call:
        """Send a request until it is answered, or for so long; record it."""
        began = now()
        nodes: list[str] = []
        seqs: list[int] = []
        outcome = Outcome.UNKNOWN
        doubt = False
        while now() - began < _CALL_SECONDS:
            lines = self.lines if twice else [self.chance.choice(self.lines)]
            used = [line for line in lines if line.up.is_set()]
            nodes += [line.place.node for line in used]
            answers = await asyncio.gather(*(line.request(frame) for line in used), return_exceptions=True)
            done = [one for one in answers if not isinstance(one, BaseException)]
            codes = [one.code for one in answers if isinstance(one, RefusedError)]
            doubt = doubt or any(isinstance(one, UnreachableError) for one in answers)
            if fault := next(
                (one for one in answers if not isinstance(one, ParlourClientError | None | frames.Result)),
                None,
            ):
                raise RuntimeError("the workload is wrong") from fault
            if done:
                outcome = Outcome.OK
                seqs += [one.seq for one in done if isinstance(one, frames.Stored)]
                break
            gives_up = bool(codes) and not patient and self.chance.random() < 0.3
            if gives_up or any(code not in _NOT_NOW for code in codes):
                outcome = Outcome.UNKNOWN if doubt else Outcome.REFUSED
                break
            await asyncio.sleep(_PAUSE)
        call = Call(
            request=frame.id,
            act=act,
            user=self.name,
            session=f"{self.name}-laptop",
            room=room,
            began=began,
            ended=now(),
            outcome=outcome,
            nodes=tuple(nodes),
            seqs=tuple(seqs),
            text=text,
            target=target,
            whom=whom,
        )
        self.world.history.calls.append(call)
        return call


async def begin(
    world: World, people: int, rooms: int, invite: Secret, habits: Habits
) -> tuple[list[Person], list[asyncio.Task[None]]]:
    """Make accounts and rooms; return the people (the first owns the rooms), and their connections."""
    tag = new_request_id()[:6].lower().replace("_", "x").replace("-", "x")
    made: list[Person] = []
    running: list[asyncio.Task[None]] = []
    for number in range(people):
        name = f"{'abcdefghijklmnopqrstuvwxyz'[number % 26]}{number}{tag}"
        api = world.api(world.places[number % len(world.places)])
        await api.make_account(NewAccount(invite, parse_user_name(name), Secret(PASSWORD)))
        login = await api.log_in(Login(name, Secret(PASSWORD), parse_device_name("laptop")))
        assert isinstance(login, SessionCreated)  # no one has a second factor
        person = Person(world, name, login.session, habits, is_owner=number == 0)
        made.append(person)
        running += [asyncio.ensure_future(line.run()) for line in person.lines]
    for number in range(rooms):
        frame = ask.CreateRoom(new_request_id(), parse_room_name(f"torture-{tag}-{number}"), RoomKind.PUBLIC)
        world.rooms.append((await made[0].asked(frame)).room.room)
    for person in made[1:]:
        for room in world.rooms:
            await person.join(room)
    return made, running
