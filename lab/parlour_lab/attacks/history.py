"""What a server leaves out of a log, holds back, or calls deleted."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from parlour_client.core.e2ee.backup.sealed import (
    START,
    BackupError,
    BackupKey,
    Manifest,
    digest_of,
    new_backup,
)
from parlour_client.core.e2ee.group.order import Shown, take_number
from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.core.room_log.missing import MissingEvents, complete, first_of
from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.hostile.people import World
from parlour_lab.hostile.views import View
from parlour_protocol.encrypted.links import DIGEST_BYTES, TIP_BYTES, Link
from parlour_protocol.frames import LogEvent, MessageText
from parlour_protocol.frames.bodies import Blank, Message
from parlour_protocol.frames.requests import History
from parlour_protocol.frames.wire import encode_body
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq, new_request_id
from parlour_protocol.kit.names import parse_device_name, parse_user_name

_ROOM = RoomId("Zm9vYmFyYmF6cXV4cXV1eA")


@attack(
    "The server leaves out a message and numbers the rest again",
    expects="The author's next message says that one is missing.",
    stage=Stage.PEOPLE,
)
async def left_out(world: World, seen: Evidence) -> bool:
    room, (ada, ben) = await world.together("ada", "ben")
    await ben.stop()
    texts = [await ada.say(room) for _ in range(3)]
    lost = world.server.sealed(room)[-2]
    View(room, dropped={lost}).tell(ben.lies)
    seen.sent(f"of {texts} ben is not shown the second")
    await ben.start()
    await world.heard(room, texts[2], ben)
    assert texts[1] not in await ben.read(room)
    seen.received(f"ben's client says: {await ben.words()}")
    return await ben.tells("missing", "ada")


@attack(
    "A message is overtaken by one that another program of the same device sends",
    expects="Nothing is reported as missing: the message said that the other one may come later.",
    stage=Stage.UNIT,
)
def overtaken(folder: Path, seen: Evidence) -> bool:
    del folder
    link = Link(3, 3, 0, (0, 0), 0, bytes(TIP_BYTES + DIGEST_BYTES), less=(2, 2))
    seen.sent(f"after number 1: {link}")
    numbered = take_number(Shown(last=1, place=0), link, 1)
    seen.received(f"missing: {numbered.missing}")
    return not numbered.missing


@attack(
    "The server removes a message and says that it was deleted",
    expects="A row says that no one who may delete it asked for that.",
    stage=Stage.PEOPLE,
)
async def called_deleted(world: World, seen: Evidence) -> bool:
    room, (ada, ben) = await world.together("ada", "ben")
    await ben.stop()
    texts = [await ada.say(room) for _ in range(2)]
    async with world.halted() as server:
        server.edit(
            "UPDATE entries SET kind = 'blank', body = ? WHERE log = ? AND seq = ?",
            encode_body(Blank(was="sealed")), room, server.sealed(room)[-2],
        )  # fmt: skip
    seen.sent(f"of {texts} the first is blanked")
    await ben.start()
    await world.heard(room, texts[1], ben)
    seen.received(f"ben's client says: {await ben.words()}")
    return await ben.tells("deleted this message from ada", "no one who may delete it asked for that")


@attack(
    "The server answers with a page that skips numbers, in another order",
    expects="The page is sorted, and each run that it skips is marked.",
    stage=Stage.UNIT,
)
def page_with_holes(folder: Path, seen: Evidence) -> bool:
    del folder
    return _completed([9, 3, 6], seen) == [(3, 3), (4, 5), (6, 6), (7, 8), (9, 9)]


@attack(
    "The server skips a thousand numbers",
    expects="One row says so.",
    stage=Stage.UNIT,
)
def a_thousand_missing(folder: Path, seen: Evidence) -> bool:
    del folder
    return len(_completed([3, 1_004], seen)) == 3


def _completed(numbers: Sequence[int], seen: Evidence) -> list[tuple[int, int]]:
    ada, laptop = parse_user_name("ada"), parse_device_name("laptop")
    body = Message(text=MessageText.parse("hello"))
    page = [LogEvent(_ROOM, Seq(take_number), Millis(1), ada, laptop, body) for take_number in numbers]
    seen.sent(f"after 2 there are {list(numbers)}")
    found = complete(History(id=new_request_id(), room=_ROOM, after=Seq(2)), page)
    stretches = [(int(first_of(one)), int(one.seq)) for one in found]
    missing = [one.note.detail for one in found if isinstance(one, MissingEvents)]
    seen.received(f"{len(found)} rows, {len(missing)} of them for what is missing: {missing[:2]}")
    return stretches


@attack(
    "The server's log of an encrypted room has a hole",
    expects="A row in its place says which event is missing, and what follows is read.",
    stage=Stage.PEOPLE,
)
async def hole_in_a_room(world: World, seen: Evidence) -> bool:
    room, (ada, ben) = await world.together("ada", "ben")
    await ben.stop()
    texts = [await ada.say(room) for _ in range(3)]
    lost = world.server.sealed(room)[-2]
    ben.lies.events(lambda event: [] if (event.room, event.seq) == (room, lost) else [event])
    seen.sent(f"of {texts} ben is not shown the second; its number {lost} is skipped")
    await ben.start(ready=False)
    await world.heard(room, texts[2], ben)
    seen.received(f"ben's client says: {await ben.words()}")
    return await ben.tells(f"does not show event {lost}")


@attack(
    "A home is put back to an older copy, and its owner writes on",
    expects="Nothing is encrypted before a commit has taken effect: others can read what is written.",
    stage=Stage.PEOPLE,
)
async def older_home(world: World, seen: Evidence) -> bool:
    room, (ada, ben) = await world.together("ada", "ben")
    await ada.stop()
    copy = world.folder / "older"
    shutil.copytree(ada.home, copy)
    await ada.start()
    await world.heard(room, await ada.say(room), ben)
    await ada.stop()
    shutil.rmtree(ada.home)
    shutil.copytree(copy, ada.home)
    await ada.start()
    text = await ada.say(room)
    seen.sent(f"from the older home ada writes {text!r}")
    await world.until(lambda: ben.top(room) >= world.server.head(room))
    shown = await ben.read(room)
    seen.received(f"ben's client shows {shown}, and says {await ben.words()}")
    return text in shown


@attack(
    "The server says that a room has seven more events, and shows none",
    expects="The room says where it ends.",
    stage=Stage.PEOPLE,
)
async def claimed_events(world: World, seen: Evidence) -> bool:
    room, (ada, ben) = await world.together("ada", "ben")
    await ben.stop()
    ben.lies.heads(room, 7)
    seen.sent("a greeting with a head that is seven more than it is")
    await ben.start()
    await world.heard(room, await ada.say(room), ben)
    seen.received(f"ben's client says: {await ben.words()}")
    return await ben.tells("but shows none after")


@attack(
    "A part of a backup is exchanged for one that the same device sealed for another version",
    expects="The backup is refused.",
    stage=Stage.UNIT,
)
def exchanged_backup(folder: Path, seen: Evidence) -> bool:
    del folder
    key, backup = BackupKey(AccountKey.generate()), new_backup()
    first, other = (key.seal_chunk(backup, 0, START, text) for text in (b"yes", b"no"))
    last = key.seal_chunk(backup, 1, digest_of(first), b"agreed")
    manifest = Manifest(backup, 1, START, "ada", "here", chunks=2, tip=digest_of(last), events=2, at=1)
    seen.sent("a backup of two parts, the first of which is from another version")
    try:
        read = list(key.chunks(manifest, [other, last]))
    except BackupError as error:
        seen.received(error)
        return True
    seen.received(f"restored: {read}")
    return False
