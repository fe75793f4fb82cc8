"""What the server leaves out of a log, repeats, or turns around: for everyone, or for one device."""

import pytest

from parlour_lab.hostile.people import Device, World
from parlour_lab.hostile.views import View
from parlour_protocol.frames.bodies import Blank
from parlour_protocol.frames.wire import encode_body
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq


async def away(room: RoomId, who: Device, *others: Device, count: int) -> list[str]:
    """Have others write so many messages while someone is away; the texts, in order."""
    await who.stop()
    return [await others[number % len(others)].say(room) for number in range(count)]


async def test_one_message_left_out_and_renumbered(world: World) -> None:
    """A message that is missing is a row at the receiver, also where no number shows it."""
    room, (ada, ben) = await world.together("ada", "ben")
    texts = await away(room, ben, ada, count=3)
    lost = world.server.sealed(room)[-2]
    View(room, dropped={lost}).tell(ben.lies)
    await ben.start()
    await world.heard(room, texts[2], ben)
    assert texts[1] not in await ben.read(room)
    await world.told(ben, "missing", "ada")
    await world.judge()


async def test_the_first_message_after_a_join_left_out(world: World) -> None:
    """Also the first message that a new member could have read is missed."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben)
    await world.goes_on(room, ada, ben)
    await world.admit(room, ada, cat)
    await cat.stop()
    _, second = await world.in_a_row(room, ada, ada)
    View(room, dropped={world.server.sealed(room)[-2]}).tell(cat.lies)
    await cat.start()
    await world.heard(room, second, cat)
    await world.told(cat, "missing", "ada")
    await world.judge()


async def test_two_messages_turned_around(world: World) -> None:
    """Two messages of one author in another order than they were written are told."""
    room, (ada, ben) = await world.together("ada", "ben")
    await ben.stop()
    await world.in_a_row(room, ada, ada)
    view = View(room)
    view.swap(*world.server.sealed(room)[-2:])
    last = await ada.say(room)
    view.tell(ben.lies)
    await ben.start()
    await world.heard(room, last, ben)
    await world.told(ben, "order")
    await world.judge()


async def test_an_answer_shown_before_what_it_answers(world: World) -> None:
    """Two messages of two authors are told, too, where the later author had read the earlier message."""
    room, (ada, ben, cat) = await world.together("ada", "ben", "cat")
    await cat.stop()
    _, second = await world.in_a_row(room, ada, ben)
    view = View(room)
    view.swap(*world.server.sealed(room)[-2:])
    view.tell(cat.lies)
    await cat.start()
    await world.heard(room, second, cat)
    await world.told(cat, "order")
    await world.judge()


async def test_a_log_cut_off_and_continued(world: World) -> None:
    """The newest messages left out for someone are told with the next message that is not."""
    room, (ada, ben, cat) = await world.together("ada", "ben", "cat")
    lost = await away(room, cat, ada, count=2)
    view = View(room, dropped=set(world.server.sealed(room)[-2:]))
    view.tell(cat.lies)
    await cat.start()
    await world.heard(room, lost[-1], ben)
    text = await ben.say(room)  # ben has read what cat was not shown
    await world.heard(room, text, cat)
    await world.told(cat, "missing")
    await world.judge()


async def test_two_people_are_shown_different_messages(world: World) -> None:
    """A view that was split is reported as soon as one message gets from the one side to the other."""
    room, (ada, ben, cat) = await world.together("ada", "ben", "cat")
    await ben.stop()
    await cat.stop()
    first, second = await ada.say(room), await ada.say(room)
    sealed = world.server.sealed(room)
    View(room, dropped={sealed[-2]}).tell(ben.lies)
    View(room, dropped={sealed[-1]}).tell(cat.lies)
    await ben.start()
    await cat.start()
    await world.heard(room, second, ben)
    await world.heard(room, first, cat)
    await world.told(ben, "missing", "ada")
    text = await ben.say(room)
    await world.heard(room, text, cat)
    await world.told(cat, "missing")
    await world.judge()


async def test_the_newest_withheld_from_everyone_is_seen_by_no_one(world: World) -> None:
    """What no one was shown and nothing followed cannot be missed; it is read once it is shown."""
    room, (ada, ben, cat) = await world.together("ada", "ben", "cat")
    await cat.stop()
    (text,) = await away(room, ben, ada, count=1)
    last = world.server.sealed(room)[-1]
    for device in (ben, cat):
        View(room, dropped={last}).tell(device.lies)
        await device.start()
    await world.turns(200)
    for device in (ben, cat):
        assert text not in await device.read(room)
        assert not await device.tells("missing")
        device.lies.end()
        await device.reconnect()
        await world.heard(room, text, device)
    await world.goes_on(room, ada, ben, cat)
    await world.judge()


async def test_a_hole_in_one_room(world: World) -> None:
    """A row that is missing is that room's trouble, in words; other rooms and the connection go on."""
    ada, ben = await world.start("ada", "ben")
    room, other = await world.room(ada, ben), await world.room(ada, ben)
    await world.goes_on(room, ada, ben)
    texts = await away(room, ben, ada, count=3)
    async with world.halted() as server:
        server.edit("DELETE FROM entries WHERE log = ? AND seq = ?", room, server.sealed(room)[-2])
    await ben.start(ready=False)
    await world.stays(other, ada, ben)
    await world.heard(room, texts[2], ben)
    await world.told(ben, "the server's storage is damaged")
    await world.goes_on(room, ada, ben)
    await world.judge()


async def test_a_message_held_back_from_one(world: World) -> None:
    """A number that one client is not shown is a row in that room; the others and the connection go on."""
    ada, ben = await world.start("ada", "ben")
    room, other = await world.room(ada, ben), await world.room(ada, ben)
    await world.goes_on(room, ada, ben)
    texts = await away(room, ben, ada, count=3)
    lost = world.server.sealed(room)[-2]
    ben.lies.events(lambda event: [] if (event.room, event.seq) == (room, lost) else [event])
    await ben.start(ready=False)
    await world.stays(other, ada, ben)
    await world.heard(room, texts[2], ben)
    await world.told(ben, f"does not show event {lost}")
    await world.goes_on(room, ada, ben)
    await world.judge()


async def test_a_hole_in_an_open_room(world: World) -> None:
    """The same in a room that is not encrypted."""
    ada, ben = await world.start("ada", "ben")
    room = await world.open_room(ada, ben)
    other = await world.room(ada, ben)
    texts = await away(room, ben, ada, count=3)
    async with world.halted() as server:
        server.edit("DELETE FROM entries WHERE log = ? AND seq = ?", room, server.head(room) - 1)
    await ben.start(ready=False)
    await world.stays(other, ada, ben)
    await world.heard(room, texts[2], ben)
    await world.goes_on(room, ada, ben)
    await world.judge()


async def test_pages_out_of_order(world: World) -> None:
    """A page whose numbers jump is that room's trouble; other rooms and the connection go on."""
    ada, ben = await world.start("ada", "ben")
    room, other = await world.room(ada, ben), await world.room(ada, ben)
    texts = await away(room, ben, ada, count=4)
    ben.lies.pages(room, lambda events: [*events[:-2], *reversed(events[-2:])])
    await ben.start(ready=False)
    await world.stays(other, ada, ben)
    ben.lies.end()
    await ben.reconnect()
    await world.heard(room, texts[3], ben)
    await world.goes_on(room, ada, ben)
    await world.judge()


async def test_a_message_dropped_as_if_it_were_deleted(world: World) -> None:
    """A message that the server calls deleted, and that no one who may has deleted, is told."""
    room, (ada, ben) = await world.together("ada", "ben")
    texts = await away(room, ben, ada, count=2)
    async with world.halted() as server:
        blank = encode_body(Blank(was="sealed"))
        lost = server.sealed(room)[-2]
        server.edit(
            "UPDATE entries SET kind = 'blank', body = ? WHERE log = ? AND seq = ?", blank, room, lost
        )
    await ben.start()
    await world.heard(room, texts[1], ben)
    await world.told(ben, "deleted this message from ada", "no one who may delete it asked for that")
    await world.goes_on(room, ada, ben)
    await world.judge()


async def test_a_message_repeated(world: World) -> None:
    """A message that is sent again by the server is shown once, and the other place is a row."""
    ada, ben = await world.start("ada", "ben")
    room = await world.room(ada, ben)
    text = await ada.say(room)
    await world.heard(room, text, ben)
    async with world.halted() as server:
        server.append(room, "ada", server.event(room, server.sealed(room)[-1]))
    await world.goes_on(room, ada, ben)
    await world.told(ben, "came a second time")
    await world.judge()


async def test_a_message_under_another_name(world: World) -> None:
    """A message that the server ascribes to someone else is shown as no one's."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben, cat)
    await ben.stop()
    await ada.say(room)
    async with world.halted() as server:
        last = server.sealed(room)[-1]
        server.edit("UPDATE entries SET author = 'cat' WHERE log = ? AND seq = ?", room, last)
    await ben.start()
    await world.goes_on(room, cat, ben)
    await world.told(ben, "the server claimed something about a message")
    await world.judge()


async def test_a_false_head(world: World) -> None:
    """A head that is not so, higher or lower, is no reason to lose a message or the connection."""
    ada, ben = await world.start("ada", "ben")
    room, other = await world.room(ada, ben), await world.room(ada, ben)
    await world.goes_on(room, ada, ben)
    for false in (-2, +3):
        ben.lies.heads(room, false)
        await ben.reconnect(ready=False)
        await world.stays(other, ada, ben)
        ben.lies.end()
        await ben.reconnect()
        await world.goes_on(room, ada, ben)
    await world.judge()


async def test_a_false_time(world: World) -> None:
    """A time that is not so moves no message and ends nothing."""
    ada, ben = await world.start("ada", "ben")
    room = await world.room(ada, ben)
    texts = await away(room, ben, ada, count=2)
    async with world.halted() as server:
        first, second = server.sealed(room)[-2:]
        server.edit("UPDATE entries SET at = 1 WHERE log = ? AND seq = ?", room, first)
        server.edit("UPDATE entries SET at = at + 400 * 86400000 WHERE log = ? AND seq = ?", room, second)
    await ben.start()
    await world.heard(room, texts[1], ben)
    assert (await ben.read(room))[-2:] == texts
    await world.goes_on(room, ada, ben)
    await world.judge()


@pytest.mark.parametrize("days", [-400, 400])
async def test_a_greeting_with_a_false_time(world: World, days: int) -> None:
    """A false time in the greeting ends nothing and forgets nothing: messages are sent and read."""
    room, (ada, ben) = await world.together("ada", "ben")
    for device in (ada, ben):
        device.lies.time(days)
        await device.reconnect()
    await world.goes_on(room, ada, ben)
    for device in (ada, ben):
        device.lies.end()
        await device.reconnect()
    await world.goes_on(room, ada, ben)
    await world.judge()


async def test_a_commit_withheld_from_one(world: World) -> None:
    """Who was not shown a commit cannot read on, says so, and reads again once the server shows it."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room, other = await world.room(ada, ben), await world.room(ada, ben)
    await ben.stop()
    await world.admit(room, ada, cat)
    text = await ada.say(room)
    ((commit,),) = world.server.look(
        "SELECT max(seq) FROM entries WHERE log = ? AND kind = 'handshake' AND seq < ?",
        room, world.server.sealed(room)[-1],
    )  # fmt: skip
    View(room, dropped={commit}).tell(ben.lies)
    await ben.start(ready=False)
    await world.stays(other, ada, ben)
    assert text not in await ben.read(room)
    assert len(await ben.words()) > 2
    await world.judge()


async def test_an_old_commit_repeated(world: World) -> None:
    """A commit that the server repeats changes nothing, is no reason to stop, and splits nothing."""
    ada, ben, cat = await world.start("ada", "ben", "cat")
    room = await world.room(ada, ben, cat)
    async with world.halted() as server:
        ((commit,),) = server.look("SELECT max(seq) FROM entries WHERE log = ? AND kind = 'handshake'", room)
        server.append(room, "ada", server.event(room, commit))
    await world.goes_on(room, ada, ben, cat)
    await world.judge()


def test_a_view_translates_both_ways() -> None:
    """What this folder tells a device fits together: each number that is shown leads back to its event."""
    view = View(RoomId("r" * 22), dropped={3, 5})
    assert [view.shown(seq) for seq in (1, 2, 4, 6, 7)] == [1, 2, 3, 4, 5]
    assert [view.true(Seq(seq)) for seq in (0, 1, 2, 3, 4, 5)] == [0, 1, 3, 5, 6, 7]
