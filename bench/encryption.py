"""Encryption in whole clients on a real server: sending, a room of 200 devices, a backlog in 50 rooms.

An open room does the same beside an encrypted one in the same run. That messages arrive where they should is
what it waits for, and that a kicked device cannot read is tried with a copy of its keys.
"""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.client.core.client_parts import parts

from bench.homes import Member, made_homes, make_room, name_of
from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.client import Client, CurrentProfile
from parlour_client.core.sync.catch_up import fetch
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.trust import Verifier
from parlour_protocol.delivery import Commit, EventStored
from parlour_protocol.frames.bodies import EncryptedMessage
from parlour_protocol.frames.requests import History
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_protocol.kit.secret import Secret

_KINDS = ("open", "encrypted")
_GAP = 0.15
"""Seconds between two messages, so that none waits for another."""

Rows = list[list[str]]


class Stamped(DeliveryClient):
    """Notes when the server had taken the last commit: from then on its Welcomes can be fetched."""

    accepted = 0

    async def commit(self, room: RoomId, body: Commit) -> EventStored:
        """Pass on."""
        logged = await super().commit(room, body)
        self.accepted = time.monotonic_ns()
        return logged


# --- sending


@dataclass
class Shown:
    """Milliseconds from `send` until each of the others was shown each message, and of CPU a message."""

    waits: list[float] = field(default_factory=list)
    sender: list[float] = field(default_factory=list)
    reader: list[float] = field(default_factory=list)


async def _send_to_shown(members: int, messages: int, watching: int) -> dict[str, Shown]:
    """Send by turns into an open and an encrypted room, with ``watching`` others online."""
    async with made_homes(members) as there:
        homes = [await there.home(number) for number in range(members)]
        async with there.client(homes[0]) as owner, there.members(homes[1 : watching + 1]) as others:
            rooms = [
                await make_room(
                    there.data, owner, f"room-{kind}", range(1, members), encrypted=kind == "encrypted"
                )
                for kind in _KINDS
            ]
            await _inside(others, rooms[1:])
            taken = {kind: Shown() for kind in _KINDS}
            for number in range(-5, messages):  # the first ones warm everything up
                for kind, room in zip(_KINDS, rooms, strict=True):
                    mine, theirs = time.process_time(), await others[0].ask("cpu")
                    shown = await _shown(owner, others, room, f"{kind} {number} {'x' * 100}")
                    await asyncio.sleep(_GAP)  # what is written after it was shown counts as well
                    if number >= 0:
                        taken[kind].waits += shown
                        taken[kind].sender.append((time.process_time() - mine) * 1e3)
                        taken[kind].reader.append((await others[0].ask("cpu") - theirs) * 1e3)
            return taken


async def _shown(owner: Client, others: Sequence[Member], room: RoomId, text: str) -> list[float]:
    began = time.monotonic_ns()
    await owner.messages.send(room, text)
    seen = await asyncio.gather(*(member.ask("until_seen", text=text) for member in others))
    return [(at - began) / 1e6 for at in seen]


async def _inside(others: Sequence[Member], rooms: Sequence[RoomId]) -> None:
    for member in others:
        await member.ask("until_inside", rooms=list(rooms))


def sending(messages: int = 100, members: int = 10) -> Rows:
    """From `send` until the message stands in the others' timelines, beside an open room."""
    table = []
    for watching in (1, members - 1):
        taken = asyncio.run(_send_to_shown(members, messages, watching))
        flat = {kind: sorted(taken[kind].waits) for kind in _KINDS}
        middle = {kind: statistics.median(flat[kind]) for kind in _KINDS}
        late = {kind: flat[kind][int(len(flat[kind]) * 0.95)] for kind in _KINDS}
        cpu = "; ".join(
            f"{kind}: CPU of the sender {statistics.median(taken[kind].sender):.1f} ms a message, "
            f"of a reader {statistics.median(taken[kind].reader):.1f}"
            for kind in _KINDS
        )
        table.append(
            [
                f"send to shown, room of {members}, {watching} of the others online",
                f"p50 {middle['encrypted']:.1f} ms, p95 {late['encrypted']:.1f} ms",
                f"open: p50 {middle['open']:.1f} ms, p95 {late['open']:.1f} ms",
                f"{middle['encrypted'] - middle['open']:+.1f} ms",
                "<= +5 ms",
                f"{messages} messages each, by turns; {cpu}",
            ]
        )
    return table


# --- a big room


async def _big_room(devices: int, rounds: int) -> tuple[list[float], list[float], float]:
    """Let one device in and kick it again, ``rounds`` times; returns seconds, and those of letting all in."""
    async with made_homes(devices) as there:
        homes = [await there.home(number) for number in range(devices)]
        stamps: list[Stamped] = []

        def stamped(current: CurrentProfile) -> Stamped:
            api = Api(Verifier(current().address, current().trust), keep=True)
            stamps.append(Stamped(api, lambda: current().session or Secret("")))
            return stamps[0]

        async with there.client(homes[0], stamped) as owner, there.members(homes[-1:]) as (last,):
            began = time.monotonic()
            room = await make_room(there.data, owner, "big", range(1, devices - 1), encrypted=True)
            filled = time.monotonic() - began
            joins, kicks = [], []
            for number in range(rounds):
                await owner.invitations.send(room, name_of(devices - 1))
                await last.ask("accept", room=room)
                await owner.messages.send(room, f"welcome {number}")
                read = await last.ask("until_seen", text=f"welcome {number}")
                joins.append((read - stamps[0].accepted) / 1e9)
                await asyncio.sleep(3)  # the newcomer's own renewal
                await last.ask("keep", room=room)
                kicks.append(await _kick(owner, last, room, devices - 1))
            return joins, kicks, filled


async def _kick(owner: Client, member: Member, room: RoomId, number: int) -> float:
    """Return the seconds until a message is stored that the kicked device cannot open."""
    began = time.monotonic()
    await owner.rooms.kick(room, name_of(number))
    entry = await owner.messages.send(room, "without you")
    assert entry.request is not None  # noqa: S101 - it is ours
    seq = await owner.messages.stored(entry.request)
    taken = time.monotonic() - began
    conversation = parts(owner).connection.conversation  # for what the server keeps, unopened
    assert conversation is not None  # noqa: S101
    ask = History(id=new_request_id(), room=room, after=Seq(seq - 1), limit=1)
    (event,) = await fetch(conversation, ask)
    assert isinstance(event.body, EncryptedMessage)  # noqa: S101 - the room is encrypted
    if await member.ask("opens", data=bytes(event.body.data).hex()):
        raise SystemExit("the kicked device opened a message that was sent after the kick")
    return taken


def big_room(devices: int = 200, rounds: int = 5) -> Rows:
    """Measure a room of ``devices`` that were all added by one: its tree is as bare as possible."""
    joins, kicks, filled = asyncio.run(_big_room(devices, rounds))
    also = f"{rounds} times; letting in the first {devices - 2} took {filled:.1f} s"
    return [
        [f"join a room of {devices}: Welcome to first message", _spread(joins, "s"), "", "", "<= 1 s", also],
        [f"kick from a room of {devices}, in force", _spread(kicks, "s"), "", "", "<= 2 s", ""],
    ]


def _spread(values: Sequence[float], unit: str, digits: int = 2) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f}..{high:.{digits}f})"


# --- a backlog


async def _backlog(
    rooms: int, each: int, members: int, rounds: int
) -> dict[str, list[tuple[float, float, float]]]:
    """Receive ``each`` messages in each of ``rooms`` rooms, after having been away.

    Returns messages for a second since the start, for a second since the connection was up, and for a second
    of CPU of the whole process since its start.
    """
    async with made_homes(members) as there:
        homes = [await there.home(number) for number in range(members)]
        found: dict[str, list[tuple[float, float, float]]] = {kind: [] for kind in _KINDS}
        async with there.client(homes[0]) as owner:
            places: dict[str, list[RoomId]] = {}
            async with there.members(homes[1:2]) as (reader,):
                for kind in _KINDS:
                    places[kind] = [
                        await make_room(
                            there.data, owner, f"{kind}-{n}", range(1, members), encrypted=kind != "open"
                        )
                        for n in range(rooms)
                    ]
                await reader.ask("until_inside", rooms=list(places["encrypted"]))
                await reader.ask("stop")
            total = 0
            for number in range(rounds):
                for kind in _KINDS:
                    for room in places[kind]:
                        await _fill(owner, room, each, f"{number} of {kind}")
                    total += rooms * each
                    found[kind].append(await _receive(homes[1], rooms * each, total))
        return found


async def _fill(owner: Client, room: RoomId, each: int, what: str) -> None:
    texts = [f"{n} {what}: {'words of an evening ' * 4}" for n in range(each)]
    for entry in await owner.messages.send_many(room, texts):
        assert entry.request is not None  # noqa: S101 - it is ours
        await owner.messages.stored(entry.request)


async def _receive(home: ChatHome, new: int, total: int) -> tuple[float, float, float]:
    reader = Member(home)
    try:
        taken = await reader.ask("start")
        if (count := await reader.ask("count")) != total:
            raise SystemExit(f"{count} messages can be read, {total} were sent")
        await reader.ask("stop")
    finally:
        reader.end()
    return new / taken["wall"], new / taken["caught_up"], new / taken["cpu"]


def backlog(rooms: int = 50, each: int = 200, members: int = 10, rounds: int = 3) -> Rows:
    """Open an archive with ``rooms`` rooms and receive the messages sent meanwhile."""
    found = asyncio.run(_backlog(rooms, each, members, rounds))
    table = []
    for kind in _KINDS:
        wall, online, cpu = zip(*found[kind], strict=True)
        table.append(
            [
                f"{rooms} {kind} rooms of {members}, a backlog of {rooms * each:,}",
                _spread(wall, "/s since the start", 0),
                "",
                "",
                ">= 2,000 /s" if kind == "encrypted" else "",
                f"{_spread(online, '/s since the connection', 0)}; {_spread(cpu, '/CPU-s', 0)}",
            ]
        )
    return table
