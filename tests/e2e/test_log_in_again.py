"""A session that the operator ends while the client runs, over a real server: log in again and go on."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.e2e.processes import DEADLINE, Person, Server, password
from tests.e2e.test_encryption import agreed, running, say, shown

from parlour_client.core.client import Client
from parlour_client.kit.errors import LoginRefusedError
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind


async def logged_out(client: Client, end: Callable[[], object]) -> None:
    """End ada's session in some way, and wait until her client says so."""
    changes = asyncio.Event()
    unsubscribe = client.events.subscribe(lambda _: changes.set())
    try:
        await asyncio.to_thread(end)
        async with asyncio.timeout(DEADLINE):
            while not client.connection.status.session_ended:
                changes.clear()
                await changes.wait()
    finally:
        unsubscribe()


async def test_the_client_goes_on_as_the_same_device(server: Server, ada: Person, ben: Person) -> None:
    """What was written while logged out arrives once, in an open and in an encrypted room."""
    async with running(ada.home) as client, running(ben.home) as other:
        open_room = (await client.rooms.create(parse_room_name("porch"), RoomKind.PUBLIC)).id
        sealed = (await client.rooms.create(parse_room_name("cellar"), RoomKind.PRIVATE, encrypted=True)).id
        await other.rooms.join(open_room)
        await client.invitations.send(sealed, parse_user_name("ben"))
        await other.invitations.accept(sealed)
        await agreed(sealed, 2, client, other)
        await say(client, sealed, "before")
        await shown(other, sealed, "before")
        device = client.encryption.own().device
        await logged_out(client, lambda: server.command("session", "end", "ada", "--all"))
        written = [await client.messages.send(room, f"meanwhile in {room}") for room in (open_room, sealed)]
        with pytest.raises(LoginRefusedError, match="or the account was disabled or deleted"):
            await client.connection.log_in_again(Secret("a password that is wrong"))
        assert client.connection.status.session_ended
        await client.connection.log_in_again(Secret(password("ada")))
        async with asyncio.timeout(DEADLINE):
            await client.connection.ready()
            for entry in written:
                assert entry.request is not None
                await client.messages.stored(entry.request)
        for room in (open_room, sealed):
            await shown(other, room, f"meanwhile in {room}")
        assert client.encryption.own().device == device
        assert len(await client.encryption.devices()) == 1
        await say(other, sealed, "and back")
        await shown(client, sealed, "and back")
        await agreed(sealed, 2, client, other)


async def test_it_goes_on_however_the_session_ended(server: Server, tmp_path: Path) -> None:
    """By another password from another device; and by the operator while the server was down."""
    zoe, phone = Person(tmp_path / "zoe", server), Person(tmp_path / "phone", server)
    zoe.join("zoe")
    link = zoe.run("device", "add").stdout.strip()
    phone.run("login", link, "--password-stdin", stdin=f"{password('zoe')}\n")
    changed = f"{password('zoe')}\nquite another password\n"

    def restarted() -> None:
        server.kill(signal.SIGTERM)
        server.command("session", "end", "zoe", "--all")
        server.start()

    ways = (lambda: phone.run("passwd", "--password-stdin", stdin=changed), restarted)
    async with running(zoe.home) as client:
        room = (await client.rooms.create(parse_room_name("landing"), RoomKind.PUBLIC)).id
        for end in ways:
            await client.messages.save_draft(room, "half a thought")
            await logged_out(client, end)
            entry = await client.messages.send(room, "written meanwhile")
            with pytest.raises(LoginRefusedError, match="or the account was disabled or deleted"):
                await client.connection.log_in_again(Secret(password("zoe")))
            await client.connection.log_in_again(Secret("quite another password"))
            assert entry.request is not None
            async with asyncio.timeout(DEADLINE):
                await client.connection.ready()
                await client.messages.stored(entry.request)
            assert await client.messages.draft(room) == "half a thought"


def test_the_commands_name_the_command_to_log_in(server: Server, ada: Person) -> None:
    """With the address, the name and the home of this account: it can be copied."""
    server.command("session", "end", "ada", "--all")
    for arguments in (("send", "lobby", "hello"), ("sessions",), ("tail", "lobby")):
        done = ada.run(*arguments, check=False)
        assert done.returncode == 1
        where = f"127.0.0.1:{server.port}"
        assert f"parlour --home {ada.home} login {where} --username ada" in done.stderr, done.stderr
    login = ["login", f"127.0.0.1:{server.port}", "--username", "ada", "--password-stdin"]
    ada.run(*login, stdin=f"{password('ada')}\n")
    ada.run("send", "lobby", "hello")
