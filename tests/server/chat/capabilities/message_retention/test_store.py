"""What is removed when messages expire, what stays, and what readers of the log see of it."""

import pytest
from tests.server.chat.capabilities.file_sharing.files import files, put
from tests.server.chat.capabilities.file_sharing.test_records import named, upload
from tests.server.chat.store.world import World, allow, message

from parlour_protocol.frames.bodies import (
    Blank,
    Created,
    Deleted,
    Edited,
    Joined,
    Pinned,
    Reacted,
    RetentionSet,
    TopicSet,
)
from parlour_protocol.frames.fields import MessageText, Reaction, TopicText
from parlour_protocol.frames.replies import Retention
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_server.chat.capabilities.message_retention.store import RetentionStore
from parlour_server.chat.store.retention_policy import RetentionPolicy
from parlour_server.chat.store.sql.integrity import chat_damage
from parlour_server.core.errors import RefusedError

DAY = 86_400_000
SCHEMA_TABLES = frozenset({"entries", "rooms", "file_usage", "retention"})


async def keep(
    world: World, room: RoomId, owner: UserName, days: int | None, notice: int = 0
) -> RetentionSet:
    """Set how long a room keeps messages, after a notice in days; return the stored body."""
    body = RetentionSet(days, Millis(world.clock.now() + notice * DAY))
    stored = (await world.append(room, owner, body)).entry.body
    assert isinstance(stored, RetentionSet)
    return stored


async def expire(world: World) -> None:
    """Remove everything that is due now."""
    now = world.clock.now()
    for due in await RetentionStore(world.store).due(now):
        while await RetentionStore(world.store).expire(due, now):
            pass


async def numbers(world: World, room: RoomId, limit: int = 100, **which: int) -> list[int]:
    """Return the numbers of one page."""
    after, before = which.get("after"), which.get("before")
    page = await world.store.log.page(
        room,
        after=None if after is None else Seq(after),
        before=None if before is None else Seq(before),
        limit=limit,
        max_bytes=100_000,
    )
    return [event.seq for event in page.entries]


async def shown(world: World, room: RoomId, user: UserName) -> Retention | None:
    """Return what a member sees about the room's retention."""
    summary = await world.store.rooms.summary(room, user)
    assert summary is not None
    return summary.retention


async def test_old_messages_go_and_what_a_room_is_stays(world: World) -> None:
    """Messages, edits, reactions and pins are removed; creation, membership, topics and policies are not."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)  # 1, 2
    await world.append(room, alice, message())  # 3
    await world.append(room, alice, Edited(Seq(3), MessageText("again")))
    await world.append(room, bob, Reacted(Seq(3), Reaction("x"), on=True))
    await world.append(room, alice, Pinned(Seq(3), on=True))
    await world.append(room, alice, message("deleted"))
    await world.append(room, alice, Deleted(Seq(7)))
    await world.append(room, alice, TopicSet(TopicText("tea")))  # 9
    await keep(world, room, alice, 7)  # 10
    world.clock.wall += 5 * DAY
    await world.append(room, bob, message("young"))  # 11
    world.clock.wall += 2 * DAY
    await expire(world)
    page = await world.store.log.page(room, after=Seq(0), before=None, limit=100, max_bytes=100_000)
    assert [event.seq for event in page.entries] == [1, 2, 9, 10, 11]
    assert (page.kept_from, page.more) == (11, False)
    assert not await world.store.rooms.pins(room)
    removed = Millis(world.clock.now() - 7 * DAY)
    assert await shown(world, room, bob) == Retention(days=7, removed_before=removed)


async def damage(world: World) -> list[str]:
    """Return what `doctor`, backups and `import` find damaged in the rooms."""
    return await world.store.readers.run(lambda db: list(chat_damage(db, SCHEMA_TABLES)))


async def test_what_expired_is_no_damage_and_what_is_missing_is(world: World) -> None:
    """Retention leaves holes below its mark; above it, and at the end, no event may be missing."""
    (alice,) = await world.people(1)
    room = await world.room(alice)  # 1
    for _ in range(4):
        await world.append(room, alice, message())
    await keep(world, room, alice, 1)  # 6
    world.clock.wall += DAY
    for _ in range(3):
        await world.append(room, alice, message())  # 7 to 9
    await expire(world)
    assert await numbers(world, room) == [1, 6, 7, 8, 9]
    assert await damage(world) == []
    query = "DELETE FROM entries WHERE log = ? AND seq = ?"
    await world.store.writer.submit(lambda db: db.execute(query, (room, 8)))
    assert await damage(world) == [f"room {room} has 2 events from number 7 on, and should have 3"]
    world.clock.wall += DAY
    await world.append(room, alice, message())  # 10
    world.clock.wall += DAY
    await expire(world)
    assert await numbers(world, room) == [1, 6, 10]  # blanked
    assert await damage(world) == []


async def test_pages_in_both_directions_reach_across_the_hole(world: World) -> None:
    """A page has what is left, in order, and says that more follows until the first and the last event."""
    alice, bob = await world.people(2)
    room = await world.room(alice)  # 1
    for _ in range(4):
        await world.append(room, alice, message())
    await world.append(room, bob, Joined())  # 6
    for _ in range(4):
        await world.append(room, alice, message())
    await keep(world, room, alice, 1)  # 11
    world.clock.wall += DAY
    for _ in range(4):
        await world.append(room, alice, message())  # 12 to 15
    await expire(world)
    assert await numbers(world, room, after=0, limit=3) == [1, 6, 11]
    assert await numbers(world, room, after=0, limit=5) == [1, 6, 11, 12, 13]
    assert await numbers(world, room, after=6, limit=2) == [11, 12]
    assert await numbers(world, room, after=13) == [14, 15]
    assert await numbers(world, room, limit=5) == [11, 12, 13, 14, 15]
    assert await numbers(world, room, before=13, limit=3) == [6, 11, 12]
    assert await numbers(world, room, before=9, limit=5) == [1, 6]
    small = await world.store.log.page(room, after=Seq(0), before=None, limit=100, max_bytes=1)
    assert [event.seq for event in small.entries] == [1]
    assert small.more
    small = await world.store.log.page(room, after=None, before=Seq(12), limit=100, max_bytes=1)
    assert [event.seq for event in small.entries] == [11]


async def test_the_newest_event_is_blanked_until_it_is_not_the_newest(world: World) -> None:
    """Numbers are never used twice, and a quiet room does not keep its last message."""
    (alice,) = await world.people(1)
    room = await world.room(alice)
    await keep(world, room, alice, 1)
    sent = world.event(room, alice, message("the last"))  # 3
    await world.store.log.append(sent, allow)
    world.clock.wall += DAY
    await expire(world)
    await expire(world)  # nothing more
    found = await world.events(room)
    assert [event.seq for event in found] == [1, 2, 3]
    assert found[2].body == Blank(was="expired")
    again = await world.store.log.append(sent, allow)
    assert (again.replay, again.entry.seq) == (True, 3)
    await world.append(room, alice, message("young"))
    world.clock.wall += DAY
    await world.append(room, alice, message("younger"))
    await expire(world)
    assert [event.seq for event in await world.events(room)] == [1, 2, 5]


async def test_a_shorter_time_is_announced_and_a_longer_one_applies_at_once(world: World) -> None:
    """Until the notice is over nothing is removed, and members see what will apply when."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    await world.append(room, alice, message())  # 3
    start = world.clock.now()
    body = await keep(world, room, alice, 2, notice=3)
    assert body.applies == start + 3 * DAY
    assert await shown(world, room, bob) == Retention(next_days=2, next_from=Millis(start + 3 * DAY))
    world.clock.wall += 3 * DAY - 1
    await expire(world)
    assert 3 in await numbers(world, room)
    world.clock.wall += 1
    await expire(world)
    assert 3 not in await numbers(world, room)
    removed = Millis(world.clock.now() - 2 * DAY)
    later = await keep(world, room, alice, 30, notice=3)
    assert later.applies == world.clock.now()
    assert await shown(world, room, bob) == Retention(days=30, removed_before=removed)


async def with_one_removed(world: World) -> tuple[RoomId, UserName]:
    """Return a room that kept messages for a day, has lost one by it, and has one left; and its owner."""
    (alice,) = await world.people(1)
    room = await world.room(alice)
    await keep(world, room, alice, 1)
    await world.append(room, alice, message("gone"))
    world.clock.wall += DAY
    await world.append(room, alice, message("stays"))
    await expire(world)
    return room, alice


async def test_what_was_removed_ages_while_more_is_kept(world: World) -> None:
    """The time up to which messages were removed stays where it was until the longer retention reaches it."""
    room, alice = await with_one_removed(world)
    removed = Millis(world.clock.now() - DAY)
    await keep(world, room, alice, 30)
    for days in (1, 27):
        world.clock.wall += days * DAY
        await world.append(room, alice, message("new"))
        await expire(world)
        assert await shown(world, room, alice) == Retention(days=30, removed_before=removed)
    world.clock.wall += 2 * DAY
    await expire(world)
    assert await shown(world, room, alice) == Retention(
        days=30, removed_before=Millis(world.clock.now() - 30 * DAY)
    )


async def test_what_was_removed_is_said_while_everything_is_kept(world: World) -> None:
    """A device that was away finds no messages, and the room's members can see why."""
    room, alice = await with_one_removed(world)
    await keep(world, room, alice, None)
    assert await shown(world, room, alice) == Retention(removed_before=Millis(world.clock.now() - DAY))


async def test_the_time_up_to_which_messages_were_removed_never_goes_back(world: World) -> None:
    """Also where a message that a clock dated in the past goes by a longer retention."""
    (alice,) = await world.people(1)
    room, retention = await world.room(alice), RetentionStore(world.store)
    await retention.set_for_server(1, world.clock.now(), 0)
    await world.append(room, alice, message("gone"))
    world.clock.wall += 5 * DAY
    await expire(world)
    removed = Millis(world.clock.now() - DAY)
    await retention.set_for_server(3, world.clock.now(), 0)
    world.clock.wall -= 40 * DAY
    await world.append(room, alice, message("dated in the past"))
    world.clock.wall += 40 * DAY
    await world.append(room, alice, message("new"))
    await expire(world)
    assert await numbers(world, room) == [1, 4]
    assert await shown(world, room, alice) == Retention(days=3, removed_before=removed)


async def test_the_shorter_of_the_servers_and_the_rooms_counts(world: World) -> None:
    """The server's limit is announced to every room, and a room can't keep more."""
    (alice,) = await world.people(1)
    room = await world.room(alice)
    now = world.clock.now()
    await RetentionStore(world.store).set_for_server(30, now, 3 * DAY)
    assert await shown(world, room, alice) == Retention(next_days=30, next_from=Millis(now + 3 * DAY))
    world.clock.wall += 3 * DAY
    await RetentionStore(world.store).set_for_server(30, world.clock.now(), 3 * DAY)
    assert await shown(world, room, alice) == Retention(days=30)
    await keep(world, room, alice, 90)
    assert await shown(world, room, alice) == Retention(days=30)
    await keep(world, room, alice, 5)
    assert await shown(world, room, alice) == Retention(days=5)


async def test_a_clock_that_jumps_ahead_ends_no_notice_period(world: World) -> None:
    """Neither that of a server, nor that of the machine on which `disk prune` is run."""
    retention, now, notice = RetentionStore(world.store), world.clock.now(), 3 * DAY
    await retention.look_at_clock(now)
    announced = await retention.set_for_server(30, now, notice)
    ahead = Millis(now + 4 * DAY)
    assert (await retention.look_at_clock(ahead)).trusted == now
    assert await retention.set_for_server(30, ahead, notice) == announced
    assert await retention.set_for_server(7, ahead, notice) == RetentionPolicy(
        None, 7, Millis(ahead + notice)
    )


async def test_expiry_goes_by_number_and_stops_at_the_first_young_event(world: World) -> None:
    """A message that is dated in the past by a clock that was set back does not go before its neighbours."""
    (alice,) = await world.people(1)
    room = await world.room(alice)  # 1, which stays, and is old enough to look at the room
    await keep(world, room, alice, 2)
    world.clock.wall += 20 * DAY
    await world.append(room, alice, message("young"))  # 3
    world.clock.wall -= 15 * DAY
    await world.append(room, alice, message("dated in the past"))
    world.clock.wall += 15 * DAY
    await world.append(room, alice, message("the newest, which would only be blanked"))  # 5
    await expire(world)
    assert await numbers(world, room) == [1, 2, 3, 4, 5]


async def test_files_go_with_their_messages_and_in_encrypted_rooms_by_age(world: World) -> None:
    """A file of a message that expired may be removed, and so may one that no readable message refers to."""
    (alice,) = await world.people(1)
    room = await world.room(alice)
    mentioned, unseen = (upload(world, room, alice) for _ in range(2))
    await put(world.store, mentioned)
    await put(world.store, unseen)
    await world.append(room, alice, named(mentioned))
    await keep(world, room, alice, 1)
    world.clock.wall += 3 * DAY
    await put(world.store, upload(world, room, alice))
    await expire(world)
    assert set(await files(world.store).expired(world.clock.now(), limit=9)) == {mentioned.id, unseen.id}


async def test_a_file_goes_with_its_message_however_young_it_is(world: World) -> None:
    """Files that no message names here get a day more: their message may have been written later."""
    (alice,) = await world.people(1)
    room = await world.room(alice)
    mentioned, unseen = (upload(world, room, alice) for _ in range(2))
    await put(world.store, mentioned)
    await put(world.store, unseen)
    await world.append(room, alice, named(mentioned))
    await keep(world, room, alice, 1)
    world.clock.wall += DAY + 1000
    await expire(world)
    assert list(await files(world.store).expired(world.clock.now(), limit=9)) == [mentioned.id]


async def test_a_room_has_a_limit_for_its_files(world: World) -> None:
    """It is checked in the transaction that stores the record."""
    (alice,) = await world.people(1)
    room = await world.room(alice)
    await put(world.store, upload(world, room, alice, 60), room_bytes=100)
    with pytest.raises(RefusedError):
        await put(world.store, upload(world, room, alice, 60), room_bytes=100)
    facts = await world.store.rooms.describe(room)
    assert facts is not None
    assert facts.numbers["file_bytes"] == (60, "files 60 bytes")
    await put(world.store, upload(world, await world.room(alice), alice, 60), room_bytes=100)


async def test_the_bytes_of_a_room_are_those_of_its_log(world: World) -> None:
    """Appending, deleting and expiry count: the decision about the next message gets the sum."""
    alice, bob = await world.people(2)
    room = await world.room(alice)
    empty = (await world.facts(room, alice, message())).room_bytes
    assert empty > 0
    await world.append(room, alice, message("x" * 4000))
    await world.append(room, alice, message("y" * 4000))
    full = (await world.facts(room, alice, message())).room_bytes
    assert full > 8000
    await world.append(room, alice, Deleted(Seq(3)))
    assert (await world.facts(room, alice, message())).room_bytes < full - 3000
    await keep(world, room, alice, 1)
    world.clock.wall += DAY
    await world.append(room, bob, Joined())
    await expire(world)
    assert [type(event.body) for event in await world.events(room)] == [Created, RetentionSet, Joined]
    assert (await world.facts(room, alice, message())).room_bytes < empty + 200


async def test_the_clock_is_kept_in_the_store(world: World) -> None:
    """A jump ahead holds expiry back, whichever process looks."""
    now = world.clock.now()
    assert (await RetentionStore(world.store).look_at_clock(now)).trusted == now
    ahead = await RetentionStore(world.store).look_at_clock(Millis(now + 400 * DAY))
    assert (ahead.trusted, ahead.is_held) == (now, True)
    back = await RetentionStore(world.store).look_at_clock(Millis(now + 1000))
    assert (back.trusted, back.is_held) == (now + 1000, False)
