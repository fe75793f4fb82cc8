"""Sessions: found while they live, capped, ended with a word in the journal."""

from dataclasses import replace

import pytest
from tests.server.core.store.world import KitWorld, log_in

from parlour_protocol.kit.ids import Millis, SessionId
from parlour_server.core.accounts.tables.authority import ByOperator, ByProof
from parlour_server.core.errors import LoginRefusedError
from parlour_server.core.store.records import JournalEntry, SessionEnded


async def ended(world: KitWorld) -> list[SessionId]:
    """Return the sessions that the journal says have ended, in order."""
    entries = await world.store.journal.since(0)
    return [entry.what.session for entry in entries if isinstance(entry.what, SessionEnded)]


async def test_a_session_is_found_by_its_token_until_it_expires(world: KitWorld) -> None:
    """One millisecond before its end it is found, at its end it is not; another token finds nothing."""
    alice = await world.account("alice")
    session = world.session(alice, 1, days=1)
    await log_in(world.store, session, cap=9)
    assert await world.store.sessions.find(session.token, Millis(session.expires - 1)) == session
    assert await world.store.sessions.find(session.token, session.expires) is None
    assert await world.store.sessions.find(b"x" * 32, world.clock.now()) is None


async def test_a_login_that_raced_with_the_disabling_is_refused(world: KitWorld) -> None:
    """It leaves no session, so that none comes to life when the account is enabled again."""
    alice = await world.account("alice")
    await world.store.accounts.set_disabled(ByOperator(alice), disabled=True)
    session = world.session(alice, 1)
    with pytest.raises(LoginRefusedError):
        await log_in(world.store, session, cap=9)
    await world.store.accounts.set_disabled(ByOperator(alice), disabled=False)
    assert await world.store.sessions.find(session.token, world.clock.now()) is None
    assert await world.store.sessions.list(alice, world.clock.now()) == []


async def test_a_login_that_raced_with_the_deletion_leaves_nothing(world: KitWorld) -> None:
    """A deletion says that sessions go at once: none is made afterwards, which would name a device."""
    alice = await world.account("alice")
    await world.store.accounts.close(ByOperator(alice), "unusable", ())
    with pytest.raises(LoginRefusedError):
        await log_in(world.store, world.session(alice, 1), cap=9)


async def test_a_login_that_raced_with_a_new_password_is_refused(world: KitWorld) -> None:
    """P7: the sessions of the old password have ended; none begins after that."""
    alice = await world.account("alice")
    await log_in(world.store, world.session(alice, 1), cap=9, verified="hash of alice")
    await world.store.accounts.set_password(ByOperator(alice), "new hash")
    with pytest.raises(LoginRefusedError):
        await log_in(world.store, world.session(alice, 2), cap=9, verified="hash of alice")
    assert await world.store.sessions.list(alice, world.clock.now()) == []


async def test_over_the_cap_the_one_seen_longest_ago_ends(world: KitWorld) -> None:
    """At the cap nothing ends; one more ends the session not seen for longest, and the journal says so."""
    alice, bob = await world.people(2)
    await log_in(world.store, world.session(bob, 9), cap=3)
    sessions = []
    for number in range(3):
        sessions.append(world.session(alice, number))
        await log_in(world.store, sessions[-1], cap=3)
        world.clock.forward(1)
    assert await ended(world) == []
    await world.store.sessions.touch({sessions[0].id: world.clock.now()})
    await log_in(world.store, world.session(alice, 3), cap=3)
    assert await ended(world) == [sessions[1].id]
    assert await world.store.sessions.find(sessions[1].token, world.clock.now()) is None
    listed = [session.id for session in await world.store.sessions.list(alice, world.clock.now())]
    assert listed == [world.session(alice, number).id for number in (3, 2, 0)]


async def test_a_lower_cap_ends_as_many_as_it_must(world: KitWorld) -> None:
    """When the cap was lowered, the next login brings the account under it."""
    alice = await world.account("alice")
    for number in range(5):
        await log_in(world.store, world.session(alice, number), cap=9)
        world.clock.forward(1)
    await log_in(world.store, world.session(alice, 5), cap=2)
    assert len(await world.store.sessions.list(alice, world.clock.now())) == 2


async def test_expired_sessions_go_first_at_the_cap(world: KitWorld) -> None:
    """A session that has expired keeps no other out, though it was seen later."""
    alice = await world.account("alice")
    await log_in(world.store, world.session(alice, 1, days=30), cap=2)
    world.clock.forward(1)
    await log_in(world.store, world.session(alice, 2, days=1), cap=2)
    world.clock.forward(86_400)
    assert len(await world.store.sessions.list(alice, world.clock.now())) == 1
    await log_in(world.store, world.session(alice, 3), cap=2)
    assert [one.id for one in await world.store.sessions.list(alice, world.clock.now())] == [
        world.session(alice, number).id for number in (3, 1)
    ]
    assert await ended(world) == [world.session(alice, 2).id]


async def test_a_login_by_a_clock_that_is_ahead_deletes_nothing(world: KitWorld) -> None:
    """Forty days ahead everyone's sessions look expired; when the clock is right again they are good."""
    people = await world.people(3)
    sessions = [world.session(user, number) for number, user in enumerate(people)]
    for session in sessions:
        await log_in(world.store, session, cap=9)
    right = world.clock.now()
    world.clock.forward(40 * 86_400)
    await log_in(world.store, world.session(people[0], 9), cap=9)
    assert await world.store.sessions.find(sessions[1].token, world.clock.now()) is None
    for session in sessions:
        assert await world.store.sessions.find(session.token, right) == session


async def test_at_the_cap_a_session_in_use_stays(world: KitWorld) -> None:
    """L29: an open socket goes before what was seen later without one."""
    alice = await world.account("alice")
    for number in range(3):
        await log_in(world.store, world.session(alice, number), cap=3)
        world.clock.forward(1)
    in_use = {world.session(alice, 0).id}
    await log_in(world.store, world.session(alice, 3), cap=3, in_use=in_use)
    assert await ended(world) == [world.session(alice, 1).id]


async def test_what_is_overdue(world: KitWorld) -> None:
    """Of those that are asked about, what expired and what is idle; what ended is the journal's to tell."""
    alice, bob = await world.people(2)
    good, expired, idle, gone = (world.session(alice, number) for number in range(4))
    now = world.clock.now()
    for session in (good, replace(expired, expires=now), replace(idle, last_seen=Millis(now - 2))):
        await log_in(world.store, session, cap=9)
    await log_in(world.store, replace(world.session(bob, 4), expires=now), cap=9)
    asked = [session.id for session in (good, expired, idle, gone)]
    found = await world.store.sessions.overdue(asked, now, Millis(now - 1))
    assert sorted(found) == sorted([expired.id, idle.id])
    assert await world.store.sessions.overdue([], now, now) == []


async def test_when_a_session_was_seen_last(world: KitWorld) -> None:
    """Of all accounts; nothing where no one ever logged in."""
    assert await world.store.sessions.newest_seen() is None
    alice, bob = await world.people(2)
    first = world.session(alice, 1)
    await log_in(world.store, first, cap=9)
    await log_in(world.store, world.session(bob, 2), cap=9)
    await world.store.sessions.touch({first.id: Millis(first.last_seen + 7)})
    assert await world.store.sessions.newest_seen() == first.last_seen + 7


async def test_the_last_seen_time_of_a_session_only_advances(world: KitWorld) -> None:
    """A clock that was set back does not make a session look idle."""
    alice = await world.account("alice")
    session = world.session(alice, 1)
    await log_in(world.store, session, cap=9)
    for offset, expected in ((500, 500), (-500, 500), (900, 900)):
        await world.store.sessions.touch({session.id: Millis(session.last_seen + offset)})
        found = await world.store.sessions.find(session.token, world.clock.now())
        assert found is not None
        assert found.last_seen == session.last_seen + expected


async def test_a_session_ends_once_and_only_for_its_owner(world: KitWorld) -> None:
    """Ending works for one's own session, once; someone else's is as good as not there."""
    alice, bob = await world.people(2)
    session = world.session(alice, 1)
    await log_in(world.store, session, cap=9)
    assert not await world.store.sessions.end(ByOperator(bob), session.id)
    assert await world.store.sessions.find(session.token, world.clock.now()) == session
    assert await world.store.sessions.end(ByOperator(alice), session.id)
    assert not await world.store.sessions.end(ByOperator(alice), session.id)
    assert await world.store.sessions.find(session.token, world.clock.now()) is None
    assert await world.store.journal.since(0) == [JournalEntry(1, SessionEnded(session.id, alice))]


async def test_all_sessions_but_one_end(world: KitWorld) -> None:
    """A password change keeps the device that made it, ends the account's others and no one else's."""
    alice, bob = await world.people(2)
    sessions = [world.session(user, number) for number, user in enumerate((alice, alice, alice, bob))]
    for session in sessions:
        await log_in(world.store, session, cap=9)
    by = ByProof(alice, sessions[1].id, f"hash of {alice}", None)
    assert await world.store.accounts.set_password(by, "new hash") == 2
    assert sorted(await ended(world)) == sorted([sessions[0].id, sessions[2].id])
    assert await world.store.sessions.list(alice, world.clock.now()) == [sessions[1]]
    assert await world.store.sessions.end_all(ByOperator(alice)) == 1
    assert await world.store.sessions.end_all(ByOperator(alice)) == 0
    assert await world.store.sessions.list(bob, world.clock.now()) == [sessions[3]]
