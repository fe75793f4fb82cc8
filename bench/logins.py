"""What fifty logins at once do to someone who is connected: the time of a WebSocket ping and its pong.

argon2id takes 64 MiB and a tenth of a second of a core; the server shares its one core between the hashes
and the event loop. Some connections ping in turn, each seldom enough for the server's cap on control frames,
until the last login is answered.
"""

import asyncio
import json
import os
import ssl
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeVar

import httpx
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from bench import people, servers
from bench.programs import CHAT
from parlour_protocol.frames.wire import CHAT_PATH, SUBPROTOCOL
from parlour_protocol.kit.names import parse_user_name, skeleton
from parlour_protocol.kit.secret import Secret
from parlour_server.chat.program import CHAT as CHAT_APP
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.clock import SystemClock
from parlour_server.core.store.records import NewAccountRecord

LOGINS = 50
ADDRESSES = 5  # that the logins come from: one address may not have this many waiting
CONNECTIONS = 10
SPACING = 0.2  # seconds from a pong to the connection's next ping
PASSWORD = Secret.random()
T = TypeVar("T")


async def _add_accounts(data: Path) -> None:
    """Add accounts that can log in; they share one hash, which is made as the server makes it."""
    passwords = HashingPool(threads=1)
    hashed = await passwords.hash(PASSWORD, address="local")
    passwords.close()
    clock = SystemClock()
    store = CHAT_APP.make_store(data / "parlour.db", clock)
    await store.open()
    try:
        for number in range(LOGINS):
            user = parse_user_name(f"login{number}")
            await store.accounts.create(NewAccountRecord(user, skeleton(user), hashed, clock.now()), None)
    finally:
        await store.close()


async def _log_in(data: Path, port: int) -> int:
    """Log everyone in at once; return how many succeeded."""
    context = ssl.create_default_context(cafile=data / "ca.pem")
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.AsyncHTTPTransport(
                        verify=context, local_address=f"127.0.0.{number}", trust_env=False
                    ),
                    timeout=120,
                )
            )
            for number in range(2, 2 + ADDRESSES)
        ]
        bodies = [
            json.dumps({"username": f"login{n}", "password": PASSWORD.reveal(), "device": "bench"})
            for n in range(LOGINS)
        ]
        answers = await asyncio.gather(
            *(
                clients[number % ADDRESSES].post(
                    f"https://localhost:{port}/v1/sessions",
                    content=body,
                    headers={"Content-Type": "application/json"},
                )
                for number, body in enumerate(bodies)
            )
        )
    return sum(answer.is_success for answer in answers)


async def _ping_until(
    data: Path, port: int, ticket: str, ready: asyncio.Barrier, done: asyncio.Event
) -> list[float]:
    """Connect, wait until everyone has, and ping until ``done``; return the times in milliseconds."""
    context = ssl.create_default_context(cafile=data / "ca.pem")
    taken = []
    async with connect(
        f"wss://localhost:{port}{CHAT_PATH}",
        ssl=context,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        additional_headers={"Authorization": f"Bearer {ticket}"},
        user_agent_header=None,
        compression=None,
        ping_interval=None,
    ) as connection:
        await ready.wait()
        while not done.is_set():
            before = time.perf_counter()
            await (await connection.ping())
            taken.append((time.perf_counter() - before) * 1000)
            await asyncio.sleep(SPACING)
    return taken


async def pings_during(
    data: Path, port: int, tickets: list[str], work: Callable[[], T]
) -> tuple[list[float], T]:
    """Return the milliseconds of pings while ``work`` runs in a thread, and what it returned."""
    ready, done = asyncio.Barrier(len(tickets) + 1), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        pings = [group.create_task(_ping_until(data, port, ticket, ready, done)) for ticket in tickets]
        await ready.wait()
        found = await asyncio.to_thread(work)
        done.set()
    return [one for ping in pings for one in ping.result()], found


async def _measure(data: Path, port: int, tickets: list[str]) -> tuple[list[float], int, float]:
    """Return the pings' times, how many logins succeeded, and how long that took."""

    def log_in() -> tuple[int, float]:
        began = time.perf_counter()
        return asyncio.run(_log_in(data, port)), time.perf_counter() - began

    taken, (let_in, seconds) = await pings_during(data, port, tickets, log_in)
    return taken, let_in, seconds


def logins() -> list[list[str]]:
    """Measure, with the clients on the load's core."""
    with tempfile.TemporaryDirectory() as name:
        data = servers.make_data(CHAT, Path(name))
        filled = asyncio.run(people.fill_chat(data, 1, 1))
        asyncio.run(_add_accounts(data))
        before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set[int]()
        servers.pin(servers.LOAD_CORE)
        try:
            with servers.running(CHAT, data) as server:
                sessions = [*filled.sessions] * CONNECTIONS
                tickets = asyncio.run(people.tickets(data, server.port, sessions))
                taken, let_in, seconds = asyncio.run(_measure(data, server.port, tickets))
        finally:
            if before:
                os.sched_setaffinity(0, before)
    p99 = statistics.quantiles(taken, n=100)[98]
    return [
        [
            f"ping while {LOGINS} logins run",
            f"p99 {p99:.1f} ms, p50 {statistics.median(taken):.1f} ms",
            "",
            "",
            "p99 < 100 ms",
            f"{let_in} logged in within {seconds:.1f} s, worst ping {max(taken):.0f} ms",
        ]
    ]
