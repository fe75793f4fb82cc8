"""A server that withholds a commit, or lets two win one epoch: it is seen by both halves, and mended.

The clients are running ones. Nothing is lost but what was withheld, and what each half said to itself alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from msgspec.structs import replace
from tests.client.core.client_parts import encrypted_rooms, parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE
from tests.client.core.e2ee.lying_server import LyingServer, held, last_sealed, rows, shown, words
from tests.client.core.e2ee.test_chat import texts
from tests.client.core.e2ee.test_orchestration import pair, say

from parlour_client.core.client import Client
from parlour_client.core.e2ee.errors import AnotherGroupError
from parlour_client.core.e2ee.keep import reconcile
from parlour_client.core.e2ee.keep.schedule import Scheduler
from parlour_client.core.e2ee.values import RoomState
from parlour_client.core.room_log.expiry import Expiry
from parlour_client.core.sync import catch_up
from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_client.kit.errors import UnreachableError
from parlour_protocol.delivery import Commit, EventStored, GroupState, Welcomes
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import Contested, Handshake, Joined, TopicSet
from parlour_protocol.frames.fields import TopicText
from parlour_protocol.frames.opaque import HandshakeBytes
from parlour_protocol.frames.replies import GroupChanged
from parlour_protocol.frames.requests import History
from parlour_protocol.ids import Epoch, GroupId, RoomId, new_group_id
from parlour_protocol.kit.ids import DeviceId, Incarnation, Seq
from parlour_protocol.kit.limits import PAGE_EVENTS


@pytest.fixture(autouse=True)
def no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no one renew keys of their own accord: the commits are those that a test makes."""
    monkeypatch.setattr(Scheduler, "renew", lambda *_: None)


async def mended(harness: Harness, clients: tuple[Client, Client], room: RoomId) -> None:
    """Require that the split is reported on both sides, and over when an owner recreates the group."""
    ana, _ = clients
    await harness.until(lambda: harness.server.rooms[room].contested)
    for client in clients:
        await shown(harness, client, room)
        report = await client.encryption.report(room)
        assert report.state is RoomState.CONTESTED
        assert "contested" in report.label
        assert report.problem
    await ana.encryption.recreate(room)
    await harness.quiet()
    for number, client in enumerate(clients):
        await say(harness, client, room, f"after {number}")
    for client in clients:
        await shown(harness, client, room)
        assert (await texts(client, room))[-2:] == ["after 0", "after 1"]
    digits = {(await client.encryption.report(room)).authenticator for client in clients}
    assert len(digits) == 1


async def test_a_withheld_commit_is_reported_at_the_next_message_and_mended(harness: Harness) -> None:
    """Something else is in its place for ben: what he cannot read is a row that says what he missed."""
    ana, ben, room = await pair(harness)
    liar = LyingServer(harness)
    await say(harness, ben, room, "before")
    liar.puts(BEN, Seq(harness.server.rooms[room].head + 1), Joined(), EVE)
    await encrypted_rooms(ana).scheduler._renew(room)
    await say(harness, ana, room, "in the epoch that ben never saw")
    await shown(harness, ben, room)
    assert any("withholds a change" in one for one in await words(ben, room))
    assert await texts(ben, room) == ["before"]
    reports = [await client.encryption.report(room) for client in (ana, ben)]
    assert reports[0].authenticator != reports[1].authenticator
    assert "could not follow" in await held(harness, ben, room, "to whoever is still in that epoch")
    (waiting,) = [item.request for item in parts(ben).outbox.unsent(room)]
    await ben.messages.cancel(waiting)
    await mended(harness, (ana, ben), room)
    assert (await texts(ben, room))[0] == "before"
    assert (await texts(ana, room))[:2] == ["before", "in the epoch that ben never saw"]


async def test_a_commit_in_a_hole_is_reported_at_the_next_message_and_mended(harness: Harness) -> None:
    """N13: a number that is skipped may hide a commit: the same words, and the same way out of it."""
    ana, ben, room = await pair(harness)
    liar = LyingServer(harness)
    await say(harness, ben, room, "before")
    gone = harness.server.rooms[room].head + 1
    liar.events[BEN] = lambda event: None if event.seq == gone and event.room == room else event
    await encrypted_rooms(ana).scheduler._renew(room)
    await say(harness, ana, room, "in the epoch that ben never saw")
    await shown(harness, ben, room)
    assert any("does not show event" in one for one in await words(ben, room))
    assert any("withholds a change" in one for one in await words(ben, room))
    assert await texts(ben, room) == ["before"]
    await mended(harness, (ana, ben), room)


async def test_an_epoch_without_its_commit_stops_sending_before_anyone_writes(harness: Harness) -> None:
    """The server says in the group's state that the keys have changed, and shows no change."""
    ana, ben, room = await pair(harness)
    liar = LyingServer(harness)
    await say(harness, ben, room, "before")
    liar.puts(BEN, Seq(harness.server.rooms[room].head + 1), Joined(), EVE)
    await encrypted_rooms(ana).scheduler._renew(room)
    await shown(harness, ben, room)
    harness.server.tell(harness.server.rooms[room], GroupChanged(room=room))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconcile, "_PATIENCE", 0.1)
        await harness.until(lambda: ben.encryption.room(room).state is RoomState.CONTESTED)
    assert "could not follow" in await held(harness, ben, room, "to whoever is still in that epoch")
    await harness.until(lambda: harness.server.rooms[room].contested)


async def test_a_forked_group_is_reported_and_its_digits_differ(harness: Harness) -> None:
    """Two commits for one epoch are both called the winner: each half reads itself alone, and sees that."""
    ana, ben, room = await pair(harness)
    liar = LyingServer(harness)
    await say(harness, ana, room, "before")
    await shown(harness, ben, room)
    asked = asyncio.Event()
    harness.lines[ben].commit = winner(harness, liar, asked)  # type: ignore[method-assign]
    forking = asyncio.ensure_future(encrypted_rooms(ben).scheduler._renew(room))
    await asked.wait()
    await encrypted_rooms(ana).scheduler._renew(room)
    await harness.until(forking.done)
    await forking
    del harness.lines[ben].commit  # type: ignore[method-assign]
    reports = [await client.encryption.report(room) for client in (ana, ben)]
    assert reports[0].epoch == reports[1].epoch
    assert reports[0].authenticator != reports[1].authenticator
    for client, other in ((ana, ben), (ben, ana)):
        await say(harness, client, room, "to my half alone")
        event, _ = last_sealed(harness.server.rooms[room])
        await shown(harness, other, room)
        (row,) = [one for one in await rows(other, room) if one.seq == event.seq]
        assert row.text is None
        assert "cannot be read" in row.trouble
    await encrypted_rooms(ana).scheduler._renew(room)  # shown to both, and ben cannot follow it
    await mended(harness, (ana, ben), room)
    assert (await texts(ben, room))[0] == "before"


async def test_what_the_backlog_mends_by_itself_is_not_reported(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wire's webapp began its recovery in the middle of the backlog: here the whole of it is read first."""
    ana, ben, room = await pair(harness)
    home = harness.server.rooms[room]
    await harness.close(ben)
    data, seq = HandshakeBytes(b"\0" * 64), Seq(home.head + 1)
    false = Handshake(group=home.group or GroupId(""), epoch=Epoch(home.epoch), data=data)
    LyingServer(harness).puts(BEN, seq, false, ANA)
    for _ in range(2 * PAGE_EVENTS.value):  # what follows comes by other pages, and other transactions
        harness.server.write(home, ANA, TopicSet(topic=TopicText("again")))
    await encrypted_rooms(ana).scheduler._renew(room)
    await say(harness, ana, room, "behind it all")
    fetch, gate, came = catch_up.fetch, asyncio.Event(), 0

    async def slowly(conversation: ChatConversation, ask: History, expiry: Expiry) -> Sequence[LogEvent]:
        nonlocal came
        came += 1
        if came > 1:  # the page with the false one is here, the rest is on its way
            await gate.wait()
        return await fetch(conversation, ask, expiry)

    monkeypatch.setattr(catch_up, "fetch", slowly)
    opening = asyncio.ensure_future(harness.open(BEN))
    await harness.until(lambda: came > 1)
    await a_while(harness)
    assert not home.contested
    gate.set()
    await harness.until(opening.done)
    ben = opening.result()
    await harness.quiet()
    assert await texts(ben, room) == ["behind it all"]
    (row,) = await ben.history.timeline(room, before=Seq(seq + 1), limit=1)
    assert "could not follow" in row.trouble
    await a_while(harness)
    assert not home.contested
    assert not [event for event in home.log if isinstance(event.body, Contested)]


async def a_while(harness: Harness) -> None:
    """Let time pass in which a report would be made."""
    for _ in range(100):
        harness.clock.advance(1)
        await harness.threads.rest()


def winner(
    harness: Harness, liar: LyingServer, asked: asyncio.Event
) -> Callable[[RoomId, Commit], Awaitable[EventStored]]:
    """Answer ben that his commit is the one, and show it to him in the place of the one that is."""

    async def commit(room: RoomId, body: Commit) -> EventStored:
        seq = Seq(harness.server.rooms[room].head + 1)
        liar.puts(BEN, seq, Handshake(group=body.group, epoch=body.epoch, data=body.data), BEN)
        asked.set()
        return EventStored(seq=seq, at=harness.clock.now(), incarnation=harness.server.incarnation)

    return commit


async def test_an_https_answer_of_other_logs_is_not_taken(harness: Harness) -> None:
    """R22: after a restore HTTPS may reach the new logs before the socket has broken."""
    ana, ben, room = await pair(harness)
    rooms, line, other = encrypted_rooms(ben), harness.lines[ben], Incarnation("o" * 22)
    state = replace(await line.group(room), incarnation=other)

    async def group(_: RoomId) -> GroupState:
        return state

    async def welcomes(_: DeviceId) -> Welcomes:
        return Welcomes(welcomes=(), incarnation=other)

    line.group, line.welcomes = group, welcomes  # type: ignore[method-assign]
    with pytest.raises(UnreachableError, match="other logs"):
        await rooms.world.group(room)
    with pytest.raises(UnreachableError, match="other logs"):
        await rooms.keys.logged(room, EventStored(seq=Seq(1), at=harness.clock.now(), incarnation=other))
    assert await rooms.incoming._inbox() is None
    del line.group, line.welcomes  # type: ignore[method-assign]
    await say(harness, ben, room, "after")
    await shown(harness, ana, room)
    assert await texts(ana, room) == ["after"]


async def test_a_group_with_an_older_list_of_members_is_contested_and_replaced(harness: Harness) -> None:
    """Whoever knows of a removal refuses its Welcome; the server counts them in, so that no one adds them."""
    ana, ben, room = await pair(harness)
    await harness.open(EVE)
    await harness.invite(ana, room, EVE)
    await harness.quiet()
    liar = LyingServer(harness)
    for number in (1, 2):  # ben does not hear that eve is removed
        seq = Seq(harness.server.rooms[room].head + number)
        liar.puts(BEN, seq, TopicSet(topic=TopicText("nothing")), ANA)
    await ana.rooms.kick(room, EVE)
    await harness.until(lambda: not harness.server.state(harness.server.rooms[room]).leaving, advance=0.1)
    await say(harness, ana, room, "without eve")
    await harness.until(lambda: harness.server.rooms[room].contested)
    await shown(harness, ben, room)
    older = asyncio.ensure_future(ben.encryption.recreate(room))
    await harness.until(older.done, advance=0.1)
    await harness.until(lambda: harness.server.rooms[room].contested, advance=0.1)
    await shown(harness, ana, room)
    assert any("member list is older" in one for one in await words(ana, room))
    assert "/recreate" in await held(harness, ana, room, "to a group without eve")
    await ana.encryption.recreate(room)
    await harness.until(lambda: ben.encryption.room(room).state is RoomState.ACTIVE, advance=0.1)
    await say(harness, ben, room, "in the group without eve")
    await shown(harness, ana, room)
    assert (await texts(ana, room))[-2:] == ["to a group without eve", "in the group without eve"]
    for client in (ana, ben):
        assert {member.user for member in (await client.encryption.report(room)).members} == {ANA, BEN}


async def test_a_group_that_the_server_names_and_never_shows(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts this device to another group than the log does: what is encrypted here would be refused."""
    monkeypatch.setattr(reconcile, "_PATIENCE", 0.1)
    _ana, ben, room = await pair(harness)
    line = harness.lines[ben]
    state = replace(await line.group(room), group=new_group_id())

    async def group(_: RoomId) -> GroupState:
        return state

    line.group = group  # type: ignore[method-assign]
    with pytest.raises(AnotherGroupError):
        await encrypted_rooms(ben).scheduler.now(room)
    await held(harness, ben, room, "to no one")
    (item,) = parts(ben).outbox.unsent(room)
    await harness.until(lambda: "another encrypted group" in str(item.waits), advance=0.1)
