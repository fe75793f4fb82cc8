"""Fill a store with people who are logged in and in rooms, and get their tickets over HTTPS.

Accounts and sessions are written through the store's own interface before the server starts: hashing two
thousand passwords would take minutes and is not what is measured. Tickets come from the running server.
"""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from parlour_protocol.frames.bodies import Joined
from parlour_protocol.ids import RoomId, new_room_id
from parlour_protocol.kit.ids import Millis, new_request_id, new_session_id
from parlour_protocol.kit.names import UserName, parse_device_name, parse_user_name, skeleton
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.app.program_store import ProgramStore
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.types import AppendEvent, NewRoom, RoomFacts
from parlour_server.core.accounts.tables.authority import ByLogin
from parlour_server.core.clock import SystemClock
from parlour_server.core.kit_store import KitStore
from parlour_server.core.program_name import ProgramName
from parlour_server.core.store.engine.connection import Engine
from parlour_server.core.store.records import NewAccountRecord, SessionRecord

DAY_MS = 86_400_000
DEVICE = parse_device_name("bench")


@dataclass(frozen=True)
class Filled:
    """Session tokens in the order of the people, and the room of each."""

    sessions: Sequence[Secret]
    rooms: Sequence[str]
    room_size: int


def allow(_event: AppendEvent, _facts: RoomFacts) -> None:
    """Decide nothing: the store is filled by the operator."""


async def account(
    store: KitStore, now: Millis, number: int, key: bytes | None = None
) -> tuple[UserName, Secret]:
    """Make one account with a session, which is bound to ``key``, and return both."""
    user = parse_user_name(f"bench{number}")
    await store.accounts.create(NewAccountRecord(user, skeleton(user), "-", now), None)
    token, expires = Secret.random(), Millis(now + DAY_MS)
    record = SessionRecord(new_session_id(), user, DEVICE, token.digest(), now, now, expires, public_key=key)
    await store.sessions.create(ByLogin(user, "-"), record, cap=1)
    return user, token


async def accounts(data: Path, people: int, key: bytes | None = None) -> Sequence[Secret]:
    """Make ``people`` accounts with a session each, in no room; the last one's is bound to ``key``."""
    clock = SystemClock()
    store = CHAT.make_store(data / "parlour.db", clock)
    await store.open()
    try:
        last = people - 1
        return [
            (await account(store, clock.now(), number, key if number == last else None))[1]
            for number in range(people)
        ]
    finally:
        await store.close()


async def fill_chat(data: Path, people: int, room_size: int, engine: Engine | None = None) -> Filled:
    """Make ``people`` accounts of the chat with a session each, in rooms of ``room_size``."""
    clock = SystemClock()
    store = CHAT.make_store(engine or data / "parlour.db", clock)
    await store.open()
    sessions: list[Secret] = []
    rooms: list[RoomId] = []
    try:
        for number in range(people):
            now = clock.now()
            user, token = await account(store, now, number)
            sessions.append(token)
            if number % room_size == 0:
                name = parse_room_name(f"bench-{number}")
                made = NewRoom(
                    new_room_id(),
                    RoomKind.PUBLIC,
                    user,
                    None,
                    DEVICE,
                    new_request_id(),
                    now,
                    name,
                )
                rooms.append((await store.rooms.create(made))[0])
            else:
                rooms.append(rooms[-1])
                joined = AppendEvent(rooms[-1], user, DEVICE, new_request_id(), now, Joined(), None)
                await store.log.append(joined, allow)
    finally:
        await store.close()
    return Filled(sessions, rooms, room_size)


def filler_of(word: str) -> Callable[[Path, int, int], Coroutine[Any, Any, Filled]]:
    """Return the same for a program of the kit, whose rooms are numbers that no one has to make."""

    async def fill(data: Path, people: int, room_size: int) -> Filled:
        clock = SystemClock()
        store = ProgramStore(data / f"{word}.db", ProgramName(word, word, word), clock)
        await store.open()
        try:
            sessions = [(await account(store, clock.now(), number))[1] for number in range(people)]
        finally:
            await store.close()
        return Filled(sessions, [str(number // room_size) for number in range(people)], room_size)

    return fill


async def put_in(data: Path, room: RoomId, users: Mapping[UserName, Joined]) -> None:
    """Make people members of a room, as another process beside the server that runs."""
    clock = SystemClock()
    store = CHAT.make_store(data / "parlour.db", clock)
    await store.open()
    try:
        for user, joined in users.items():
            event = AppendEvent(room, user, DEVICE, new_request_id(), clock.now(), joined, None)
            await store.log.append(event, allow)
    finally:
        await store.close()


async def tickets(data: Path, port: int, sessions: Sequence[Secret]) -> list[str]:
    """Get a ticket for each session, eight at a time over kept connections."""
    context = ssl.create_default_context(cafile=data / "ca.pem")
    gate = asyncio.Semaphore(8)
    async with httpx.AsyncClient(verify=context, trust_env=False, timeout=30) as client:

        async def one(session: Secret) -> str:
            async with gate:
                answer = await client.post(
                    f"https://localhost:{port}/v1/tickets",
                    headers={"Authorization": f"Bearer {session.reveal()}"},
                )
                answer.raise_for_status()
                return str(answer.json()["ticket"])

        return await asyncio.gather(*(one(session) for session in sessions))
