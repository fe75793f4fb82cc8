"""Deleting an account with its data, on both engines: what goes, and what stays and by whom."""

from dataclasses import replace

import pytest
from tests.server.chat.capabilities.file_sharing.files import files, put
from tests.server.chat.capabilities.message_reports.test_queue import report
from tests.server.chat.store.encryption_world import Delivery, sealed
from tests.server.chat.store.world import World, message
from tests.server.core.store.world import log_in

from parlour_protocol.frames.bodies import (
    Added,
    Banned,
    Blank,
    Deleted,
    EncryptedMessage,
    Invited,
    Joined,
    Kicked,
    Left,
    Message,
    Muted,
    Reacted,
    RoleSet,
)
from parlour_protocol.frames.fields import Reaction
from parlour_protocol.frames.opaque import Digest, StatementBytes
from parlour_protocol.ids import new_file_id
from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.app.account_data import Deletion
from parlour_server.chat.capabilities.chat_personal_data import store as account_data
from parlour_server.chat.capabilities.chat_personal_data.account_data import CHAT_ACCOUNT_DATA
from parlour_server.chat.capabilities.file_sharing.records import FileStore
from parlour_server.chat.capabilities.file_sharing.types import FileRecord
from parlour_server.chat.rooms.operator_rules import decide_appointment
from parlour_server.chat.rooms.rights import decide
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.errors import NameTakenError, RefusedError
from parlour_server.core.store.records import InviteRecord

THUMB = Reaction.parse("👍")


def data_of(world: World) -> account_data.AccountDataStore:
    """Return what the chat has of accounts."""
    return account_data.AccountDataStore(world.store, world.clock)


async def deleted(world: World, user: UserName, *, keeps: bool = True) -> UserName:
    """Delete an account as the command does; return who is the author now."""
    await world.store.accounts.close(ByOperator(user), "unusable", ())
    pseudonym = parse_user_name("deleted-bcdfghjk")
    if await world.store.accounts.find(pseudonym) is None:
        await world.store.accounts.add_pseudonym(pseudonym, "unusable")
    await CHAT_ACCOUNT_DATA.delete(world.store, world.clock, Deletion(user, pseudonym, keeps))
    return pseudonym


async def test_a_deleted_account_enters_no_room(world: World) -> None:
    """Its connections are open for a moment after it was closed: it can neither come back nor make a room."""
    alice, bob = await world.people(2)
    room = await world.room(bob)
    await world.store.accounts.close(ByOperator(alice), "unusable", ())
    with pytest.raises(RefusedError) as joined:
        await world.append(room, alice, Joined())
    with pytest.raises(RefusedError) as made:
        await world.room(alice)
    with pytest.raises(RefusedError) as opened:
        await world.store.rooms.create(world.new_direct(alice, bob))
    assert {one.value.code for one in (joined, made, opened)} == {ErrorCode.FORBIDDEN}
    assert [event.author for event in await world.events(room)] == [bob]


async def test_a_deleted_account_is_closed_and_its_name_stays_taken(world: World) -> None:
    """Its sessions end (journal), nothing of it can be used, and no one can talk to it."""
    alice, bob = await world.people(2)
    await log_in(world.store, world.session(alice, 1), cap=5)
    assert await world.store.accounts.close(ByOperator(alice), "unusable", ()) == 1
    found = await world.store.accounts.find(alice)
    assert found is not None
    at = world.clock.now()
    assert (found.disabled, found.deleted, found.password_hash) == (True, at, "unusable")
    world.clock.wall += 1000
    assert (
        await world.store.accounts.close(ByOperator(alice), "unusable", ()) == 0
    )  # again, after an interruption
    again = await world.store.accounts.find(alice)
    assert again is not None
    assert again.deleted == at
    for invite in (None, b"i" * 32):
        if invite:
            await world.store.accounts.add_invite(InviteRecord(invite, 1, world.clock.now()))
        with pytest.raises(NameTakenError):
            await world.store.accounts.create(world.new_account(alice), invite)
    with pytest.raises(RefusedError) as refused:
        await world.store.rooms.create(world.new_direct(bob, alice))
    assert refused.value.code == ErrorCode.NOT_FOUND


@pytest.mark.parametrize("keeps", [True, False])
async def test_an_open_room_is_left_and_what_was_written_stays_or_goes(
    world: World, monkeypatch: pytest.MonkeyPatch, *, keeps: bool
) -> None:
    """In batches. The owner's place passes on; messages are by a pseudonym, or gone by an event each."""
    monkeypatch.setattr(account_data, "BATCH", 2)
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    for text in ("one", "two", "three", "four", "five"):
        await world.append(room, alice, message(text))
    theirs = (await world.append(room, bob, message("mine"))).entry.seq
    await world.append(room, alice, Reacted(theirs, THUMB, on=True))
    new = await deleted(world, alice, keeps=keeps)
    log = await world.events(room)
    left = [(e.author, e.body.members) for e in log if isinstance(e.body, Left)]
    assert left == [(alice, 1)]
    assert RoleSet(bob, Role.OWNER) in [event.body for event in log]
    about = [e for e in log if isinstance(e.body, Message | Blank | Deleted | Reacted)]
    assert {event.author for event in about} == {bob, new}
    assert {event.device for event in about if event.author == new} == {"deleted"}
    ids = "SELECT count(*) FROM entries WHERE author = ? AND request IS NOT NULL"
    assert await world.store.readers.row(int, ids, str(new)) == 0
    kept = [event.body.text for event in about if isinstance(event.body, Message) and event.author == new]
    assert kept == (["one", "two", "three", "four", "five"] if keeps else [])
    assert len([event for event in log if isinstance(event.body, Deleted)]) == (0 if keeps else 5)
    reactions = [event.body.on for event in log if isinstance(event.body, Reacted)]
    assert reactions == ([True] if keeps else [True, False])
    assert [event.seq for event in log] == list(range(1, len(log) + 1))
    before = len(log)
    await deleted(world, alice, keeps=keeps)
    assert len(await world.events(room)) == before


async def test_files_invitations_blocks_and_devices_go(world: World, delivery: Delivery) -> None:
    """Files expire, and are swept; of devices the keys stay, without their names."""
    (alice, device), (bob, _) = await delivery.person("alice"), await delivery.person("bob")
    await delivery.packages(device, "one", "two")
    mine, his = await world.room(alice), await world.room(bob)
    file = FileRecord(new_file_id(), mine, alice, 5, Digest(bytes(32)), world.clock.now())
    await put(world.store, file)
    await world.append(his, bob, Invited(who=alice))
    await world.append(mine, alice, Invited(who=bob))
    await world.store.consent.block(await world.by(bob), alice, on=True)
    await deleted(world, alice)
    assert await files(world.store).expired(world.clock.now(), limit=5) == [file.id]
    count = await CHAT_ACCOUNT_DATA.count(world.store, alice)
    assert (count["rooms"], count["devices"]) == (0, 0)
    for name in ("invitations", "blocked", "bans"):
        assert await data_of(world).table(name, alice) == []
    assert await data_of(world).table("blocked", bob) == []
    [found] = await world.store.devices.list(alice, world.clock.now())
    assert (found.info.name, found.status.value, found.info.packages) == ("deleted", "revoked", 0)


async def test_welcomes_that_wait_for_its_devices_go(world: World, delivery: Delivery) -> None:
    """Nobody fetches them any more."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    room = await delivery.room(alice[0], bob[0])
    await delivery.group_of(room, alice, bob)
    inbox = "SELECT count(*) FROM inbox WHERE device = ?"
    assert await world.store.readers.row(int, inbox, bob[1]) == 1
    await deleted(world, bob[0])
    assert await world.store.readers.row(int, inbox, bob[1]) == 0


async def test_an_account_that_wrote_nothing_needs_no_other_author(world: World) -> None:
    """Neither for having joined, nor once what it wrote is by a pseudonym; for a report it does."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    assert not await CHAT_ACCOUNT_DATA.is_author(world.store, bob)
    event = (await world.append(room, alice, message("spam"))).entry
    assert await CHAT_ACCOUNT_DATA.is_author(world.store, alice)
    await report(world, bob, room, event.seq, "spam")
    assert await CHAT_ACCOUNT_DATA.is_author(world.store, bob)
    [exported] = await data_of(world).table("reports", bob)
    assert (exported["author"], exported["message"]) == (alice, event.seq)
    await deleted(world, bob)
    assert not await CHAT_ACCOUNT_DATA.is_author(world.store, bob)


async def test_an_export_has_everything_of_a_person_and_nothing_of_anyone_else(
    world: World, delivery: Delivery
) -> None:
    """Each of the two has something in every table, mostly in the same room and about each other."""
    alice, bob, carol = [(await delivery.person(user))[0] for user in ("alice", "bob", "carol")]
    together, hers = await world.room(alice, bob, carol), await world.room(carol)
    store, now, files = world.store, world.clock.now(), {}
    for number, (user, other, reaction) in enumerate(
        ((alice, bob, "\U0001f44d"), (bob, alice, "\U0001f44e"))
    ):
        said = (await world.append(together, other, message(f"said by {other}"))).entry.seq
        await world.append(together, user, Reacted(said, Reaction.parse(reaction), on=True))
        await report(world, user, together, said, f"said by {other}")
        await world.append(await world.room(user), user, Invited(who=carol))
        await store.consent.block(await world.by(user), carol if user == alice else alice, on=True)
        await world.append(together, carol, Muted(who=user, until=Millis(now + number + 1)))
        await world.append(hers, carol, Banned(who=user, until=Millis(now + number + 1)))
        file = FileRecord(new_file_id(), together, user, 5, Digest(bytes(32)), now)
        await put(store, file)
        files[user] = file.id
    data = account_data.AccountDataStore(store, world.clock)
    for name in data.exported:
        mine, his = await data.table(name, alice), await data.table(name, bob)
        assert mine, name
        assert his, name
        assert [row for row in mine if row in his] == [], name
    assert [row["user"] for row in await data.table("blocked", alice)] == [carol]
    assert [row["by"] for row in await data.table("invitations", alice)] == [alice]
    assert await FileStore(store, world.clock).of(alice, now) == [files[alice]]
    for user in (alice, bob):
        own = [event.seq for event in await world.events(together) if event.author == user]
        assert [seq for seq, *_ in await data.events(user, together, Seq(0))] == own


async def test_nobody_can_address_a_deleted_account(world: World) -> None:
    """From the transaction on that closes it, before anything of it is removed: one test for each request."""
    alice, bob, carol = await world.people(3)
    room = await world.room(alice, bob, carol)
    other = await world.room(alice)
    direct, *_ = await world.store.rooms.create(world.new_direct(alice, bob))
    note = (await world.append(direct, alice, message("before"))).entry.seq
    await world.store.accounts.close(ByOperator(bob), "unusable", ())
    refused = {}
    for place, body in (
        (direct, message("to no one")),
        (direct, Reacted(note, THUMB, on=True)),
        (other, Invited(who=bob)),
        (other, Banned(who=bob)),
        (room, RoleSet(bob, Role.OWNER)),
        (room, Muted(who=bob)),
    ):
        with pytest.raises(RefusedError) as error:
            await world.store.log.append(world.event(place, alice, body), decide)
        refused[type(body)] = error.value.code
    assert refused == {
        Message: ErrorCode.FORBIDDEN,
        Reacted: ErrorCode.FORBIDDEN,
        Invited: ErrorCode.NOT_FOUND,
        Banned: ErrorCode.NOT_FOUND,
        RoleSet: ErrorCode.FORBIDDEN,
        Muted: ErrorCode.FORBIDDEN,
    }
    with pytest.raises(RefusedError):
        await world.append(other, bob, Added(who=bob))
    with pytest.raises(RefusedError):
        await world.store.consent.block(await world.by(alice), bob, on=True)
    with pytest.raises(RefusedError):
        await world.store.log.append(world.event(room, alice, RoleSet(bob, Role.OWNER)), decide_appointment)
    await world.store.log.append(world.event(direct, alice, Deleted(note)), decide)
    await world.store.log.append(world.event(room, alice, Kicked(who=bob)), decide)


async def test_a_deleted_account_becomes_no_owner_by_itself(world: World) -> None:
    """The place of an owner who leaves passes on to someone who can use it."""
    alice, bob, carol = await world.people(3)
    room = await world.room(alice, bob, carol)
    await world.append(room, alice, RoleSet(bob, Role.MODERATOR))
    await world.store.accounts.close(ByOperator(bob), "unusable", ())
    appended = await world.append(room, alice, Left())
    assert [event.body for event in appended.also] == [RoleSet(who=carol, role=Role.OWNER)]


async def test_an_encrypted_room_is_left_only_by_what_its_members_sign(
    world: World, delivery: Delivery
) -> None:
    """With devices in the group it stays listed, and no one is held up, until a moderator removes it."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    together = await delivery.room(alice[0], bob[0], kind=RoomKind.PRIVATE)
    group = await delivery.group_of(together, alice, bob)
    outside = await delivery.room(alice[0], bob[0])
    await delivery.group_of(outside, alice)
    direct, *_ = await world.store.rooms.create(replace(world.new_direct(alice[0], bob[0]), encrypted=True))
    await delivery.group_of(direct, alice)
    await world.append(together, bob[0], message("from before it was encrypted"))
    await delivery.append(together, bob[0], sealed(group, 0), bob[1])
    before = await world.events(together)
    await deleted(world, bob[0])
    assert await world.events(together) == before
    assert [one["room"] for one in await data_of(world).rooms_that_stay(bob[0])] == [together]
    state = await world.store.groups.state(together, alice[0], world.clock.now())
    assert state is not None
    assert (state.leaving, state.missing, state.closed) == ((), (), (bob[0],))
    removal = Kicked(who=bob[0], statement=StatementBytes(b"signed"))
    await delivery.append(together, alice[0], removal, alice[1])
    await delivery.commit(together, *alice, removed=[bob[1]])
    assert await data_of(world).rooms_that_stay(bob[0]) == []
    state = await world.store.groups.state(together, alice[0], world.clock.now())
    assert state is not None
    assert state.closed == ()
    state = await world.store.groups.state(direct, alice[0], world.clock.now())
    assert state is not None
    assert state.closed == (bob[0],), "no one writes to someone who left a direct room for good"
    assert isinstance((await world.events(outside))[-1].body, Left)
    assert await world.store.sessions.list(bob[0], world.clock.now()) == []


async def test_what_nobody_else_can_read_goes_from_an_encrypted_room(
    world: World, delivery: Delivery
) -> None:
    """Someone's notes: no member is left whose device would miss it."""
    alice = await delivery.person("alice")
    notes = await delivery.room(alice[0])
    group = await delivery.group_of(notes, alice)
    await delivery.append(notes, alice[0], sealed(group, 0), alice[1])
    await deleted(world, alice[0])
    kinds = [type(event.body) for event in await world.events(notes)]
    assert EncryptedMessage not in kinds
    assert kinds.count(Blank) == 1
    assert kinds[-1] is Left
