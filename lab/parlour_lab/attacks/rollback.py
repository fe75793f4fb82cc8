"""A server whose history was rolled back: restored from a backup, copied, or older only for some."""

from pathlib import Path

import apsw

from parlour_client.core.archive.schema import create
from parlour_client.core.e2ee.group.order import Links
from parlour_client.core.e2ee.group.rollback import RolledBack, is_stranger
from parlour_client.core.events import Change, HistoryWithheld
from parlour_client.core.room_log.numbering import PLAIN, DivergenceSearch
from parlour_client.core.room_log.translation import LostError, Numbers
from parlour_client.kit.connection_status import LinkState
from parlour_client.kit.errors import UnreachableError
from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.hostile.people import World
from parlour_lab.hostile.views import View
from parlour_protocol.frames import LogEvent, MessageText, Reaction
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.requests import React
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Incarnation, Millis, Seq, new_request_id
from parlour_protocol.kit.names import parse_device_name, parse_user_name

_ROOM = RoomId("Zm9vYmFyYmF6cXV4cXV1eA")
_FORKED = PLAIN.forked(Seq(10), Seq(20))
"""The server lost 11 to 19; its next event, 11, is 21 here."""


@attack(
    "An HTTPS answer comes from other logs than those of the greeting",
    expects="No number of it is used.",
    stage=Stage.UNIT,
)
def other_logs(folder: Path, seen: Evidence) -> bool:
    del folder
    numbers = Numbers()
    numbers.incarnation = Incarnation("i" * 22)
    other = Incarnation("o" * 22)
    seen.sent(f"the greeting named {numbers.incarnation}, the answer names {other}")
    try:
        numbers.check(other)
    except UnreachableError as error:
        seen.received(str(error))
        return True
    seen.received("the answer is used")
    return False


@attack(
    "A server is put back to a backup, and goes on from there",
    expects="What it lost stays on the device, and what is new is shown as well.",
    stage=Stage.PEOPLE,
)
async def restored(world: World, seen: Evidence) -> bool:
    room, (ada, ben) = await world.together("ada", "ben", encrypted=False)
    kept = world.server.backed_up()
    lost = await ada.say(room)
    await world.heard(room, lost, ben)
    await ada.stop()
    async with world.halted() as server:
        server.restore(kept)
        server.append(room, "ada", Message(text=MessageText.parse("new")))
    seen.sent(f"the server lost {lost!r}, and has another message under its number")
    await world.turns(200)
    shown = await ben.read(room)
    seen.received(f"ben's client shows {shown}, and says {await ben.words()}")
    return {lost, "new"} <= {*shown}


@attack(
    "A restored server gives a number a second time",
    expects="The new event has a number of its own here.",
    stage=Stage.UNIT,
)
def number_of_two_events(folder: Path, seen: Evidence) -> bool:
    del folder
    numbers = Numbers()
    numbers.know({_ROOM: _FORKED})
    text = Message(text=MessageText.parse("new"))
    ada, laptop = parse_user_name("ada"), parse_device_name("laptop")
    event = LogEvent(_ROOM, Seq(13), Millis(1), ada, laptop, text)
    seen.sent("the server lost events 11 to 19, and sends another event 13")
    number = numbers.event(event).seq
    seen.received(f"it has the number {number} here")
    return number > 20


@attack(
    "A server answers with other pages than those that are compared",
    expects="The comparison ends with an error.",
    stage=Stage.UNIT,
)
def other_pages(folder: Path, seen: Evidence) -> bool:
    del folder
    search = DivergenceSearch([Seq(number) for number in range(1, 101)], 50)
    seen.sent(f"a page with 1 to 50, each time that one which ends at {search.ask} is asked for")
    try:
        for _ in range(64):
            search.take(1, [True] * 50)
    except ValueError as error:
        seen.received(str(error))
        return True
    seen.received(f"64 pages later {search.ask} is still asked for")
    return False


@attack(
    "Someone reacts to a message that a restored server lost",
    expects="The request is refused here: its number means another message there.",
    stage=Stage.UNIT,
)
def reaction_to_what_is_lost(folder: Path, seen: Evidence) -> bool:
    del folder
    numbers = Numbers()
    numbers.know({_ROOM: _FORKED})
    seen.sent("a reaction to the message with the number 15 here, which the server lost")
    try:
        frame = numbers.request(React(new_request_id(), _ROOM, Seq(15), Reaction.parse("ok")))
    except LostError as error:
        seen.received(str(error))
        return True
    assert isinstance(frame, React)
    seen.received(f"the server is asked to react to its message {frame.target}")
    return False


@attack(
    "Someone who was removed after the backup creates the room's next group",
    expects="They are known not to be in the room.",
    stage=Stage.UNIT,
)
def group_of_a_removed_member(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, ben, cat = (parse_user_name(name) for name in ("ada", "ben", "cat"))
    known = RolledBack(due=True, people=frozenset({ada, ben}))
    seen.sent("ada and ben are the members that this device knew; cat creates a group")
    stranger = is_stranger(_archive(), _ROOM, cat, known)
    seen.received(f"cat is {'not ' if stranger else ''}taken for a member")
    return stranger


@attack(
    "The server shows a device the same ciphertext twice",
    expects="It counts once among what the device has processed.",
    stage=Stage.UNIT,
)
def counted_twice(folder: Path, seen: Evidence) -> bool:
    del folder
    links = Links(_archive(), _ROOM)
    links.begins(Seq(1))
    for number in (1, 2):
        links.place(Seq(number), b"ciphertext", None, late=False)
        seen.sent(f"the ciphertext as event {number}")
    said = links.next(None, ())
    seen.received(f"the device's next message says that it has processed {said.seen}")
    return said.seen == 1


@attack(
    "The server shows an older history for a while, and then the whole one",
    expects="Each message is there once.",
    stage=Stage.PEOPLE,
)
async def older_for_a_while(world: World, seen: Evidence) -> bool:
    room, (ada, ben) = await world.together("ada", "ben", encrypted=False)
    texts = [await ada.say(room) for _ in range(3)]
    await world.heard(room, texts[-1], ben)
    head = world.server.head(room)
    View(room, dropped=set(range(head - 2, head + 1))).tell(ben.lies)
    seen.sent(f"ben is shown a history without {texts}, and then the whole one")
    await ben.reconnect(ready=False)
    await world.told(ben, "older")
    ben.lies.end()
    await ben.reconnect()
    await world.heard(room, await ada.say(room), ben)
    shown = await ben.read(room)
    seen.received(f"ben's client shows {shown}, and says {await ben.words()}")
    return all(shown.count(text) == 1 for text in texts)


@attack(
    "The server says that a room has seven more events, and later that it has not",
    expects="The client reports once that the server's history is older.",
    stage=Stage.PEOPLE,
)
async def heard_of_only(world: World, seen: Evidence) -> bool:
    room, (_, ben) = await world.together("ada", "ben", encrypted=False)
    ben.lies.heads(room, 7)
    await ben.reconnect(ready=False)
    await world.turns(20)
    ben.lies.end()
    said: list[Change] = []
    ben.client.events.subscribe(said.append)
    seen.sent("a greeting with a head that is seven more than it is, and one with the true head")
    await ben.reconnect()
    reports = [one for one in said if isinstance(one, HistoryWithheld)]
    seen.received(f"ben's client reports {reports}")
    return [one.room for one in reports] == [room]


@attack(
    "A device goes on after a rollback in which it and another one lost different messages",
    expects="What it had seen before is not reported as hidden.",
    stage=Stage.UNIT,
)
def reported_twice(folder: Path, seen: Evidence) -> bool:
    del folder
    ada, ben = Links(_archive(), _ROOM), Links(_archive(), _ROOM)
    name, device = parse_user_name("ada"), DeviceId("a" * 26)
    for links in (ada, ben):
        links.begins(Seq(5))
        links.place(Seq(5), b"kept", None, late=False)
    ben.hear(Seq(6), name, device, ada.next(None, ()), current=False)
    ben.save()
    ada.place(Seq(6), b"lost", None, late=False)
    ben.forked(Seq(5))
    seen.sent("the server is rolled back; ada had seen a message that ben never got, and writes")
    note, _ = ben.hear(Seq(7), name, device, ada.next(None, ()), current=False)
    seen.received(f"ben's client reports {None if note is None else note.detail}")
    return note is None


@attack(
    "A restored server takes an entry out of its key log later",
    expects="It is an alarm: a restore excuses one reading only.",
    stage=Stage.PEOPLE,
)
async def second_excuse(world: World, seen: Evidence) -> bool:
    (ada, _) = await world.start("ada", "ben")
    async with world.halted() as server:
        server.restore(server.backed_up())
    await world.turns(100)
    assert ada.client.connection.status.state is LinkState.ONLINE
    seen.sent("the server is restored with all that it had; when that was read, it takes out the newest key")
    await ada.stop()
    async with world.halted() as server:
        server.edit("DELETE FROM key_log WHERE number = (SELECT max(number) FROM key_log)")
    await ada.start(ready=False)
    await world.turns(50)
    words = await ada.words()
    seen.received(f"ada's client says: {words}")
    return any("took entries out" in one for one in words)


def _archive() -> apsw.Connection:
    """Return an empty archive in memory."""
    connection = apsw.Connection(":memory:")
    create(connection)
    return connection
