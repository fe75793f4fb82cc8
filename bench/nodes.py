"""What servers cost that share a database and a bus: from one node to a member at another, and when one dies.

Everything is a process of its own on this machine: PostgreSQL, NATS and three nodes.
"""

import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
from tools.cluster.cluster import Cluster
from tools.cluster.nats import Nats

from parlour_client.kit.clock import SystemClock
from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.transport.conversation import Conversation
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.session import Session
from parlour_client.kit.transport.trust import CaFile, Verifier
from parlour_client.kit.transport.websocket import open_socket
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.requests import Send
from parlour_protocol.frames.wire import WIRE
from parlour_protocol.ids import RoomId, new_room_id
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.api import Login, NewAccount, SessionCreated
from parlour_protocol.kit.ids import Millis, Seq, new_request_id
from parlour_protocol.kit.invite_link import ServerAddress
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_server.capabilities.nats.address import NatsAddress
from parlour_server.capabilities.nats.bus import NatsBus
from parlour_server.chat.service.notices import NOTICES, EventCommitted
from parlour_server.core.clock import SystemClock as ServerClock

MESSAGES: Final = 600
RATE: Final = 40
FAILURES: Final = 5
NOTICES_SENT: Final = 20_000
_PASSWORD: Final = Secret("tigress-violin-marble")
_SETTINGS: Final = {"PARLOUR_RATES_MESSAGES_PER_MINUTE": "100000", "PARLOUR_RATES_MESSAGE_BURST": "10000"}


@dataclass
class Person:
    """Someone with one connection, at the node that is named."""

    place: int
    token: Secret
    seen: dict[str, float] = field(default_factory=dict)
    up: asyncio.Event = field(default_factory=asyncio.Event)
    room: RoomId = field(default=RoomId(""))
    conversation: Conversation[Any, Any, Any, Any] | None = None

    async def stay(self, verifiers: Sequence[Verifier], but: int = -1) -> None:
        """Stay connected: at another of the nodes, ``but`` one, whenever one is gone."""
        while True:
            verifier = verifiers[self.place]
            try:
                socket = await open_socket(WIRE, verifier, Session(self.token))
            except (ParlourClientError, OSError):
                self.place = (self.place + 1) % len(verifiers)
                self.place = (self.place + 1) % len(verifiers) if self.place == but else self.place
                await asyncio.sleep(0.05)
                continue
            conversation = self.conversation = Conversation(socket, WIRE, SystemClock())
            try:
                hello = await conversation.hello()
                self.room = hello.rooms[0].room
                self.up.set()
                await conversation.listen(self._push)
            except ParlourClientError:
                self.up.clear()
                await socket.close()

    async def send(self, text: str) -> None:
        """Send to the lobby; returns when it is acknowledged."""
        if self.conversation is not None:
            await self.conversation.request(Send(new_request_id(), self.room, MessageText(text)))

    async def _push(self, push: Any) -> None:
        if isinstance(push, LogEvent) and isinstance(push.body, Message):
            self.seen[str(push.body.text)] = time.perf_counter()


def rows() -> list[list[str]]:
    """Measure."""
    return asyncio.run(_rows())


async def _rows() -> list[list[str]]:
    folder = Path(tempfile.mkdtemp(prefix="nodes"))
    try:
        notices = await _notices(folder)
        async with Cluster(folder, settings=_SETTINGS, own_front=True) as cluster:
            verifiers = [
                Verifier(ServerAddress("127.0.0.1", node.port), CaFile.read(cluster.certificate))
                for node in cluster.nodes
            ]
            link = await cluster.invite(3)
            people = [await _join(verifiers, n, link) for n in range(2)]
            tasks = [
                asyncio.create_task(people[0].stay(verifiers)),
                asyncio.create_task(people[1].stay(verifiers, but=0)),
            ]
            try:
                await asyncio.gather(*(person.up.wait() for person in people))
                return [await _across(people), await _failover(cluster, people), notices]
            finally:
                for task in tasks:
                    task.cancel()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _join(verifiers: Sequence[Verifier], place: int, link: str) -> Person:
    """Create an account at one node, and log in there."""
    name, api = f"person{place}", Api(verifiers[place])
    code = ChatInviteLink.parse(link).link.code
    if code is None:
        raise ValueError("the link invites no one")
    await api.make_account(NewAccount(code, parse_user_name(name), _PASSWORD))
    session = await api.log_in(Login(name, _PASSWORD, parse_device_name("bench")))
    await api.close()
    if not isinstance(session, SessionCreated):
        raise TypeError("no one has a second factor here")
    return Person(place, session.session)


async def _across(people: Sequence[Person]) -> list[str]:
    """Measure from sending until the sender's own node has delivered, and until another has."""
    sender, other = people
    sent: dict[str, float] = {}
    waiting: list[asyncio.Task[None]] = []
    for number in range(MESSAGES):
        text = f"across {number}"
        sent[text] = time.perf_counter()
        waiting.append(asyncio.create_task(sender.send(text)))
        await asyncio.sleep(1 / RATE)
    await asyncio.gather(*waiting)
    async with asyncio.timeout(10):
        while not sent.keys() <= other.seen.keys():  # noqa: ASYNC110 - a measurement, not a program
            await asyncio.sleep(0.01)
    here, there = (sorted(one.seen[text] - at for text, at in sent.items()) for one in (sender, other))
    middle, late = statistics.median(there) * 1000, there[len(there) * 99 // 100] * 1000
    return [
        f"a message at another node, {RATE}/s",
        f"p50 {middle:.1f} ms, p99 {late:.1f} ms",
        f"p50 {statistics.median(here) * 1000:.1f} ms, at the sender's node",
        "",
        "p50 <= 5 ms, p99 <= 20 ms",
        "lost 0",
    ]


async def _failover(cluster: Cluster, people: Sequence[Person]) -> list[str]:
    """Measure from the kill of a node until its client has a message again."""
    sender, victim = people[0], people[1]
    taken, sent = [], []
    for number in range(FAILURES):
        await victim.up.wait()
        node = cluster.nodes[victim.place]
        victim.up.clear()
        await node.process.kill()
        began = time.perf_counter()
        text = ""
        async with asyncio.timeout(30):
            while text not in victim.seen:
                text = f"failover {number} {len(sent)}"
                sent.append(text)
                await sender.send(text)
                await asyncio.sleep(0.02)
        taken.append(time.perf_counter() - began)
        await node.start()
    return [
        f"a node is killed, {FAILURES} times",
        f"its client hears again within {max(taken):.2f} s (median {statistics.median(taken):.2f})",
        "",
        "",
        "<= 3 s",
        "",
    ]


async def _notices(folder: Path) -> list[str]:
    """Send messages' notifications over NATS from one bus to another; both are in this process."""
    nats = Nats(folder)
    await nats.start()
    buses = [
        NatsBus(NatsAddress.parse(nats.url()), NOTICES, prefix="bench", clock=ServerClock()) for _ in range(2)
    ]
    for bus in buses:
        await bus.open()
    here, there = buses
    room, received = new_room_id(), 0

    def count(_: object) -> None:
        nonlocal received
        received += 1

    there.subscribe(count)
    events = [
        LogEvent(
            room=room,
            seq=Seq(number),
            at=Millis(0),
            author=parse_user_name("bench"),
            device=parse_device_name("bench"),
            body=Message(MessageText("x" * 100)),
        )
        for number in range(1, NOTICES_SENT + 1)
    ]
    sending = await _sent(here, events)
    there.listen(f"room.{room}")
    await asyncio.sleep(1)  # until NATS knows
    process = psutil.Process(nats.process.pid)
    before = process.cpu_times()
    both = await _sent(here, events)
    async with asyncio.timeout(30):
        while received < len(events):  # noqa: ASYNC110 - a measurement, not a program
            await asyncio.sleep(0.01)
    after = process.cpu_times()
    for bus in buses:
        await bus.close()
    await nats.process.kill()
    passed_on = (after.user + after.system - before.user - before.system) / len(events) * 1e6
    figures = f"{sending:.1f} us to send, {both - sending:.1f} us to receive, {passed_on:.1f} us in NATS"
    return ["a message's notification to one other server, CPU", figures, "", "", "", ""]


async def _sent(bus: NatsBus, events: Sequence[LogEvent]) -> float:
    """Return the microseconds of CPU that each takes in this process."""
    used = time.process_time()
    for start in range(0, len(events), 100):
        for event in events[start : start + 100]:
            bus.publish_elsewhere(EventCommitted(event))
        await asyncio.sleep(0.01)
    return (time.process_time() - used) / len(events) * 1e6
