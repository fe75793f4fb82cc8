"""One run: servers, people, what they do and what fails, as a seed decides. Then all is mended and compared.

Each seed takes a random subset of the faults, because some bugs show only where others don't get in the way.
"""

import random
import secrets
import zlib
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

from tests.server.chat.service.fakes import LAPTOP
from tests.server.core.store.world import log_in
from tests.simulation.bus import BusFaults, Network
from tests.simulation.client import Client, membership_change
from tests.simulation.loop import Scheduler
from tests.simulation.node import Node, VirtualClock
from tests.simulation.store import ChatDatabase, StoreFaults

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Joined, Message
from parlour_protocol.frames.replies import AnyServerFrame, LogEvent, Stored
from parlour_protocol.frames.wire import decode_server_frame
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import Millis, RequestId, SessionId
from parlour_protocol.kit.names import UserName, parse_user_name, skeleton
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.store.types import AppendEvent, NewRoom
from parlour_server.core.output import captured
from parlour_server.core.store.records import NewAccountRecord, SessionRecord

PROGRESS_SECONDS: Final = 6.0
"""Once everything works again, all views must be complete within this time."""
SESSION_SECONDS: Final = 1.0
"""A session's connections end within this time after the session, with the bus dead, too."""
_MOVES: Final = (*["join"] * 4, "leave", "kick", "kick", "ban", "unban", "invite")
_PEOPLE: Final = ("ada", "bob", "cora", "dan", "eve")


@dataclass
class Plan:
    """What fails in a run, and how much happens."""

    seconds: float
    nodes: int
    actions: int
    bus: BusFaults = field(default_factory=BusFaults)
    store: StoreFaults = field(default_factory=StoreFaults)
    bus_disconnects: bool = False
    stops: bool = False
    kills: bool = False
    slow_readers: bool = False
    sessions_end: bool = False
    outages: bool = False

    @classmethod
    def of(cls, chance: random.Random) -> "Plan":
        """Choose."""

        def sometimes(probability: float = 0.4) -> bool:
            return chance.random() < probability

        plan = cls(chance.uniform(1.0, 4.0), chance.randint(1, 3), chance.randint(20, 80))
        if sometimes(0.6):
            plan.bus.drop = chance.choice((0.05, 0.3, 1.0))
        if sometimes():
            plan.bus.repeat = 0.2
        plan.bus.delay = chance.choice((0.0005, 0.01, 0.3))
        plan.store.delay = chance.choice((0.0005, 0.005, 0.1, 0.4))
        if sometimes(0.3):
            plan.store.read_fails = chance.choice((0.05, 0.5))
        if sometimes(0.3):
            plan.store.write_fails = chance.choice((0.05, 0.3))
        plan.store.outcome_unknown = plan.nodes > 1
        plan.bus_disconnects = sometimes()
        plan.stops = sometimes(0.3)
        plan.kills = sometimes(0.3)
        plan.slow_readers = sometimes(0.3)
        plan.sessions_end = sometimes()
        return plan


class World:
    """A database, servers on it, and people."""

    def __init__(self, seed: int, *, tracing: bool = False) -> None:
        self.scheduler = Scheduler(seed)
        self._chance = self.scheduler.random
        self.plan = Plan.of(self._chance)
        self.description = f"{self.plan}"
        self.network = Network(self.scheduler, self.plan.bus)
        self.store_faults = self.plan.store
        self.violations: list[str] = []
        self.lines: list[str] | None = [] if tracing else None
        self.digest = 0
        """A checksum of everything that clients were sent, and when."""
        self.frames = 0
        self.nodes: list[Node] = []
        self.clients: list[Client] = []
        self._clock = VirtualClock(self.scheduler)
        self.database = ChatDatabase(self._clock, self.session_ended, is_shared=self.plan.nodes > 1)
        self._requests = 0
        self._texts: dict[RequestId, str] = {}
        self._stored: dict[RequestId, Stored] = {}
        self._refused: set[RequestId] = set()
        self._decoded: dict[bytes, AnyServerFrame] = {}
        self._memberships: dict[tuple[RoomId, UserName], float] = {}
        """The event that ended a membership; infinite as long as it lasts."""
        self._folded: Counter[RoomId] = Counter()
        self._names = 0

    def random_id(self, size: int = 16) -> str:
        """Return an id from the seed."""
        del size
        return f"{self._chance.getrandbits(64):022d}"

    def run(self) -> None:
        """Run the plan, then mend everything, and compare."""
        with ExitStack() as stack:
            stack.enter_context(patch.object(secrets, "token_urlsafe", self.random_id))
            stack.enter_context(patch.object(random, "uniform", self._chance.uniform))
            log = stack.enter_context(captured())
            self._set_up()
            for _ in range(self.plan.actions):
                self.scheduler.after(0.1, self.plan.seconds, self._act)
            self.scheduler.run_until(self.plan.seconds)
            self._heal()
            self.scheduler.run_until(self.plan.seconds + 0.5 + PROGRESS_SECONDS)
            self._compare()
            self.violations += [*self.scheduler.faults]
            self.violations += [f"a fault: {event}" for event in log if is_unforeseen(event)]
            self.scheduler.close()

    # what clients ask

    @property
    def running_nodes(self) -> list[Node]:
        """The servers that accept connections."""
        return [node for node in self.nodes if node.running]

    def new_request(self) -> RequestId:
        """Return an id that is not used."""
        self._requests += 1
        return RequestId(f"request-{self._requests:014d}")

    def frame(self, payload: bytes) -> AnyServerFrame:
        """Decode a frame."""
        found = self._decoded.get(payload)
        if found is None:
            found = self._decoded[payload] = decode_server_frame(payload)
        return found

    def trace(self, who: str, frame: Frame) -> None:
        """Record what a client was sent."""
        self.frames += 1
        line = f"{self.scheduler.now:.6f} {who} {frame}"
        self.digest = zlib.crc32(line.encode(), self.digest)
        if self.lines is not None:
            self.lines.append(line)

    def note(self, text: str) -> None:
        """Record what the run did."""
        if self.lines is not None:
            self.lines.append(f"{self.scheduler.now:.6f} * {text}")

    def violation(self, text: str) -> None:
        """Record that something is not as it must be."""
        if len(self.violations) < 20:
            self.violations.append(f"at {self.scheduler.now:.3f} s {text}")
        self.note(f"VIOLATION: {text}")

    def head(self, room: RoomId) -> int:
        """Return the number of a room's newest event."""
        return self.database.head(room)

    def logged(self, room: RoomId, seq: int) -> LogEvent | None:
        """Return an event of the log."""
        events = self.database.events(room)
        return events[seq - 1] if 1 <= seq <= len(events) else None

    def may_see(self, user: UserName, room: RoomId, seq: int) -> bool:
        """Return whether someone's membership had not ended before this event."""
        events = self.database.events(room)
        for event in events[self._folded[room] :]:
            change = membership_change(event)
            if change is not None:
                who, begins = change
                self._memberships[room, who] = float("inf") if begins else event.seq
        self._folded[room] = len(events)
        until = self._memberships.get((room, user), 0.0)
        if seq <= until:
            return True
        return self.database.kind(room) is RoomKind.DIRECT and user in self.database.members(room)

    def stored(self, request: RequestId, where: Stored) -> None:
        """Record an answer."""
        if request in self._texts:
            self._stored[request] = where

    def refused(self, request: RequestId, code: str) -> None:
        """Record a refusal: what is refused is never in the log."""
        if code != ErrorCode.UNAVAILABLE:
            self._refused.add(request)

    # what happens

    def _set_up(self) -> None:
        self.nodes = [Node(self, f"node{number}") for number in range(self.plan.nodes)]
        store, people = self.database.store, [parse_user_name(name) for name in _PEOPLE]
        for user in people:
            account = NewAccountRecord(user, skeleton(user), "x", Millis(0))
            store.at_once(store.accounts.create(account, None))
        for number, kind in enumerate((RoomKind.PUBLIC, RoomKind.PRIVATE)):
            new = NewRoom(
                room=RoomId(f"room-{number:017d}"),
                kind=kind,
                author=people[0],
                session=None,
                device=LAPTOP,
                request=self.new_request(),
                at=self._clock.now(),
                name=parse_room_name(f"room{number}"),
            )
            store.at_once(store.rooms.create(new))
            for user in people[1:3]:
                event = AppendEvent(
                    new.room, user, LAPTOP, self.new_request(), self._clock.now(), Joined(), None
                )
                store.commit(event)
        for number in range(self._chance.randint(4, 7)):
            user = people[number % 4]
            record = SessionRecord(
                id=SessionId(f"session-{number:014d}"),
                user=user,
                device=LAPTOP,
                token=number.to_bytes(32, "big"),
                created=Millis(0),
                last_seen=Millis(0),
                expires=Millis(self._clock.now() + 10**9),
            )
            store.at_once(log_in(store, record, cap=99))
            client = Client(self, f"{user}{number}", user, record)
            self.clients.append(client)
            self._retry(client)

    def _retry(self, client: Client) -> None:
        """Keep a client connected."""
        client.connect()
        self.scheduler.after(0.02, 0.5, self._retry, client)

    def _act(self) -> None:
        chance, plan = self._chance, self.plan
        actions: list[tuple[float, Callable[[], None]]] = [
            (18.0, self._say),
            (6.0, self._move),
            (7.0, self._move_while_connecting),
            (2.0, self._make),
            (3.0, self._disconnect),
        ]
        if plan.slow_readers:
            actions.append((2.0, self._read_slowly))
        if plan.sessions_end:
            actions.append((2.0, self._end_session))
        if plan.bus_disconnects:
            actions.append((2.0, self._disconnect_bus))
        if plan.stops:
            actions.append((2.0, self._stop_node))
        if plan.kills:
            actions.append((1.0, self._kill_node))
        chance.choices([act for _, act in actions], [weight for weight, _ in actions])[0]()

    def _someone(self) -> Client:
        return self._chance.choice(self.clients)

    def _room(self) -> RoomId:
        return self._chance.choice(self.database.rooms())

    def _say(self) -> None:
        client = self._someone()
        rooms = list(client.views) or [self._room()]
        room = self._chance.choice(rooms)
        for _ in range(self._chance.choice((1, 1, 1, 2, 8))):
            text = f"text {self._requests}"
            request = client.ask("send", room=room, text=text)
            if request is not None:
                self._texts[request] = text
                self.note(f"{client.name} says {text} in {room}")

    def _move(self) -> None:
        client, room = self._someone(), self._room()
        whom = self._chance.choice(_PEOPLE)
        tag = self._chance.choice(_MOVES)
        fields: dict[str, Any] = {} if tag in {"join", "leave"} else {"user": whom}
        if tag in {"kick", "ban", "unban", "invite"} and self._chance.random() < 0.7:
            client = next((one for one in self.clients if one.user == _PEOPLE[0]), client)
        if client.ask(tag, room=room, **fields) is not None:
            self.note(f"{client.name} asks to {tag} {fields} {room}")

    def _move_while_connecting(self) -> None:
        """Have someone join or be kicked, on another device or by an owner, around the time of a greeting."""
        whom = self._someone()
        whom.disconnect()
        room = self._room()
        tag = "kick" if whom.user in self.database.members(room) and self._chance.random() < 0.5 else "join"
        owners = [one for one in self.clients if tag == "kick" and one.user == _PEOPLE[0]]
        others = owners or [one for one in self.clients if one.user == whom.user and one is not whom]
        fields = {"user": whom.user} if tag == "kick" else {}

        def move() -> None:
            if others and self._chance.choice(others).ask(tag, room=room, **fields) is not None:
                self.note(f"{whom.name}, who connects, has to {tag} {room}")

        self.scheduler.after(0.0, 0.4, move)

    def _make(self) -> None:
        self._names += 1
        if self._chance.random() < 0.5:
            self._someone().ask("create_room", name=f"new{self._names}", kind="public")
        else:
            self._someone().ask("open_direct", user=self._chance.choice(_PEOPLE))

    def _disconnect(self) -> None:
        self._someone().disconnect()

    def _read_slowly(self) -> None:
        link = self._someone().link
        if link is not None:
            link.reads = False
            self.scheduler.after(0.05, 2.0, link.drain)

    def _end_session(self) -> None:
        client, nodes = self._someone(), self.running_nodes
        if not nodes or client is self.clients[0]:
            return
        node = self._chance.choice(nodes)
        self.note(f"the session of {client.name} ends")
        self.scheduler.at(
            self.scheduler.now, node.loop, lambda: node.loop.create_task(node.end_session(client.session))
        )

    def session_ended(self, session: SessionId) -> None:
        """Look whether its connections close in time."""
        if self.plan.stops or self.plan.store.read_fails or self.plan.store.delay > 0.01:
            return  # no server can do better than its database

        def look() -> None:
            for client in self.clients:
                if client.session.id == session and client.link is not None and not client.link.ended:
                    self.violation(f"{client.name} is still connected a second after its session ended")

        self.scheduler.at(self.scheduler.now + SESSION_SECONDS, None, look)

    def _disconnect_bus(self) -> None:
        if nodes := self.running_nodes:
            node = self._chance.choice(nodes)
            self.note(f"{node.name} loses the bus")
            node.bus.disconnect()
            self.scheduler.after(0.05, 1.5, node.bus.connect)

    def _stop_node(self) -> None:
        if nodes := self.running_nodes:
            node = self._chance.choice(nodes)
            node.loop.stopped_until = self.scheduler.now + self._chance.uniform(0.05, 1.5)
            self.note(f"{node.name} is stopped until {node.loop.stopped_until:.3f}")

    def _kill_node(self) -> None:
        nodes = self.running_nodes
        if not nodes:
            return
        node = self._chance.choice(nodes)
        self.note(f"{node.name} is killed")
        node.kill()
        self.nodes.remove(node)
        for client in self.clients:
            if client.link is not None and client.link.node is node:
                client.disconnect()
        self.scheduler.after(0.05, 0.5, self._start_node, node.name)

    def _start_node(self, name: str) -> None:
        self.nodes.append(Node(self, name))

    # in the end

    def _heal(self) -> None:
        self.note("everything is mended")
        plan = self.plan
        plan.bus.drop = plan.bus.repeat = 0.0
        plan.store.read_fails = plan.store.write_fails = 0.0
        plan.bus.delay, plan.store.delay = 0.0005, 0.002
        for node in self.nodes:
            node.bus.connect()
            node.loop.stopped_until = 0.0
        for client in self.clients:
            if client.link is not None:
                client.link.drain()

    def _compare(self) -> None:
        for client in self.clients:
            if self._is_live(client):
                self._compare_client(client)
            elif client.link is not None:
                self.violation(f"{client.name} is connected without a session")
        counts = Counter(
            event.body.text
            for room in self.database.rooms()
            for event in self.database.events(room)
            if isinstance(event.body, Message)
        )
        for request, text in self._texts.items():
            count = counts[text]  # type: ignore[index] - texts are strings
            if request in self._stored:
                where = self._stored[request]
                event = self.logged(where.room, where.seq)
                if count != 1 or event is None or getattr(event.body, "text", None) != text:
                    self.violation(f"{text} was acknowledged and is {count} times in the log")
            elif count > (0 if request in self._refused else 1):
                self.violation(f"{text} is {count} times in the log")

    def _is_live(self, client: Client) -> bool:
        return self.database.is_live(client.session.id)

    def _compare_client(self, client: Client) -> None:
        if client.link is None or not client.greeted:
            self.violation(f"{client.name} is not connected")
            return
        if client.unanswered:
            self.violation(f"{client.name}: {sorted(client.unanswered)} were not answered")
        rooms = {room for room in self.database.rooms() if client.user in self.database.members(room)}
        for room in sorted(rooms - client.views.keys()):
            self.violation(f"{client.name} was not told that it is in {room}")
        for room in sorted(client.views.keys() - rooms):
            self.violation(f"{client.name} was not told that it left {room}")
        for room, view in client.views.items():
            if view.last != self.head(room):
                self.violation(f"{client.name} has {room} up to {view.last} of {self.head(room)}")


def is_unforeseen(event: dict[str, object]) -> bool:
    """Return whether an event of the log is an error that no server should have, whatever fails around it."""
    return event["event"] == "fault" and event["kind"] != "UnavailableError"


def run(seed: int, *, tracing: bool = False) -> World:
    """Run a seed."""
    world = World(seed, tracing=tracing)
    world.run()
    return world
