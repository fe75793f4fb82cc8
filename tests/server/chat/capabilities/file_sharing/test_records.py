"""What is known of files: whose, how large, until when, and in which rooms they may be named."""

import asyncio
from dataclasses import replace

import pytest
from tests.server.chat.capabilities.file_sharing.files import files, put, put_reserved, reserve
from tests.server.chat.store.world import World

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Archived, Deleted, FileRef, Left, Message
from parlour_protocol.frames.fields import FileName, MessageText
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.ids import RoomId, new_file_id
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_server.chat.capabilities.chat_personal_data.store import AccountDataStore
from parlour_server.chat.capabilities.file_sharing.types import FileRecord
from parlour_server.chat.rooms.rights import decide
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.errors import RefusedError


def upload(world: World, room: RoomId, owner: UserName, size: int = 100) -> FileRecord:
    """Return the record of a file."""
    return FileRecord(new_file_id(), room, owner, size, Digest(bytes(32)), world.clock.now())


def named(file: FileRecord) -> Message:
    """Return a message that names the file."""
    ref = FileRef(
        file=file.id, name=FileName("a.txt"), media_type="text/plain", size=file.size, sha256=file.sha256
    )
    return Message(text=MessageText("look"), file=ref)


async def test_a_file_is_found_by_the_members_of_its_room(world: World) -> None:
    """By no one else, and by no one who left; one that expired is not found."""
    alice, bob, eve = await world.people(3)
    room = await world.room(alice, bob)
    file = replace(upload(world, room, alice), expires=Millis(world.clock.now() + 1000))
    await put(world.store, file)
    for user, found in ((alice, file), (bob, file), (eve, None)):
        assert await files(world.store).find(file.id, user, world.clock.now()) == found
    await world.append(room, bob, Left())
    assert await files(world.store).find(file.id, bob, world.clock.now()) is None
    assert await files(world.store).find(file.id, alice, Millis(world.clock.now() + 1000)) is None


async def test_no_one_uploads_to_a_room_that_they_are_not_in(world: World) -> None:
    """Nor to one that is not there."""
    alice, eve = await world.people(2)
    room = await world.room(alice)
    for where in (room, RoomId("x" * 22)):
        with pytest.raises(RefusedError) as refused:
            await put(world.store, upload(world, where, eve))
        assert refused.value.code is ErrorCode.NOT_FOUND


async def test_nothing_is_uploaded_to_an_archived_room(world: World) -> None:
    """Nor what was on its way; what is there stays. In an encrypted room it would take space for ever."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    before = upload(world, room, bob)
    await put(world.store, before)
    under_way = upload(world, room, bob)
    await reserve(world.store, under_way)
    await world.append(room, alice, Archived(on=True))
    for late in (reserve(world.store, upload(world, room, bob)), put_reserved(world.store, under_way)):
        with pytest.raises(RefusedError) as refused:
            await late
        assert refused.value.code is ErrorCode.ARCHIVED
    assert await files(world.store).find(before.id, alice, world.clock.now()) == before


async def test_files_fit_into_the_quotas(world: World, administration: ChatStore) -> None:
    """To the byte, for one person and for all; uploads at the same time do not pass it together."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    outcomes = await asyncio.gather(
        *(
            put(store, upload(world, room, alice), user_bytes=300)
            for store in [world.store, administration] * 3
        ),
        return_exceptions=True,
    )
    assert [outcome for outcome in outcomes if outcome is None] == [None] * 3
    refusals = [outcome for outcome in outcomes if outcome is not None]
    assert all(isinstance(one, RefusedError) and one.code is ErrorCode.LIMIT_REACHED for one in refusals)
    await put(world.store, upload(world, room, bob, 50), total=350)
    assert await files(world.store).used(alice) == (300, 350)
    with pytest.raises(RefusedError):
        await put(world.store, upload(world, room, bob, 1), total=350)


async def test_a_file_counts_from_its_first_byte_and_is_found_after_its_last(
    world: World, administration: ChatStore
) -> None:
    """A reservation takes its space at every server, from the person, the room and all."""
    alice, bob = await world.people(2)
    room, now = await world.room(alice, bob), world.clock.now()
    file = upload(world, room, alice)
    await reserve(world.store, file)
    assert await files(world.store).used(alice) == (100, 100)
    for full in ({"user_bytes": 199}, {"room_bytes": 199}, {"total": 199}):
        owner = alice if "user_bytes" in full else bob
        with pytest.raises(RefusedError) as refused:
            await reserve(administration, upload(world, room, owner), **full)
        assert refused.value.code is ErrorCode.LIMIT_REACHED
    assert await files(world.store).find(file.id, alice, now) is None
    with pytest.raises(RefusedError) as refused:
        await world.store.log.append(world.event(room, alice, named(file)), decide)
    assert refused.value.code is ErrorCode.NOT_FOUND
    await put_reserved(administration, file)
    assert await files(world.store).find(file.id, bob, now) == file
    assert await files(world.store).used(alice) == (100, 100)


async def test_a_reservation_ends(world: World) -> None:
    """After its time, or with what the account has: it is listed as a file to remove, and can't be kept."""
    (alice,) = await world.people(1)
    room = await world.room(alice)
    late, deleted = upload(world, room, alice), upload(world, room, alice)
    await reserve(world.store, deleted)
    await AccountDataStore(world.store, world.clock).end(alice)
    await reserve(world.store, late)
    world.clock.forward(60)
    assert set(await files(world.store).expired(world.clock.now(), limit=9)) == {late.id, deleted.id}
    for file in (late, deleted, upload(world, room, alice)):
        with pytest.raises(RefusedError) as refused:
            await put_reserved(world.store, replace(file, created=world.clock.now()))
        assert refused.value.code is ErrorCode.NOT_FOUND
    await files(world.store).forget([late.id, deleted.id])
    assert await files(world.store).used(alice) == (0, 0)


async def test_what_expired_is_listed_until_it_is_forgotten(world: World) -> None:
    """Its bytes count until they are gone."""
    (alice,) = await world.people(1)
    room = await world.room(alice)
    now = world.clock.now()
    ended = [replace(upload(world, room, alice), expires=Millis(now + number)) for number in range(3)]
    for file in [*ended, upload(world, room, alice)]:
        await put(world.store, file)
    assert await files(world.store).expired(Millis(now + 1), limit=10) == [ended[0].id, ended[1].id]
    assert await files(world.store).expired(Millis(now + 1), limit=1) == [ended[0].id]
    await files(world.store).forget([ended[0].id])
    assert await files(world.store).used(alice) == (300, 300)
    assert await files(world.store).expired(Millis(now + 1), limit=10) == [ended[1].id]


async def test_a_message_names_a_file_as_it_was_uploaded(world: World) -> None:
    """One's own, to this room, with its size and digest, while it is there."""
    alice, bob = await world.people(2)
    room, other = await world.room(alice, bob), await world.room(alice, bob)
    file = replace(upload(world, room, alice), expires=Millis(world.clock.now() + 1000))
    await put(world.store, file)
    await world.store.log.append(world.event(room, alice, named(file)), decide)
    wrong = (
        (other, alice, file, ErrorCode.NOT_FOUND),
        (room, bob, file, ErrorCode.NOT_FOUND),
        (room, alice, upload(world, room, alice), ErrorCode.NOT_FOUND),
        (room, alice, replace(file, size=99), ErrorCode.MALFORMED),
        (room, alice, replace(file, sha256=Digest(b"1" * 32)), ErrorCode.MALFORMED),
    )
    for where, who, which, code in wrong:
        with pytest.raises(RefusedError) as refused:
            await world.store.log.append(world.event(where, who, named(which)), decide)
        assert refused.value.code is code
    late = replace(upload(world, room, alice), expires=Millis(world.clock.now() + 1000))
    await put(world.store, late)
    world.clock.forward(1)
    with pytest.raises(RefusedError) as refused:
        await world.store.log.append(world.event(room, alice, named(late)), decide)
    assert refused.value.code is ErrorCode.NOT_FOUND
    # the one that was named stays with its message
    assert await files(world.store).find(file.id, alice, world.clock.now()) == replace(file, expires=None)


async def test_the_file_of_a_deleted_message_goes(world: World) -> None:
    """It is listed at once as a file whose bytes must be removed."""
    (alice,) = await world.people(1)
    room = await world.room(alice)
    file = upload(world, room, alice)
    await put(world.store, file)
    sent = await world.append(room, alice, named(file))
    await world.append(room, alice, Deleted(target=sent.entry.seq))
    assert await files(world.store).expired(world.clock.now(), limit=10) == [file.id]
    assert await files(world.store).find(file.id, alice, world.clock.now()) is None


async def test_a_file_that_two_servers_remove_is_subtracted_once(
    world: World, administration: ChatStore
) -> None:
    """Both sweep, and both quotas are right afterwards."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    gone, kept = upload(world, room, alice), upload(world, room, alice, 7)
    await put(world.store, gone)
    await put(administration, kept)
    await asyncio.gather(files(world.store).forget([gone.id]), files(administration).forget([gone.id]))
    assert await files(world.store).used(alice) == (7, 7)


async def test_uploads_at_two_servers_stay_within_the_quota(world: World, administration: ChatStore) -> None:
    """The quota is checked in the transaction."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    at_once = [
        put(store, upload(world, room, alice), user_bytes=300) for store in (world.store, administration) * 4
    ]
    outcomes = await asyncio.gather(*at_once, return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 3
    assert await files(world.store).used(alice) == (300, 300)
