"""A server that fails at every step: nothing is lost, and what was begun is finished once it works again."""

from collections.abc import Awaitable, Callable

import pytest

from parlour_client.kit.errors import (
    ApiRefusedError,
    ParlourClientError,
    ServerMisbehavedError,
    UnreachableError,
)
from parlour_lab.hostile.middle import Lies
from parlour_lab.hostile.people import Device, World
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import Error, Ok
from parlour_protocol.frames.replies import Stored
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

CALLS = (
    "claim",
    "commit",
    "create_group",
    "group",
    "key_log",
    "welcomes",
    "drop_welcome",
    "devices",
    "put_packages",
)
"""Of the delivery service: what an encrypted room is built with."""
DEN = parse_room_name("den")
FAILURES: dict[str, Callable[[], ParlourClientError]] = {
    "429": lambda: ApiRefusedError("Too many requests.", "rate_limited", retry_after=1),
    "500": lambda: ServerMisbehavedError("The server answered with HTTP status 500."),
    "503": lambda: ApiRefusedError("The store is busy.", "unavailable", retry_after=1),
    "cut": lambda: UnreachableError("The connection broke."),
}


async def story(world: World) -> None:
    """Play what touches every call: a room, a member, a message, a removal; what fails is tried again."""
    ada, ben, cat = world.on()
    await insist(
        ada,
        lambda: ada.client.rooms.create(DEN, RoomKind.PRIVATE, encrypted=True),
        lambda: bool(room_of(ada)),
    )
    room = room_of(ada)
    assert room is not None
    world.ledger.inside[room] = {"ada"}
    for who in (ben, cat):
        name = parse_user_name(who.user)
        await insist(
            ada,
            lambda name=name: ada.client.invitations.send(room, name),
            lambda who=who: bool(who.client.invitations.all),
        )
        await insist(
            who, lambda who=who: who.client.invitations.accept(room), lambda who=who: bool(room_of(who))
        )
        world.ledger.inside[room].add(who.user)
    await world.agreed(room, ada, ben, cat)
    await world.goes_on(room, ada, ben, cat)
    world.ledger.inside[room].discard("cat")
    await insist(ada, lambda: ada.client.rooms.kick(room, parse_user_name("cat")), lambda: not room_of(cat))
    await world.agreed_without(room, "cat", ada, ben)
    await world.goes_on(room, ada, ben)
    await world.judge()


def room_of(device: Device) -> RoomId | None:
    """Return the room of this story, if someone is in it."""
    return next((room.id for room in device.client.rooms.all if room.name == DEN), None)


async def insist(device: Device, act: Callable[[], Awaitable[object]], is_done: Callable[[], bool]) -> None:
    """Ask for something as often as a person would who was told that it failed."""
    for _ in range(len(CALLS)):
        await device.attempt(act())
        for _ in range(50):
            await device.world.turn()
            if is_done():
                return
    raise AssertionError(f"it never came to pass; {device!r} was told {device.errors}")


def fail_once(lies: Lies, failure: str, *, lost: bool) -> None:
    """Let each call fail once: refused, or done with its answer lost."""
    into = lies.lost if lost else lies.refusals
    for call in CALLS:
        into[call] = [FAILURES[failure]()]


@pytest.mark.parametrize(
    "failure", ["500", "429", *(pytest.param(one, marks=pytest.mark.long) for one in ("503", "cut"))]
)
async def test_every_call_is_refused_once(world: World, failure: str) -> None:
    """Each call of the delivery service fails once for everyone."""
    for device in await world.start("ada", "ben", "cat"):
        fail_once(device.lies, failure, lost=False)
    await story(world)


async def test_every_answer_is_lost_once(world: World) -> None:
    """Each call is done once without its answer: nothing is done twice."""
    for device in await world.start("ada", "ben", "cat"):
        fail_once(device.lies, "cut", lost=True)
    await story(world)


@pytest.mark.parametrize("code", [ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE])
async def test_every_message_is_refused_first(world: World, code: ErrorCode) -> None:
    """What the server stored and answered with an error is sent again and shown once."""
    devices = await world.start("ada", "ben", "cat")
    for device in devices:
        device.lies.frames.append(once_refused(code))
    await story(world)


def once_refused(code: ErrorCode) -> Callable[[Frame], list[Frame]]:
    """Return what answers every second acknowledgement with an error."""
    count = 0

    def told(frame: Frame) -> list[Frame]:
        nonlocal count
        if isinstance(frame, Ok) and isinstance(frame.result, Stored):
            count += 1
            if count % 2:
                return [Error(re=frame.re, code=code, retry_after=1)]
        return [frame]

    return told
