"""The log's promises: numbers without a hole, one event for a request, refusals that change nothing."""

import asyncio
from functools import partial

import pytest
from msgspec.structs import replace
from tests.server.chat.store.world import World, allow, message
from tests.server.core.store.world import log_in

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Banned, Joined, Left, Message, Muted, TopicSet
from parlour_protocol.frames.fields import TopicText
from parlour_protocol.ids import new_room_id
from parlour_protocol.kit.ids import Millis, Seq, new_request_id
from parlour_server.app.log import log
from parlour_server.chat.store.types import AppendedEvent, AppendEvent, RoomFacts
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.errors import RefusedError, SessionRefusedError


def refuse(_event: AppendEvent, _facts: RoomFacts) -> None:
    """Decide against everything."""
    raise RefusedError(ErrorCode.FORBIDDEN, "no")


async def test_eight_appenders_at_once_leave_no_hole(world: World) -> None:
    """Eight people who append at once get the numbers that follow, each once, and the log has them so."""
    people = await world.people(8)
    room = await world.room(people[0], *people[1:])
    head = (await world.events(room))[-1].seq

    async def talk(number: int) -> list[int]:
        return [(await world.append(room, people[number], message(f"{i}"))).entry.seq for i in range(25)]

    reported = await asyncio.gather(*(talk(number) for number in range(8)))
    assert sorted(seq for seqs in reported for seq in seqs) == list(range(head + 1, head + 201))
    assert [event.seq for event in await world.events(room)] == list(range(1, head + 201))


async def test_one_callers_events_keep_their_order(world: World) -> None:
    """Events that are passed in without waiting are numbered in the order they were passed in."""
    alice = await world.account("alice")
    room = await world.room(alice)
    futures = [world.store.log.append(world.event(room, alice, message(str(i))), allow) for i in range(1000)]
    ended: list[int] = []

    def note(number: int, _future: object) -> None:
        ended.append(number)

    for number, future in enumerate(futures):
        future.add_done_callback(partial(note, number))
    stored = await asyncio.gather(*futures)
    assert [appended.entry.seq for appended in stored] == list(range(2, 1002))
    assert ended == list(range(1000))


async def test_a_repeated_request_is_stored_once(world: World) -> None:
    """The same author, request and content again gives the first event, marked as a replay."""
    alice = await world.account("alice")
    room = await world.room(alice)
    event = world.event(room, alice, message())
    first, second = await asyncio.gather(
        world.store.log.append(event, allow), world.store.log.append(event, allow)
    )
    world.clock.forward(5)
    later = AppendEvent(room, alice, event.device, event.request, world.clock.now(), event.body, None)
    third = await world.store.log.append(later, refuse)
    assert not first.replay
    assert second.replay
    assert third.replay
    assert first.entry == second.entry == third.entry
    assert len(await world.events(room)) == 2


@pytest.mark.parametrize("what", ["body", "kind", "room", "missing room"])
async def test_a_request_id_used_for_something_else_is_refused(world: World, what: str) -> None:
    """The same author and request with another text, another kind or another room is a conflict."""
    alice = await world.account("alice")
    room, other = await world.room(alice), await world.room(alice)
    first = world.event(room, alice, message())
    await world.store.log.append(first, allow)
    second = {
        "body": world.event(room, alice, message("something else"), first.request),
        "kind": world.event(room, alice, Joined(), first.request),
        "room": world.event(other, alice, message(), first.request),
        "missing room": world.event(new_room_id(), alice, message(), first.request),
    }[what]
    with pytest.raises(RefusedError) as refused:
        await world.store.log.append(second, allow)
    assert refused.value.code == ErrorCode.CONFLICT
    assert len(await world.events(room)) == 2
    assert len(await world.events(other)) == 1


@pytest.mark.parametrize("kind", [Banned, Muted])
async def test_a_timed_request_sent_again_is_the_same(world: World, kind: type[Banned | Muted]) -> None:
    """A ban of an hour sent again a minute later is a repetition, and one of two hours is not."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    first = world.event(room, alice, kind(bob, until=Millis(0)))
    first = replace(first, body=kind(bob, until=Millis(first.at + 3_600_000)))
    stored = await world.store.log.append(first, allow)
    later = Millis(first.at + 60_000)
    again = replace(first, at=later, body=kind(bob, until=Millis(later + 3_600_000)))
    assert await world.store.log.append(again, allow) == AppendedEvent(stored.entry, replay=True)
    longer = replace(first, at=later, body=kind(bob, until=Millis(later + 7_200_000)))
    with pytest.raises(RefusedError) as refused:
        await world.store.log.append(longer, allow)
    assert refused.value.code == ErrorCode.CONFLICT


async def test_a_request_id_is_an_authors_own(world: World) -> None:
    """Two authors may use one request id: no one can block another's requests by guessing ids."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    request = new_request_id()
    await world.store.log.append(world.event(room, alice, message(), request), allow)
    second = await world.store.log.append(world.event(room, bob, message(), request), allow)
    assert not second.replay


async def test_a_refusal_changes_nothing(world: World) -> None:
    """What ``decide`` refuses leaves no event, takes no number, and its request id may be used again."""
    alice, bob = await world.people(2)
    room = await world.room(alice)
    before = await world.store.rooms.summary(room, alice)
    event = world.event(room, bob, Joined())
    with pytest.raises(RefusedError) as refused:
        await world.store.log.append(event, refuse)
    assert refused.value.code is ErrorCode.FORBIDDEN
    assert await world.store.rooms.summary(room, alice) == before
    assert await world.store.rooms.membership(room, bob) is None
    assert (await world.store.log.append(event, allow)).entry.seq == 2


async def test_a_refusal_does_not_disturb_those_beside_it(world: World) -> None:
    """Of events that are committed together, one that is refused takes nothing from the others."""
    alice = await world.account("alice")
    room = await world.room(alice)
    futures = [
        world.store.log.append(world.event(room, alice, message(str(i))), refuse if i % 2 else allow)
        for i in range(100)
    ]
    ended = await asyncio.gather(*futures, return_exceptions=True)
    assert [isinstance(value, RefusedError) for value in ended] == [bool(i % 2) for i in range(100)]
    texts = [event.body.text for event in await world.events(room) if isinstance(event.body, Message)]
    assert texts == [str(i) for i in range(0, 100, 2)]


async def test_an_error_in_a_decision_reaches_only_its_caller(world: World) -> None:
    """A ``decide`` that breaks ends its own future with the error, and the store goes on."""
    alice = await world.account("alice")
    room = await world.room(alice)

    def broken(_event: AppendEvent, _facts: RoomFacts) -> None:
        raise ZeroDivisionError

    broke = world.store.log.append(world.event(room, alice, message()), broken)
    went = world.store.log.append(world.event(room, alice, message()), allow)
    with pytest.raises(ZeroDivisionError):
        await broke
    assert (await went).entry.seq == 2


async def test_there_is_no_appending_to_no_room(world: World) -> None:
    """Even when the decision allows it, an event of a room that does not exist is refused."""
    alice = await world.account("alice")
    with pytest.raises(RefusedError) as refused:
        await world.append(new_room_id(), alice, message())
    assert refused.value.code == ErrorCode.NOT_FOUND


async def test_a_clock_set_back_does_not_change_the_order(world: World) -> None:
    """Events are ordered by their numbers, whatever the time on them says."""
    alice = await world.account("alice")
    room = await world.room(alice)
    await world.append(room, alice, message("first"))
    world.clock.forward(-86_400)
    await world.append(room, alice, message("second"))
    events = await world.events(room)
    assert [event.seq for event in events] == [1, 2, 3]
    assert events[2].at < events[1].at


async def test_a_cancelled_wait_does_not_stop_the_others(world: World) -> None:
    """A caller that gives up waiting loses its answer; the event is stored and later ones complete."""
    alice = await world.account("alice")
    room = await world.room(alice)
    given_up = world.store.log.append(world.event(room, alice, message()), allow)
    kept = world.store.log.append(world.event(room, alice, message()), allow)
    given_up.cancel()
    assert (await kept).entry.seq == 3


async def test_pages_go_in_both_directions(world: World) -> None:
    """``after`` gives the next above, ``before`` the next below, neither the newest, all ascending."""
    alice = await world.account("alice")
    room = await world.room(alice)
    for i in range(9):
        await world.append(room, alice, message(str(i)))

    async def page(after: int | None = None, before: int | None = None) -> tuple[list[int], bool]:
        events, more, *_ = await world.store.log.page(
            room,
            after=None if after is None else Seq(after),
            before=None if before is None else Seq(before),
            limit=4,
            max_bytes=10_000,
        )
        return [event.seq for event in events], more

    assert await page() == ([7, 8, 9, 10], True)
    assert await page(before=7) == ([3, 4, 5, 6], True)
    assert await page(before=5) == ([1, 2, 3, 4], False)
    assert await page(before=1) == ([], False)
    assert await page(after=0) == ([1, 2, 3, 4], True)
    assert await page(after=6) == ([7, 8, 9, 10], False)
    assert await page(after=8) == ([9, 10], False)
    assert await page(after=10) == ([], False)


async def test_a_page_ends_before_it_is_too_big(world: World) -> None:
    """A page holds no more bytes of bodies than asked for, but one event at least, in both directions."""
    alice = await world.account("alice")
    room = await world.room(alice)
    for _ in range(5):
        await world.append(room, alice, message("x" * 1000))

    async def page(max_bytes: int, after: int | None) -> tuple[int, bool]:
        events, more, *_ = await world.store.log.page(
            room, after=None if after is None else Seq(after), before=None, limit=100, max_bytes=max_bytes
        )
        return len(events), more

    assert await page(2500, 1) == (2, True)
    assert await page(2500, None) == (2, True)
    assert await page(10, 1) == (1, True)
    assert await page(100_000, 1) == (5, False)


async def test_what_is_read_is_what_was_appended(world: World) -> None:
    """An event comes back from the database equal to the one that the append returned."""
    alice = await world.account("alice")
    room = await world.room(alice)
    stored = await world.append(room, alice, Message(message("grüße\n\tfrom 東京 👋").text, reply_to=Seq(1)))
    assert stored.entry.at == Millis(world.clock.wall)
    assert (await world.events(room))[-1] == stored.entry


async def test_a_session_that_has_ended_appends_nothing(world: World) -> None:
    """S1: its request may have waited while it ended; then it is refused, alone or among others."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    live, ended = world.session(alice, 1), world.session(bob, 2)
    for session in (live, ended):
        await log_in(world.store, session, cap=9)
    await world.store.sessions.end(ByOperator(bob), ended.id)
    plain = [message("one"), message("two")]
    unlike = [TopicSet(topic=TopicText("tea")), Left()]
    for body in (*plain, *unlike):
        own = replace(world.event(room, bob, body), session=ended.id)
        theirs = replace(world.event(room, alice, body), session=live.id)
        both = [world.store.log.append(event, allow) for event in (own, theirs)]
        refused, stored = await asyncio.gather(*both, return_exceptions=True)
        assert isinstance(refused, SessionRefusedError)
        assert isinstance(stored, log.Appended)
    world.clock.wall = live.expires
    with pytest.raises(SessionRefusedError):
        await world.store.log.append(replace(world.event(room, alice, message()), session=live.id), allow)
    assert {event.author for event in await world.events(room)} == {alice, bob}
    assert [event.author for event in await world.events(room)].count(bob) == 1  # who joined


async def test_a_session_of_someone_else_appends_nothing(world: World) -> None:
    """Nor that of an account that was disabled."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    session = world.session(alice, 1)
    await log_in(world.store, session, cap=9)
    with pytest.raises(SessionRefusedError):
        await world.store.log.append(replace(world.event(room, bob, message()), session=session.id), allow)
    await world.store.accounts.set_disabled(ByOperator(alice), disabled=True)
    with pytest.raises(SessionRefusedError):
        await world.store.log.append(replace(world.event(room, alice, message()), session=session.id), allow)
