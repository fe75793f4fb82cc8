"""A server as a process: the way in, endings within a second, reload, and the end itself.

Real sockets and a real process, because signals, descriptors and file rights are what is tested here.
"""

import asyncio
import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.beats import Beats
from tests.forked import ForkedPython, PipedPython
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.errors import ACCOUNT_DELETED, ACCOUNT_DISABLED, SESSION_ENDED, CloseCode
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.setup.public_address import running

PASSWORD = "tigress-violin-marble"
PATIENCE = 60.0
"""Seconds: far more than anything takes. Hashing threads give way to everything else on a busy machine."""
PROGRAM = ("-m", "parlour_server")
READY = 100
"""A descriptor that nothing else has."""
STARTED = pytest.mark.parametrize("server", ["command"], indirect=True)


@dataclass
class Server:
    """A running server."""

    process: "subprocess.Popen[bytes] | ForkedPython"
    folder: DataFolder
    url: str
    log: Path

    async def command(self, *words: str) -> str:
        """Run an administration command on its folder, in a process; return what it printed."""
        process = PipedPython([*PROGRAM, *words[:2], "--data", str(self.folder.path), *words[2:]])
        out, err = await asyncio.to_thread(process.communicate, timeout=PATIENCE)
        assert process.wait() == 0, err
        return out

    def stop(self) -> float:
        """Send SIGTERM; return how many seconds the end took."""
        with Beats() as beats:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)
        return beats.seconds

    def logged(self) -> list[dict[str, object]]:
        """Return the lines of its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def server(request: pytest.FixtureRequest, folder: DataFolder, tmp_path: Path) -> Iterator[Server]:
    """Return a server that is ready; as a parameter `command` has it started as people do, and not forked."""
    log = tmp_path / "log"
    reading, writing = os.pipe()
    line = [*PROGRAM, "run", "--data", str(folder.path), "--listen", "127.0.0.1:0", "--ready-fd"]
    process: subprocess.Popen[bytes] | ForkedPython
    with log.open("wb") as out:
        if getattr(request, "param", None) == "command":
            line = [sys.executable, *line, str(writing)]
            process = subprocess.Popen(line, stderr=out, pass_fds=[writing])  # noqa: S603 - ours
        else:
            files = {2: out.fileno(), READY: writing}
            process = ForkedPython([*line, str(READY)], files=files, cheap_passwords=True)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        line = pipe.readline()
    try:
        assert line, log.read_text()
        yield Server(process, folder, json.loads(line)["url"], log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
async def http(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """Return an HTTPS client that trusts only the server's CA."""
    context = ssl.create_default_context(cafile=str(server.folder.ca_certificate))
    async with httpx.AsyncClient(
        verify=context, base_url=server.url, trust_env=False, timeout=PATIENCE
    ) as client:
        yield client


async def join(server: Server, http: httpx.AsyncClient) -> str:
    """Make the account anna by an invite link, log in, and return the session."""
    link = ChatInviteLink.parse(json.loads(await server.command("invite", "create", "--json"))["link"])
    assert f"https://{link.link.address.authority}" == server.url
    body = {"invite": link.link.code.reveal(), "username": "anna", "password": PASSWORD}
    assert (await http.post("/v1/accounts", json=body)).status_code == 201
    body = {"username": "anna", "password": PASSWORD, "device": "laptop"}
    session: str = (await http.post("/v1/sessions", json=body)).json()["session"]
    return session


async def ticket_of(http: httpx.AsyncClient, session: str) -> str:
    """Ask for a ticket."""
    answer = await http.post("/v1/tickets", headers={"Authorization": f"Bearer {session}"})
    ticket: str = answer.json()["ticket"]
    return ticket


async def enter(server: Server, ticket: str) -> ClientConnection:
    """Open the chat with a ticket."""
    return await connect(
        server.url.replace("https", "wss") + "/v1/chat",
        ssl=ssl.create_default_context(cafile=str(server.folder.ca_certificate)),
        subprotocols=[Subprotocol("parlour.v1")],
        additional_headers={"Authorization": f"Bearer {ticket}"},
        compression=None,
        open_timeout=PATIENCE,
        proxy=None,
    )


async def close_code(socket: ClientConnection) -> int | None:
    """Read until the server closes; return its code."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                await socket.recv()
    except ConnectionClosed:
        return socket.close_code


@STARTED
async def test_the_way_in_and_replay(server: Server, http: httpx.AsyncClient) -> None:
    """K3: invite, account, session, ticket, chat with the lobby in it; the ticket's second use is 401."""
    session = await join(server, http)
    ticket = await ticket_of(http, session)
    socket = await enter(server, ticket)
    hello = json.loads(await socket.recv())
    assert (hello["type"], hello["user"]) == ("hello", "anna")
    assert [room["name"] for room in hello["rooms"]] == ["lobby"]
    with pytest.raises(InvalidStatus) as refused:
        await enter(server, ticket)
    assert refused.value.response.status_code == 401
    await socket.close()
    assert server.stop() < 5
    # K7: no secret anywhere in the log, whatever happened
    text = server.log.read_text()
    assert not any(secret in text for secret in (session, ticket, PASSWORD))
    kinds = [line["event"] for line in server.logged() if line.get("audit")]
    for kind in ("account_made", "login_ok", "ticket_issued", "ticket_redeemed", "handshake_refused"):
        assert kind in kinds  # M7


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("session end anna --all", SESSION_ENDED),
        ("user reset-password anna", SESSION_ENDED),
        ("user disable anna", ACCOUNT_DISABLED),
        ("user delete anna --yes", ACCOUNT_DELETED),
    ],
)
async def test_a_socket_does_not_outlive_a_session_ended_by_a_command(
    server: Server, http: httpx.AsyncClient, command: str, code: CloseCode
) -> None:
    """S1: an administration command closes sockets within a second, and kills pending tickets.

    P4: what became of the account is said on its own open connections, and nowhere else.
    """
    session = await join(server, http)
    pending = await ticket_of(http, session)
    socket = await enter(server, await ticket_of(http, session))
    await server.command(*command.split())
    with within_a_second():
        assert await close_code(socket) == code
    with pytest.raises(InvalidStatus) as refused:
        await enter(server, pending)
    assert refused.value.response.status_code == 401
    asked = await http.post("/v1/tickets", json={}, headers={"Authorization": f"Bearer {session}"})
    assert (asked.status_code, asked.json()["message"]) == (
        401,
        "You are not logged in, or your session has ended. Log in again.",
    )


async def test_a_commands_event_is_delivered_at_once(server: Server, http: httpx.AsyncClient) -> None:
    """An appointment and a newcomer, each made by another process, reach open connections within a second."""
    session = await join(server, http)
    socket = await enter(server, await ticket_of(http, session))
    assert json.loads(await socket.recv())["type"] == "hello"
    await server.command("room", "appoint", "--role", "moderator", "lobby", "anna")
    assert (await next_event(socket))["body"] == {"kind": "role", "who": "anna", "role": "moderator"}
    await server.command("user", "create", "bob")
    newcomer = await next_event(socket)
    assert (newcomer["author"], newcomer["body"]) == ("bob", {"kind": "joined", "members": 3})
    await socket.close()


async def next_event(socket: ClientConnection) -> dict[str, Any]:
    """Return the next event of a connection, which must arrive within a second."""
    with within_a_second():
        async with asyncio.timeout(PATIENCE):
            while True:
                frame: dict[str, Any] = json.loads(await socket.recv())
                if frame["type"] == "event":
                    return frame


@contextmanager
def within_a_second() -> Iterator[None]:
    """See that what is done takes less."""
    with Beats() as beats:
        yield
    assert beats.seconds < 1


@STARTED
async def test_sigterm_notifies_everyone_and_exits(server: Server, http: httpx.AsyncClient) -> None:
    """R5: 1001 to everyone connected, status 0 within five seconds, nothing left behind."""
    session = await join(server, http)
    socket = await enter(server, await ticket_of(http, session))
    took = asyncio.to_thread(server.stop)
    code, seconds = await asyncio.gather(close_code(socket), took)
    assert code == 1001
    assert seconds < 5
    assert server.process.returncode == 0
    assert not server.folder.running.exists()
    assert server.logged()[-1]["event"] == "server_stopped"


@pytest.fixture
def _draining(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let servers wait for their load balancers before they stop."""
    monkeypatch.setenv("PARLOUR_CONNECTIONS_DRAIN_SECONDS", "600")


@pytest.mark.usefixtures("_draining")
async def test_a_server_that_stops_is_first_not_ready(server: Server, http: httpx.AsyncClient) -> None:
    """So that a load balancer sends no one any more; connections stay meanwhile, a second signal ends it."""
    session = await join(server, http)
    socket = await enter(server, await ticket_of(http, session))
    assert (await http.get("/readyz")).status_code == 204
    server.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        while (await http.get("/readyz")).status_code == 204:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    assert (await http.get("/readyz")).status_code == 503
    other = await enter(server, await ticket_of(http, session))
    took = asyncio.to_thread(server.stop)
    *codes, seconds = await asyncio.gather(close_code(socket), close_code(other), took)
    assert codes == [1001, 1001]
    assert seconds < 5
    assert server.process.returncode == 0


async def test_sighup_takes_new_settings(server: Server, http: httpx.AsyncClient) -> None:
    """What can change at once does, what needs a restart is named, and a bad file changes nothing."""
    session = await join(server, http)
    settings = server.folder.settings
    before = settings.read_text()
    settings.write_text(
        before.replace("# ticket_seconds = 30", "ticket_seconds = 7").replace(
            "# flush_ms = 13", "flush_ms = 5"
        )
    )
    await _reloaded(server, 1)
    headers = {"Authorization": f"Bearer {session}"}
    assert (await http.post("/v1/tickets", headers=headers)).json()["expires_in"] == 7
    named = [line["settings"] for line in server.logged() if line["event"] == "restart_needed"]
    assert named == ["delivery.flush_ms"]
    settings.write_text("[listn]\n")
    await _reloaded(server, 2)
    refused = [line for line in server.logged() if line["event"] == "reload_refused"]
    assert "did you mean listen?" in str(refused[0]["why"])
    assert (await http.post("/v1/tickets", headers=headers)).json()["expires_in"] == 7
    settings.write_text(before.replace('# level = "info"', 'level = "debug"'))
    await _reloaded(server, 3)
    socket = await enter(server, (await http.post("/v1/tickets", headers=headers)).json()["ticket"])
    request = {"type": "create_room", "id": "r" * 21, "name": "den", "kind": "public", "topic": "unwritten"}
    await socket.recv()  # the greeting: the server speaks first
    await _answered(socket, request)
    lines = [line for line in server.logged() if line["level"] == "debug"]
    assert [(line["event"], line["request"], line["outcome"]) for line in lines] == [
        ("request", "create_room", "ok")
    ]
    settings.write_text(before.replace('# level = "info"', 'level = "warning"'))
    await _reloaded(server, 4)
    await _answered(socket, request | {"id": "s" * 21, "name": "attic"})
    assert [line["now"] for line in server.logged() if line["event"] == "log_level"] == ["debug", "warning"]
    assert server.logged()[-1]["event"] == "log_level"
    assert "unwritten" not in server.log.read_text()
    await socket.close()


async def test_sighup_gives_a_full_room_more_space(server: Server, http: httpx.AsyncClient) -> None:
    """Messages and commits go by one limit, and by the new one at once."""
    settings = server.folder.settings
    before = settings.read_text()
    line = "# room_bytes = 4294967296"
    assert line in before
    settings.write_text(before.replace(line, "room_bytes = 1"))
    await _reloaded(server, 1)
    socket = await enter(server, await ticket_of(http, await join(server, http)))
    room = json.loads(await socket.recv())["rooms"][0]["room"]
    message = {"type": "send", "id": "m" * 21, "room": room, "text": "is there space?"}
    assert (await _answered(socket, message))["code"] == "limit_reached"
    settings.write_text(before)
    await _reloaded(server, 2)
    assert (await _answered(socket, message | {"id": "n" * 21}))["type"] == "ok"
    assert not [line for line in server.logged() if line["event"] == "restart_needed"]
    await socket.close()


async def _answered(socket: ClientConnection, request: dict[str, str]) -> dict[str, Any]:
    """Send a request, and return its answer."""
    await socket.send(json.dumps(request))
    async with asyncio.timeout(PATIENCE):
        while (answer := json.loads(await socket.recv())).get("re") != request["id"]:
            pass
    frame: dict[str, Any] = answer
    return frame


async def _reloaded(server: Server, times: int) -> None:
    server.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(PATIENCE):
        while sum(line["event"] in {"reloaded", "reload_refused"} for line in server.logged()) < times:  # noqa: ASYNC110 - another process's log can only be looked at
            await asyncio.sleep(0.02)


@STARTED
def test_the_default_is_loopback_only_without_core_files(server: Server) -> None:
    """O2, O3: one TLS port on loopback, no core dump, note and log private."""
    assert running(server.folder) is not None
    limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    assert re.search(r"Max core file size +0 +0 ", limits)
    assert server.folder.running.stat().st_mode & 0o777 == 0o600
    assert all(path.stat().st_mode & 0o077 == 0 for path in server.folder.path.iterdir())
