"""Encrypted rooms over a real server and real wss: two people, three devices, and the commands."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.e2e.processes import DEADLINE, Person, Server, json_lines, password

from parlour_client.core.account.chat_home import ChatHome
from parlour_client.core.account.sign_in import ChatSignIn
from parlour_client.core.archive import Archive
from parlour_client.core.client import Client
from parlour_client.core.e2ee.values import RoomState
from parlour_client.kit.errors import SetupError
from parlour_client.kit.transport.trust import Pin
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.ids import RoomId
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Client]:
    """Give a client that is connected and caught up."""
    client = Client(ChatHome(folder))
    await client.start()
    try:
        await client.connection.ready(DEADLINE)
        yield client
    finally:
        await client.stop()


async def log_in(folder: Path, server: Server, name: str) -> None:
    """Log a second device in, on a home of its own."""
    home = ChatHome(folder)
    archive = await Archive.open(home.archive, home.key)
    link = ChatInviteLink.parse(server.invite())
    assert link.link.pin is not None
    await ChatSignIn(archive).log_in(
        link.link.address,
        Pin(link.link.pin),
        parse_user_name(name),
        Secret(password(name)),
        parse_device_name("phone"),
    )
    await archive.close()


async def until(client: Client, condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds, which is looked at whenever something changes."""
    changes = asyncio.Event()
    unsubscribe = client.events.subscribe(lambda _: changes.set())
    try:
        async with asyncio.timeout(DEADLINE):
            while True:
                changes.clear()
                if await condition():
                    return
                await changes.wait()
    finally:
        unsubscribe()


async def shown(client: Client, room: RoomId, text: str) -> None:
    """Wait until a message is in the timeline."""

    async def is_there() -> bool:
        return text in [str(entry.text) for entry in await client.history.timeline(room)]

    await until(client, is_there)


async def gone(client: Client, room: RoomId, text: str) -> None:
    """Wait until a message is no longer in the timeline."""

    async def is_gone() -> bool:
        return text not in [str(entry.text) for entry in await client.history.timeline(room)]

    await until(client, is_gone)


async def archived(client: Client, room: RoomId) -> None:
    """Wait until a client knows that the room is archived."""

    async def is_archived() -> bool:
        known = client.rooms.get(room)
        return known is not None and known.archived

    await until(client, is_archived)


async def agreed(room: RoomId, devices: int, *clients: Client) -> None:
    """Wait until these see the same group of so many devices: each renews its keys when it likes."""
    changes = asyncio.Event()
    unsubscribe = [client.events.subscribe(lambda _: changes.set()) for client in clients]
    try:
        async with asyncio.timeout(DEADLINE):
            while True:
                changes.clear()
                reports = [await client.encryption.report(room) for client in clients]
                seen = {(report.authenticator, len(report.members)) for report in reports}
                if len(seen) == 1 and seen.pop()[1] == devices:
                    return
                await changes.wait()
    finally:
        for end in unsubscribe:
            end()


async def say(client: Client, room: RoomId, text: str) -> None:
    """Send, and wait until the server has it."""
    entry = await client.messages.send(room, text)
    assert entry.request is not None
    async with asyncio.timeout(DEADLINE):
        await client.messages.stored(entry.request)


async def test_two_people_three_devices(server: Server, ada: Person, ben: Person, tmp_path: Path) -> None:
    """Founded, invited, said; a second device waits, is approved, and reads what is said from then on."""
    async with running(ada.home) as first, running(ben.home) as other:
        room = (await first.rooms.create(parse_room_name("attic"), RoomKind.PRIVATE, encrypted=True)).id
        await first.invitations.send(room, parse_user_name("ben"))
        await other.invitations.accept(room)
        await agreed(room, 2, first, other)
        await say(first, room, "CANARY one")
        await shown(other, room, "CANARY one")
        await say(other, room, "CANARY two")
        await shown(first, room, "CANARY two")
        await log_in(tmp_path / "phone", server, "ada")
        async with running(tmp_path / "phone") as phone:
            assert phone.encryption.room(room).state is RoomState.PENDING_DEVICE
            code = phone.encryption.own().code
            approved = await first.encryption.approve(code)
            assert approved.status is DeviceStatus.ACTIVE
            await agreed(room, 3, first, other, phone)
            await say(other, room, "CANARY three")
            await shown(phone, room, "CANARY three")
            await say(phone, room, "CANARY four")
            await shown(first, room, "CANARY four")
            await shown(other, room, "CANARY four")
            await agreed(room, 3, first, other, phone)
        await first.rooms.kick(room, parse_user_name("ben"))
        assert len((await first.encryption.report(room)).members) == 2
    for file in server.data.iterdir():
        assert b"CANARY" not in file.read_bytes() if file.is_file() else True
    assert b"CANARY" not in server.log.read_bytes()


async def test_messages_of_an_archived_room_are_deleted_and_none_is_written(
    server: Server, tmp_path: Path
) -> None:
    """A member deletes their own and the owner anyone's, for everyone; the room stays closed for the rest."""
    cora, dan = (Person(tmp_path / name, server) for name in ("cora", "dan"))
    cora.join("cora")
    dan.join("dan")
    async with running(cora.home) as client, running(dan.home) as other:
        room = (await client.rooms.create(parse_room_name("belfry"), RoomKind.PRIVATE, encrypted=True)).id
        await client.invitations.send(room, parse_user_name("dan"))
        await other.invitations.accept(room)
        await agreed(room, 2, client, other)
        for text in ("kept", "his own", "taken down"):
            await say(other, room, text)
            await shown(client, room, text)
        await client.rooms.archive(room, on=True)
        for one in (client, other):
            await archived(one, room)
        seqs = {str(one.text): one.seq for one in await client.history.timeline(room) if one.text is not None}
        for by, text in ((other, "his own"), (client, "taken down")):
            target = seqs[text]
            assert target is not None
            await by.messages.delete(room, target)
            for one in (client, other):
                await gone(one, room, text)
        for one in (client, other):
            with pytest.raises(SetupError, match="archived"):
                await one.messages.send(room, "something new")
            await shown(one, room, "kept")


async def test_commands_that_end_in_between(server: Server, ada: Person, ben: Person) -> None:
    """`dm` to someone who is away, then `tail` by them: each a process that ends."""
    ada.run("dm", "ben", "CANARY are you there?")
    heard = ben.run("tail", "@ada", "--json", "--from", "1", "--count", "1").stdout
    assert [line["text"] for line in json_lines(heard)] == ["CANARY are you there?"]
    ben.run("send", "@ada", "CANARY yes", "--json")
    heard = ada.run("tail", "@ben", "--json", "--from", "1", "--count", "2").stdout
    assert [line["text"] for line in json_lines(heard)] == ["CANARY are you there?", "CANARY yes"]
    found = json_lines(ada.run("search", "there", "--json").stdout)
    assert [line["text"] for line in found] == ["CANARY are you there?"]
    assert b"CANARY" not in b"".join(f.read_bytes() for f in server.data.iterdir() if f.is_file())
