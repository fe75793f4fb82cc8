"""A server whose history was rolled back: a restored backup, a copied folder, a device's own home."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from parlour_client.core.e2ee.keep import reconcile
from parlour_lab.hostile.people import World
from parlour_lab.hostile.views import View
from parlour_protocol.frames.bodies import Added, Joined, Kicked
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import new_incarnation
from parlour_protocol.kit.names import parse_user_name

BACK = pytest.mark.parametrize("way", ["restore", "copy"])
ONE_WAY = pytest.mark.parametrize("way", ["restore", pytest.param("copy", marks=pytest.mark.long)])
"""The two differ in how they are noticed, which the shorter tests look at."""


@asynccontextmanager
async def undone(world: World, way: str) -> AsyncIterator[None]:
    """Take the server back to before what happens here."""
    server = world.server
    if way == "restore":
        kept = server.backed_up()
    else:
        async with world.halted():
            kept = server.folder_copied()
    yield
    async with world.halted():
        server.go_back(kept)


async def rolled_back(world: World, way: str, room: RoomId) -> list[str]:
    """Have ada write, go back to before that, and return what she wrote."""
    async with undone(world, way):
        texts = [await world.devices[0].say(room) for _ in range(3)]
        await world.heard(room, texts[-1], *world.on())
    return texts


@BACK
async def test_an_encrypted_room(world: World, way: str) -> None:
    """Both sides keep what they read, say that the history is older, and read each other's new messages."""
    room, (ada, ben) = await world.together("ada", "ben")
    lost = await rolled_back(world, way, room)
    for device in (ada, ben):
        await world.told(device, "older")
    await world.goes_on(room, ada, ben)
    for device in (ada, ben):
        assert set(lost) <= set(await device.read(room))
    await world.judge()


@BACK
async def test_an_open_room(world: World, way: str) -> None:
    """The same in a room that is not encrypted."""
    room, (ada, ben) = await world.together("ada", "ben", encrypted=False)
    lost = await rolled_back(world, way, room)
    for device in (ada, ben):
        await world.told(device, "older")
    await world.goes_on(room, ada, ben)
    for device in (ada, ben):
        assert set(lost) <= set(await device.read(room))
    await world.judge()


@ONE_WAY
async def test_the_removed_stay_out(world: World, way: str) -> None:
    """Someone who was removed after the backup is not back with it."""
    room, (ada, ben, cat) = await world.together("ada", "ben", "cat")
    async with undone(world, way):
        await world.kick(room, ada, cat)
        await world.goes_on(room, ada, ben)
    await world.goes_on(room, ada, ben)
    assert "cat" not in {member.user for member in (await ben.report(room)).members}
    await world.judge()


@pytest.mark.parametrize("encrypted", [True, False])
@pytest.mark.parametrize("named", [True, False])
async def test_an_older_history_that_one_is_shown_for_a_while(
    world: World, *, encrypted: bool, named: bool
) -> None:
    """Who is shown an older history is told, keeps what they had, and has each message once afterwards."""
    room, (ada, ben) = await world.together("ada", "ben", encrypted=encrypted)
    texts = [await ada.say(room) for _ in range(3)]
    await world.heard(room, texts[-1], ben)
    head = world.server.head(room)
    View(room, dropped=set(range(head - 2, head + 100))).tell(ben.lies)
    if named:
        ben.lies.incarnation(new_incarnation())
    await ben.reconnect(ready=False)
    await world.told(ben, "older")
    assert set(texts) <= set(await ben.read(room))
    ben.lies.end()
    await ben.reconnect()
    await world.goes_on(room, ada, ben)
    assert set(texts) <= set(await ben.read(room))
    await world.judge()


@pytest.mark.parametrize("encrypted", [True, False])
async def test_another_name_of_the_logs_with_the_same_history(world: World, *, encrypted: bool) -> None:
    """A name that changes without a reason costs nothing: no message, no room, no removal."""
    room, (ada, ben, cat) = await world.together("ada", "ben", "cat", encrypted=encrypted)
    for _ in range(2):
        for device in (ben, cat):
            device.lies.end()
            device.lies.incarnation(new_incarnation())
            await device.reconnect()
        await world.goes_on(room, ada, ben, cat)
    for device in (ben, cat):
        device.lies.end()
        await device.reconnect()
    await world.goes_on(room, ada, ben, cat)
    await world.judge()


async def test_a_person_recreates_the_group(world: World) -> None:
    """A room that waits to be recreated after a rollback is created by its people's command as well."""
    room, (ada, ben) = await world.together("ada", "ben")
    head = world.server.head(room)
    View(room, dropped=set(range(head - 1, head + 100))).tell(ada.lies)
    await ada.reconnect(ready=False)
    await world.told(ada, "older")
    await ben.stop()
    ada.lies.end()
    await ada.reconnect()
    await world.during(ada.client.encryption.recreate(room))
    await ben.start()
    await world.goes_on(room, ada, ben)
    await world.judge()


async def test_a_member_removed_only_by_the_log_recreates_the_group(world: World) -> None:
    """After a rollback the server makes up that ben was removed: the group that he creates is followed."""
    room, (ada, ben) = await world.together("ada", "ben")
    await rolled_back(world, "copy", room)
    await world.goes_on(room, ada, ben)
    async with world.halted():
        world.server.append(room, "ada", Kicked(who=parse_user_name("ben"), members=1))
    await world.goes_on(room, ada, ben)
    head = world.server.head(room)
    View(room, dropped=set(range(head - 1, head + 100))).tell(ben.lies)
    await ben.reconnect()
    ben.lies.end()
    await ben.reconnect()
    await world.told(ben, "ben recreated")
    await world.goes_on(room, ada, ben)
    await world.judge()


async def test_a_home_that_was_rolled_back(world: World) -> None:
    """A device whose home is an older copy encrypts nothing with a key that it used before."""
    room, (ada, ben) = await world.together("ada", "ben")
    await ada.stop()
    copy = world.folder / "older"
    shutil.copytree(ada.home, copy)
    await ada.start()
    await ada.say(room)
    await ada.stop()
    shutil.rmtree(ada.home)
    shutil.copytree(copy, ada.home)
    await ada.start()
    await world.goes_on(room, ada, ben)
    await world.judge()


@ONE_WAY
async def test_who_saw_nothing_of_what_was_lost(world: World, way: str) -> None:
    """A device that was away goes on in the old group, and others read it when they found the next one."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben)
    await world.goes_on(room, ada, ben)
    server = world.server
    async with world.halted():
        kept = server.kept(way)
    await ben.stop()
    await world.during(ada.client.invitations.send(room, parse_user_name("cat")))
    await world.during(cat.client.invitations.accept(room))  # the group goes on without ben
    world.ledger.inside[room].add("cat")
    await world.agreed(room, ada, cat)
    await ada.say(room)
    for device in (ada, cat):
        await device.stop()
    async with world.halted():
        server.go_back(kept)
    await ben.start()
    text = await ben.say(room)
    await ada.start(ready=False)
    await world.heard(room, text, ada)
    await world.goes_on(room, ada, ben)
    await world.judge()


@ONE_WAY
async def test_each_has_lost_other_messages(world: World, way: str) -> None:
    """R39: what was lost is told to those who had it, and is missing, or was hidden, for no one."""
    room, (ada, ben) = await world.together("ada", "ben")
    server = world.server
    async with world.halted():
        kept = server.kept(way)
    text = await ada.say(room)
    await world.heard(room, text, ben)
    await ada.stop()
    for _ in range(2):
        await ben.say(room)
    async with world.halted():
        server.go_back(kept)
    await ada.start(ready=False)
    for device in (ada, ben):
        await world.told(device, "older")
    await world.goes_on(room, ada, ben)
    for device in (ada, ben):
        words = " | ".join(await device.words())
        assert "missing here" not in words
        assert "did not show" not in words
        assert "had seen" not in words
        assert "another order" not in words
    await world.judge()


@pytest.mark.long
@ONE_WAY
async def test_who_was_removed_founds_no_group(world: World, way: str) -> None:
    """Whom the server took back with an older copy creates a group that no one follows."""
    room, (ada, ben, cat) = await world.together("ada", "ben", "cat")
    server = world.server
    async with world.halted():
        kept = server.kept(way)
    await world.kick(room, ada, cat)
    await world.goes_on(room, ada, ben)
    for device in (ada, ben):
        await device.stop()
    async with world.halted():
        server.go_back(kept)
    await world.turns(150)
    await cat.attempt(cat.client.encryption.recreate(room))
    await world.turns(150)
    for device in (ada, ben):
        await device.start(ready=False)
    await world.goes_on(room, ada, ben)
    assert "cat" not in {member.user for member in (await ben.report(room)).members}
    await world.judge()


@ONE_WAY
async def test_a_ghost_in_a_room_that_is_recreated(world: World, way: str) -> None:
    """An older copy is no occasion to slip someone in: neither by the list nor by events after it."""
    ada, ben, spy = await world.start("ada", "ben", "spy")
    room = await world.room(ada, ben)
    await world.goes_on(room, ada, ben)
    server = world.server
    async with world.halted():
        kept = server.kept(way)
    await world.goes_on(room, ada, ben)
    async with world.halted():
        server.go_back(kept)
        server.append(room, "ada", Added(who=parse_user_name("spy"), members=3))
        server.append(room, "spy", Joined(members=3))
        server.list_as_member(room, "spy")
    await world.goes_on(room, ada, ben)
    assert not await spy.read(room)
    assert "spy" not in {member.user for member in (await ben.report(room)).members}
    await world.judge()


async def test_histories_that_were_split_and_joined_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two copies of a server, then one of them: who knows the other one says so, and the room goes on.

    The copy has as many events as the devices know, and the same name, so that only their content differs.
    """
    monkeypatch.setattr(reconcile, "_PATIENCE", 0.5)
    room, (ada, ben, cat) = await world.together("ada", "ben", "cat")
    async with world.halted() as server:
        other = server.folder_copied()
    await world.goes_on(room, ada, ben, cat)
    for device in (ada, ben, cat):
        await device.stop()
    async with world.halted() as server:
        one = server.folder_copied()
        server.go_back(other)
    await ben.start()
    await cat.start()
    await world.goes_on(room, ben, cat)  # in a group that one of them created, as the history was older
    for device in (ben, cat):
        await device.stop()
    knows = world.server.head(room)
    async with world.halted() as server:
        server.go_back(one)
    await ada.start()
    while world.server.head(room) < knows:
        await ada.say(room)
    await ada.stop()
    assert world.server.head(room) == knows
    for device in (ada, ben, cat):
        await device.start(ready=False)
    for device in (ben, cat):
        await world.told(device, "older")

    async def is_one_group() -> bool:  # key packages are given out twice: the first new one may lack someone
        reports = [await device.report(room) for device in (ada, ben, cat)]
        return len({one.authenticator for one in reports}) == 1 and len(reports[0].members) == len(reports)

    await world.until_true(is_one_group)
    await world.goes_on(room, ada, ben, cat)
    await world.judge()
