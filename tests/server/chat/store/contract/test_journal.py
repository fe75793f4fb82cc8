"""The journal, and two processes on one database."""

import asyncio

import pytest
from tests.server.chat.store.world import FakeClock, StoreMaker, World, message
from tests.server.core.store.world import log_in

from parlour_protocol.frames.bodies import Banned, Invited, Joined, Kicked, Left, RoleSet, Uninvited
from parlour_protocol.kit.ids import Seq
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import ConsentRecorded, RoomAdvanced
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.errors import NameTakenError, RefusedError
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.core.store.engine.journal import add_entry
from parlour_server.core.store.records import AccountEnd, Changed, JournalEntry, SessionEnded


async def test_a_new_journal_is_empty(world: World) -> None:
    """Before anything happened its head is 0 and nothing comes after that."""
    assert await world.store.journal.head() == 0
    assert await world.store.journal.since(0) == []


async def test_an_entry_of_a_newer_server_holds_up_none_after_it(world: World) -> None:
    """During an update by turns, older servers go on following: the next entry may end a session."""
    alice = await world.account("alice")

    def write(db: WriteConnection) -> None:
        add_entry(db, world.clock.now(), changed="something_new")

    await world.store.writer.submit(write)
    await log_in(world.store, world.session(alice, 1), cap=5)
    await world.store.sessions.end_all(ByOperator(alice))
    newer, ended = await world.store.journal.since(0)
    assert newer.what == Changed("something_new")
    assert ended.what == SessionEnded(world.session(alice, 1).id, alice)


async def test_a_servers_own_messages_are_not_in_the_journal(world: World) -> None:
    """A server tells by its bus of what it appends; the journal stays silent."""
    alice = await world.account("alice")
    room = await world.room(alice)
    before = await world.store.journal.head()
    await world.append(room, alice, message())
    assert await world.store.journal.head() == before


async def test_other_servers_find_in_the_journal_whose_rooms_changed(world: World) -> None:
    """Where several servers share the database, their notifications may all be lost: nobody else's entry."""
    alice, bob, cora = await world.people(3)
    room = await world.room(alice, bob)
    begin = await world.store.journal.head()
    assert (begin > 0) == world.store.is_shared
    expected: list[RoomAdvanced | ConsentRecorded] = []
    for author, body, who in (
        (alice, Invited(who=cora), cora),
        (cora, Joined(), cora),
        (cora, message(), None),
        (alice, Kicked(who=bob), bob),
        (alice, Banned(who=bob), bob),
        (cora, Left(), cora),
        (alice, Invited(who=cora), cora),
        (alice, Uninvited(who=cora), cora),
    ):
        event = (await world.append(room, author, body)).entry
        if who is not None:
            expected.append(RoomAdvanced(room, event.seq, who))
    direct, [made, *_], _ = await world.store.rooms.create(world.new_direct(alice, bob))
    expected += [RoomAdvanced(direct, made.seq, alice), ConsentRecorded(bob, direct)]
    assert await world.store.consent.accept_direct(await world.by(bob), direct)
    assert not await world.store.consent.accept_direct(await world.by(cora), room)
    expected.append(ConsentRecorded(bob, direct))
    await world.append(room, alice, Invited(who=cora))
    assert await world.store.consent.decline(await world.by(cora), room)
    assert not await world.store.consent.decline(await world.by(cora), room)
    assert await world.store.consent.block(await world.by(bob), alice, on=True) == [direct]
    found = [entry.what for entry in await world.store.journal.since(begin)]
    if world.store.is_shared:
        assert found[: len(expected)] == expected
        assert found[len(expected) + 1 :] == [ConsentRecorded(cora, room), ConsentRecorded(bob, direct)]
    else:
        assert found == []


async def test_a_command_tells_the_server_what_it_did(world: World, administration: ChatStore) -> None:
    """What another process did to sessions and rooms is in the journal, in order."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    session = world.session(alice, 1)
    await log_in(world.store, session, cap=9)
    begin = await world.store.journal.head()
    await administration.accounts.set_disabled(ByOperator(alice), disabled=True)
    command = World(administration, world.clock)
    await command.append(room, alice, message())
    left = await command.append(room, alice, Left())
    assert [type(event.body) for event in left.also] == [RoleSet]
    made, *_ = await administration.rooms.create(command.new_room(bob, "kitchen", RoomKind.PUBLIC, "tea"))
    assert await world.store.journal.since(begin) == [
        JournalEntry(begin + 1, SessionEnded(session.id, alice, AccountEnd.DISABLED)),
        JournalEntry(begin + 2, RoomAdvanced(room, Seq(3))),
        JournalEntry(begin + 3, RoomAdvanced(room, Seq(4))),
        JournalEntry(begin + 4, RoomAdvanced(room, Seq(5))),
        JournalEntry(begin + 5, RoomAdvanced(made, Seq(1))),
        JournalEntry(begin + 6, RoomAdvanced(made, Seq(2))),
    ]
    assert await world.store.journal.head() == begin + 6
    assert await world.store.journal.since(begin + 5) == [JournalEntry(begin + 6, RoomAdvanced(made, Seq(2)))]
    assert await world.store.journal.since(begin + 6) == []


async def test_a_store_announces_events_unless_a_bus_does(
    world: World, maker: StoreMaker, clock: FakeClock
) -> None:
    """A store opened by a command adds each event to the journal by default."""
    alice = await world.account("alice")
    room = await world.room(alice)
    begin = await world.store.journal.head()
    command = maker(clock, False)
    await command.open()
    try:
        sent = await World(command, clock).append(room, alice, message())
        advanced = RoomAdvanced(room, sent.entry.seq)
        assert await world.store.journal.since(begin) == [JournalEntry(begin + 1, advanced)]
    finally:
        await command.close()


async def test_what_was_refused_is_not_announced(world: World, administration: ChatStore) -> None:
    """A write that was refused leaves nothing in the journal."""
    alice = await world.account("alice")
    room = await world.room(alice)
    begin = await world.store.journal.head()
    command = World(administration, world.clock)
    sent = command.event(room, alice, message())
    with pytest.raises(NameTakenError):
        await administration.accounts.create(command.new_account("alice"), None)

    def refuse(*_: object) -> None:
        raise NameTakenError

    with pytest.raises(NameTakenError):
        await administration.log.append(sent, refuse)
    assert await world.store.journal.head() == begin


async def test_two_processes_number_one_room_together(world: World, administration: ChatStore) -> None:
    """Events that two stores append to one room at the same time have no hole and no number twice."""
    alice = await world.account("alice")
    room = await world.room(alice)
    command = World(administration, world.clock)
    futures = []
    for _ in range(50):
        futures += [world.append(room, alice, message()), command.append(room, alice, message())]
    seqs = [(await future).entry.seq for future in futures]
    assert sorted(seqs) == list(range(2, 102))
    assert [event.seq for event in await world.events(room)] == list(range(1, 102))


async def test_what_one_process_did_another_sees(world: World, administration: ChatStore) -> None:
    """Accounts, invites and sessions of one store are those of the other."""
    alice = await World(administration, world.clock).account("alice")
    session = world.session(alice, 1)
    await log_in(world.store, session, cap=9)
    assert await administration.sessions.find(session.token, world.clock.now()) == session
    assert await administration.sessions.end_all(ByOperator(alice)) == 1
    assert await world.store.sessions.find(session.token, world.clock.now()) is None


async def test_old_entries_are_forgotten_but_not_the_newest(world: World) -> None:
    """Entries of more than an hour ago go when many newer ones came; the numbers go on."""
    alice = await world.account("alice")
    for number in range(20):
        await log_in(world.store, world.session(alice, number), cap=1)
    assert await world.store.journal.head() == 19
    later = []
    for number in range(20, 1100):
        world.clock.forward(60)
        later.append(log_in(world.store, world.session(alice, number), cap=1))
    await asyncio.gather(*later)
    entries = await world.store.journal.since(0)
    assert entries[0].number > 19
    assert entries[-1].number == await world.store.journal.head() == 1099
    assert len(entries) >= 60


async def test_the_journal_does_not_forget_when_the_clock_jumps_ahead(world: World) -> None:
    """A jump of the clock makes entries look old; those that a server may not have read yet stay."""
    alice = await world.account("alice")
    for number in range(5):
        await log_in(world.store, world.session(alice, number), cap=1)
        world.clock.forward(7200)
    assert [entry.number for entry in await world.store.journal.since(0)] == [1, 2, 3, 4]


async def test_a_request_is_one_for_all_processes(world: World, administration: ChatStore) -> None:
    """A request that one store did is a replay, or a conflict, at the other."""
    alice = await world.account("alice")
    room = await world.room(alice)
    event = world.event(room, alice, message())
    await world.store.log.append(event, lambda *_: None)
    assert (await administration.log.append(event, lambda *_: None)).replay
    with pytest.raises(RefusedError):
        await administration.log.append(
            world.event(room, alice, message("no"), event.request), lambda *_: None
        )


async def test_forgetting_is_a_little_at_a_time(world: World) -> None:
    """After a busy hour, no one's write pays for all of its entries."""
    alice = await world.account("alice")
    busy = [log_in(world.store, world.session(alice, number), cap=1) for number in range(1200)]
    await asyncio.gather(*busy)
    world.clock.forward(7200)
    await log_in(world.store, world.session(alice, 1200), cap=1)
    entries = await world.store.journal.since(0)
    assert len(entries) == 1200 - 20
    for number in range(1201, 1215):
        await log_in(world.store, world.session(alice, number), cap=1)
    assert len(await world.store.journal.since(0)) <= 1002
