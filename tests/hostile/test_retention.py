"""What a server hides behind a room's retention: numbers that expired, for one device or on one page only."""

import itertools

import pytest
from msgspec.structs import replace

from parlour_client.core.model import NoteKind
from parlour_lab.hostile.middle import Told
from parlour_lab.hostile.people import Device, World
from parlour_protocol.frames import Ok
from parlour_protocol.frames.replies import Page
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import Millis, Seq

DAY_SECONDS = 86_400
KINDS = (NoteKind.EXPIRED, NoteKind.MISSING)


async def gaps(device: Device, room: RoomId) -> list[tuple[NoteKind, int]]:
    """Return the rows about missing events: their kind and last number."""
    rows = await device.entries(room)
    return [(one.note.kind, one.seq or 0) for one in rows if one.note is not None and one.note.kind in KINDS]


def keep(world: World, room: RoomId, days: int, removed: tuple[int, ...], kept_from: int) -> None:
    """Show a retention, and remove events as if by it."""
    world.server.edit("UPDATE rooms SET kept_days = ? WHERE room = ?", days, room)
    world.server.edit("UPDATE logs SET kept_from = ? WHERE log = ?", kept_from, room)
    for seq in removed:
        world.server.edit("DELETE FROM entries WHERE log = ? AND seq = ?", room, seq)


def says_kept_from(device: Device, *numbers: int) -> None:
    """Tell a device these numbers, one page after another, whatever room it is about."""
    turn = itertools.cycle(numbers)

    def told(frame: Frame) -> Told:
        match frame:
            case Ok(result=Page() as page):
                return [replace(frame, result=replace(page, kept_from=Seq(next(turn))))]
            case _:
                return [frame]

    device.lies.frames.append(told)


@pytest.mark.parametrize("encrypted", [True, False])
@pytest.mark.parametrize(
    "claimed",
    [
        [0],
        [2**40],
        [2**40, 0],
        *(pytest.param(one, marks=pytest.mark.long) for one in ([1], [40], [0, 2**40])),
    ],
)
async def test_young_messages_left_out_as_expired(
    world: World, claimed: list[int], *, encrypted: bool
) -> None:
    """Whatever number the pages say, also one beyond the room's head: messages of today are missing.

    Another member, who is told the truth, reads them.
    """
    room, (ada, ben) = await world.together("ada", "ben", encrypted=encrypted)
    await ben.stop()
    texts = [await ada.say(room) for _ in range(4)]
    head = world.server.head(room)
    gone = (head - 2, head - 1)
    keep(world, room, 7, (), 0)
    ben.lies.events(lambda event: [] if event.room == room and event.seq in gone else [event])
    says_kept_from(ben, *claimed)
    await ben.start(ready=False)
    await world.heard(room, texts[3], ben)
    assert await gaps(ben, room) == [(NoteKind.MISSING, gone[1])]
    await world.told(ben, f"does not show events {gone[0]} to {gone[1]}")
    assert (await ada.read(room))[-4:] == texts
    await world.goes_on(room, ada, ben)
    await world.judge()


@pytest.mark.parametrize(("claimed", "kind"), [([2**40], NoteKind.EXPIRED), ([0], NoteKind.MISSING)])
async def test_what_one_device_is_told_expired(world: World, claimed: list[int], kind: NoteKind) -> None:
    """Old enough, and named or not named to this device alone: a quiet row, or a missing one."""
    room, (ada, ben) = await world.together("ada", "ben", encrypted=False)
    await ben.stop()
    await ada.say(room)
    await ada.say(room)
    head = world.server.head(room)
    await ada.stop()
    world.clock.advance(10 * DAY_SECONDS)
    await ada.start()
    keep(world, room, 7, (head - 1, head), head + 1)
    text = await ada.say(room)
    says_kept_from(ben, *claimed)
    await ben.start(ready=False)
    await world.heard(room, text, ben)
    assert await gaps(ben, room) == [(kind, head)]
    await world.goes_on(room, ada, ben)


async def test_a_time_to_come_up_to_which_messages_were_removed(world: World) -> None:
    """``removed_before`` is the server's word: by this device's clock it is a day ago at the latest."""
    room, (ada, ben) = await world.together("ada", "ben", encrypted=False)
    await ben.stop()
    await ada.say(room)
    await ada.say(room)
    head = world.server.head(room)
    keep(world, room, 30, (head - 1,), head)
    world.server.edit(
        "UPDATE rooms SET removed_before = ? WHERE room = ?",
        Millis(int(world.clock.time) + 900 * 86_400_000), room,
    )  # fmt: skip
    await ben.start(ready=False)
    await world.told(ben, f"does not show event {head - 1}")
    await world.goes_on(room, ada, ben)


async def test_a_message_that_expired_shown_again_at_the_end(world: World) -> None:
    """Its number was given up; under a new one it is shown once, as out of its order."""
    room, (ada, ben) = await world.together("ada", "ben")
    await ben.stop()
    first = await ada.say(room)
    lost = world.server.sealed(room)[-1]
    body = world.server.event(room, lost)
    await ada.say(room)
    await ada.stop()
    world.clock.advance(10 * DAY_SECONDS)
    await ada.start()
    text = await ada.say(room)
    keep(world, room, 7, (lost,), lost + 1)
    await ben.start(ready=False)
    await world.heard(room, text, ben)
    assert await gaps(ben, room) == [(NoteKind.EXPIRED, lost)]
    async with world.halted() as server:
        server.append(room, "ada", body)
    await world.heard(room, first, ben)
    await world.told(ben, "out of order", "ada")
    await world.goes_on(room, ada, ben)
    await world.judge()
