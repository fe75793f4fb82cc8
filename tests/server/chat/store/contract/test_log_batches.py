"""Appends that share a batch: each is decided as if the others were before or after it."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from tests.server.chat.store.world import World, message

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import AnyBody, Edited, Kicked, Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.ids import new_room_id
from parlour_protocol.kit.ids import Seq
from parlour_server.app.log import log
from parlour_server.chat.rooms.rights import decide
from parlour_server.chat.store.types import AppendEvent
from parlour_server.core.errors import RefusedError


async def append_all(world: World, events: Sequence[AppendEvent]) -> list[object]:
    """Append these without waiting in between: they are one batch, or two; return what came of each."""
    ended = await asyncio.gather(
        *(world.store.log.append(event, decide) for event in events), return_exceptions=True
    )
    return [
        (found.entry.seq, found.replay) if isinstance(found, log.Appended)
        else found.code if isinstance(found, RefusedError)
        else found
        for found in ended
    ]  # fmt: skip


def texts(bodies: Sequence[AnyBody]) -> list[str]:
    """Return what was written."""
    return [str(body.text) for body in bodies if isinstance(body, Message)]


async def test_a_batch_is_decided_one_by_one(world: World) -> None:
    """Refusals, repetitions, other rooms and other kinds of events between the messages change no number."""
    alice, bob, carol = await world.people(3)
    room, other = await world.room(alice, bob), await world.room(bob)
    start = (await world.events(room))[-1].seq
    first = world.event(room, alice, message("one"))
    events = [
        first,
        world.event(room, carol, message("not a member")),
        world.event(room, bob, message("two")),
        first,
        world.event(other, bob, message("elsewhere")),
        replace(first, body=message("another text")),
        world.event(new_room_id(), alice, message("nowhere")),
        world.event(room, alice, Edited(Seq(start + 1), MessageText("one, better"))),
        replace(world.event(room, alice, message("three")), request=first.request),
        world.event(room, alice, message("four")),
    ]
    assert await append_all(world, events) == [
        (start + 1, False),
        ErrorCode.FORBIDDEN,
        (start + 2, False),
        (start + 1, True),
        (2, False),
        ErrorCode.CONFLICT,
        ErrorCode.NOT_FOUND,
        (start + 3, False),
        ErrorCode.CONFLICT,
        (start + 4, False),
    ]
    assert texts([event.body for event in await world.events(room)]) == ["one", "two", "four"]


async def test_a_removal_in_a_batch_ends_what_follows(world: World) -> None:
    """Someone who is kicked between two of their messages has written one."""
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    ended = await append_all(
        world,
        [
            world.event(room, bob, message("before")),
            world.event(room, alice, Kicked(bob)),
            world.event(room, bob, message("after")),
            world.event(room, bob, message("after that")),
        ],
    )
    assert ended[2:] == [ErrorCode.FORBIDDEN] * 2
    assert texts([event.body for event in await world.events(room)]) == ["before"]


async def test_writing_among_others_accepts_a_direct_room(world: World) -> None:
    """The first message of someone who was asked is their yes, wherever it stands in a batch."""
    alice, bob = await world.people(2)
    room, open_room = (
        await world.room(alice, bob),
        (await world.store.rooms.create(world.new_direct(alice, bob)))[0],
    )
    await append_all(
        world,
        [
            world.event(room, alice, message("hello")),
            world.event(open_room, bob, message("yes?")),
            world.event(open_room, bob, message("yes")),
            world.event(room, bob, message("hello")),
        ],
    )
    member = await world.store.rooms.membership(open_room, bob)
    assert member is not None
    assert not member.asked
    assert len(texts([event.body for event in await world.events(open_room)])) == 2


@pytest.mark.parametrize("count", [2, 300])
async def test_two_stores_number_one_room(world: World, administration: object, count: int) -> None:
    """What two processes append at once to one room has numbers without holes, each once."""
    assert administration is not None
    alice, bob = await world.people(2)
    room = await world.room(alice, bob)
    start = (await world.events(room))[-1].seq
    other = World(administration, world.clock)  # type: ignore[arg-type]
    ended = await asyncio.gather(
        append_all(world, [world.event(room, alice, message(f"a{i}")) for i in range(count)]),
        append_all(other, [other.event(room, bob, message(f"b{i}")) for i in range(count)]),
    )
    numbers = [found[0] for one in ended for found in one if isinstance(found, tuple)]
    assert sorted(numbers) == list(range(start + 1, start + 1 + 2 * count))
    said = texts([event.body for event in await world.events(room)])
    assert [text for text in said if text[0] == "a"] == [f"a{i}" for i in range(count)]
