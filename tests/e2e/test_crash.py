"""What was acknowledged is there afterwards: the server killed, its disk full, its clock moved."""

import asyncio
import json
import resource
import signal
import sqlite3
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.e2e.processes import DEADLINE, Person, Server, json_lines, rest_of
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from parlour_protocol.kit.ids import Millis
from parlour_server.chat.program import CHAT
from parlour_server.chat.settings import ChatSettings
from parlour_server.core.clock import SystemClock
from parlour_server.core.config.server_settings import Listen
from parlour_server.host.server import Server as RunningServer
from parlour_server.host.setup.initialise import initialise

_WIDE = (
    "[rates]\nmessages_per_minute = 100000\nmessage_burst = 10000\nhttp_burst = 1000\n"
    "message_bytes_per_minute = 1000000000\nmessage_bytes_burst = 100000000\n"
)


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Server]:
    """Return a server that runs and limits no sender."""
    made = Server(tmp_path)
    made.command("init")
    (made.data / "parlour.toml").write_text(_WIDE)
    made.start()
    yield made
    made.kill(signal.SIGTERM)


def people(server: Server, folder: Path, *names: str) -> list[Person]:
    """Return people with accounts."""
    found = [Person(folder / name, server) for name in names]
    for person, name in zip(found, names, strict=True):
        person.join(name)
    return found


def stored(server: Server) -> dict[int, tuple[str, str]]:
    """Return what the lobby's log holds on disk: author and text of each number."""
    with sqlite3.connect(f"file:{server.data / 'parlour.db'}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT seq, author, body FROM entries ORDER BY seq").fetchall()
    db.close()
    return {seq: (author, json.loads(body).get("text", "")) for seq, author, body in rows}


def test_killed_in_mid_traffic(fast: Server, tmp_path: Path) -> None:
    """SIGKILL twice under three senders: each acknowledged number is there once, and no number is missing."""
    senders = people(fast, tmp_path, "ada", "ben", "eve")
    lines = [f"line {number}" for number in range(300)]
    running = [person.begin("send", "lobby", "--stdin", "--json") for person in senders]
    for sender in running:
        sender.stdin.write("\n".join(lines[:150]) + "\n")
        sender.stdin.flush()
    told: list[list[str]] = [[], [], []]
    for wanted in (5, 120):
        for found, sender in zip(told, running, strict=True):
            found += [sender.stdout.readline() for _ in range(wanted)]
        fast.kill()  # the senders' other lines are on their way
        fast.start()
    for found, sender in zip(told, running, strict=True):
        found.extend(rest_of(sender, lines[150:]))
    log = stored(fast)
    for found, name in zip(told, ("ada", "ben", "eve"), strict=True):
        numbers = [json.loads(line)["seq"] for line in found]
        assert [log[number] for number in numbers] == [(name, text) for text in lines]
    assert sorted(log) == list(range(1, len(log) + 1))
    said = [text for author, text in log.values() if author in {"ada", "ben", "eve"} and text]
    assert len(said) == 3 * 300  # nothing twice, though each sender sent again what was not acknowledged
    assert "Traceback" not in fast.log.read_text()


@pytest.mark.long
def test_a_full_disk(fast: Server, tmp_path: Path) -> None:
    """The sender is told and fails, the server goes on and lets read; with space again it stores again."""
    [ada] = people(fast, tmp_path, "ada")
    first = json_lines(ada.run("send", "lobby", "before", "--json").stdout)[0]["seq"]
    assert fast.process is not None
    unlimited = resource.prlimit(fast.process.pid, resource.RLIMIT_FSIZE)
    # Not a byte, at any place: where the log was just emptied into the database, there would be room in it.
    resource.prlimit(fast.process.pid, resource.RLIMIT_FSIZE, (0, unlimited[1]))
    refused = ada.run("send", "lobby", "no room for this", check=False)
    assert refused.returncode == 1
    assert "The server can't do that right now; nothing was stored." in refused.stderr
    assert "press F7 in the chat to send it again or cancel it" in refused.stderr
    assert fast.process.poll() is None
    reread = ada.run("tail", "lobby", "--json", "--from", str(first), "--count", "1")
    assert json.loads(reread.stdout)["text"] == "before"
    resource.prlimit(fast.process.pid, resource.RLIMIT_FSIZE, unlimited)
    after = json_lines(ada.run("send", "lobby", "after", "--json").stdout)[0]["seq"]
    assert [text for _, text in stored(fast).values() if text] == ["before", "after"]
    assert after == int(str(first)) + 1
    assert "Traceback" not in fast.log.read_text()


class JumpingClock(SystemClock):
    """The time of day jumps when a test says so; what is measured in seconds goes on evenly."""

    jump = 0

    def now(self) -> Millis:
        """Return the time of day."""
        return Millis(super().now() + self.jump)


async def test_a_clock_jump(tmp_path: Path) -> None:
    """An hour back, then a day ahead: connections stay, numbers go on, no ticket dies of it."""
    commands, clock = Server(tmp_path), JumpingClock()
    folder = CHAT.folder(commands.data)
    await initialise(CHAT, folder, (), clock)
    server = await RunningServer.start(
        CHAT, folder, ChatSettings(listen=Listen(address="127.0.0.1:0")), clock=clock
    )
    context = ssl.create_default_context(cafile=str(folder.ca_certificate))
    try:
        async with httpx.AsyncClient(
            verify=context, base_url=server.url, trust_env=False, timeout=60
        ) as http:
            session = await _log_in(commands, http)
            old = await _ticket(http, session)
            async with await _enter(server.url, context, await _ticket(http, session)) as socket:
                room = json.loads(await socket.recv())["rooms"][0]["room"]
                said = [await _say(socket, room, 0)]
                for number, jump in enumerate((-3_600_000, 86_400_000), start=1):
                    clock.jump = jump
                    said.append(await _say(socket, room, number))
                    async with await _enter(server.url, context, await _ticket(http, session)):
                        pass
            assert [seq - said[0] for seq in said] == [0, 1, 2]
            async with await _enter(server.url, context, old):
                pass  # its thirty seconds are not the clock's
    finally:
        await server.stop()


async def _log_in(server: Server, http: httpx.AsyncClient) -> str:
    printed = await asyncio.to_thread(server.command, "user", "create", "ada")
    body = {"username": "ada", "password": printed.split()[-1], "device": "probe"}
    session: str = (await http.post("/v1/sessions", json=body)).json()["session"]
    return session


async def _ticket(http: httpx.AsyncClient, session: str) -> str:
    answer = await http.post("/v1/tickets", headers={"Authorization": f"Bearer {session}"})
    ticket: str = answer.json()["ticket"]
    return ticket


async def _enter(url: str, context: ssl.SSLContext, ticket: str) -> ClientConnection:
    return await connect(
        url.replace("https", "wss") + "/v1/chat",
        ssl=context,
        subprotocols=[Subprotocol("parlour.v1")],
        additional_headers={"Authorization": f"Bearer {ticket}"},
        compression=None,
        open_timeout=DEADLINE,
        proxy=None,
    )


async def _say(socket: ClientConnection, room: str, number: int) -> int:
    """Say something; return its number."""
    request = f"probe-{number:010}"
    await socket.send(json.dumps({"type": "send", "id": request, "room": room, "text": "tick"}))
    async with asyncio.timeout(DEADLINE):
        while True:
            frame = json.loads(await socket.recv())
            if frame.get("re") == request:
                seq: int = frame["result"]["seq"]
                return seq
