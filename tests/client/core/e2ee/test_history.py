"""History from one device of a person to another, and from nobody else."""

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator

from tests.client.core.e2ee.flat import Flat
from tests.client.core.e2ee.house import LAPTOP
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE, World
from tests.client.core.e2ee.test_chat import texts
from tests.client.core.e2ee.test_orchestration import pair, say

from parlour_client.core.e2ee import attachments, people, vouched
from parlour_client.core.e2ee.interface import Trust
from parlour_client.core.e2ee.keys import AccountKey
from parlour_client.core.e2ee.opening import BEFORE_JOIN
from parlour_client.core.model import Change, HistoryReplaced
from parlour_protocol.frames import LogEvent, MessageText, encode
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import FileName
from parlour_protocol.frames.opaque import FileKey
from parlour_protocol.ids import Millis, RoomId, Seq
from parlour_protocol.mls import Secret
from parlour_protocol.sealed import FileKeyed, HistoryContent


async def test_a_new_device_gets_what_was_said_before(flat: Flat) -> None:
    """Through files that the server cannot read; and answers to what is old work from there."""
    ana, ben, room = await pair(flat)
    await say(flat, ben, room, "CANARY long ago")
    await say(flat, ana, room, "CANARY yes")
    phone = await flat.open(ANA, "phone")
    approving = asyncio.ensure_future(ana.encryption.approve(phone.encryption.own().code))
    await flat.until(approving.done)
    await flat.quiet()
    assert await texts(phone, room) == []
    (unread,) = [entry for entry in await phone.timeline(room) if entry.trouble]
    assert unread.trouble == BEFORE_JOIN  # one row for both
    told: list[Change] = []
    phone.subscribe(told.append)
    sending = asyncio.ensure_future(ana.encryption.send_history(phone.encryption.own().device))
    await flat.until(sending.done)
    assert sending.result() >= 2
    await flat.quiet()
    changed = flat.house.files
    assert changed
    assert not any(b"CANARY" in data for data in changed.values())
    await flat.until_true(lambda: texts(phone, room), ["CANARY long ago", "CANARY yes"])
    assert not [entry for entry in await phone.timeline(room) if entry.trouble]
    assert HistoryReplaced(room) in told
    (first, *_) = [entry for entry in await phone.timeline(room) if entry.text is not None]
    assert first.seq is not None
    answer = await phone.send(room, "I am new here", reply_to=first.seq)
    assert answer.request is not None
    await flat.until(lambda: not phone._engine.outbox.unsent(room))
    await flat.quiet()
    (*_, last) = [entry for entry in await ben.timeline(room) if entry.text is not None]
    assert (str(last.text), last.reply_to) == ("I am new here", first.seq)


async def test_whom_one_verified_is_verified_on_the_other_device(flat: Flat) -> None:
    """People compare keys with people, once; who was only seen is only seen there, too."""
    ana, _, _ = await pair(flat)
    phone = await flat.open(ANA, "phone")
    eve = await flat.open(EVE)
    number = (await ana.encryption.person(BEN)).safety_number
    await ana.encryption.person(EVE)
    await ana.encryption.confirm(BEN, number.split()[-1])
    approving = asyncio.ensure_future(ana.encryption.approve(phone.encryption.own().code))
    await flat.until(approving.done)
    assert phone.encryption.trust(BEN) is not Trust.VERIFIED
    sending = asyncio.ensure_future(ana.encryption.send_history(phone.encryption.own().device))
    await flat.until(sending.done)
    await flat.until(lambda: phone.encryption.trust(BEN) is Trust.VERIFIED)
    assert phone.encryption.trust(EVE) is not Trust.VERIFIED
    assert eve.encryption.trust(BEN) is not Trust.VERIFIED


async def test_another_key_than_the_compared_one_is_not_verified(world: World) -> None:
    """Nor is a change that was seen here undone by what was compared before it, but by what was after."""
    ana, _ = await world.home(ANA), await world.home(BEN)
    await ana.identities.catch_up()
    key = await ana.archive.run(people.meet, BEN, world.clock.now())
    assert key is not None
    await ana.archive.run(vouched.take, BEN, b"k" * 32, world.clock.now())
    await ana.identities.refresh()
    assert ana.identities.trust(BEN) is Trust.FIRST_SEEN
    world.service.swap_account_key(BEN, AccountKey.generate())
    await ana.identities.catch_up()
    await ana.archive.run(vouched.take, BEN, key, world.clock.now())
    await ana.identities.refresh()
    assert ana.identities.trust(BEN) is Trust.CHANGED
    changed = await ana.archive.run(people.meet, BEN, world.clock.now())
    assert changed is not None
    await ana.archive.run(vouched.take, BEN, changed, world.clock.now())
    await ana.identities.refresh()
    assert ana.identities.trust(BEN) is Trust.VERIFIED  # the person decided, on the other device


async def test_history_of_somebody_else_is_not_taken(flat: Flat) -> None:
    """Not even in a room that both are in: else anybody could make up what was said."""
    ana, ben, room = await pair(flat)
    line = json.dumps(["event", encode(forged(room)).decode(), True, None, None]).encode()
    sealed, key = await seal_file(line)
    stored = await flat.lines[ben].upload(room, sealed, attachments.sealed_size(len(line)))
    file = FileKeyed(
        file=stored.file,
        key=FileKey(key.reveal()),
        sha256=stored.sha256,
        name=FileName("history"),
        media_type="application/octet-stream",
        size=len(line),
    )
    conversation = ben._engine.conversation
    assert conversation is not None
    await ben._engine.encryption.sealing.say(conversation, room, HistoryContent(file=file, part=0, parts=1))
    await flat.quiet()
    calls = flat.house.calls.count("download")
    await say(flat, ben, room, "after it")
    await flat.quiet()
    assert await texts(ana, room) == ["after it"]
    assert flat.house.calls.count("download") == calls == 0


def forged(room: RoomId) -> LogEvent:
    """Return a message that ana never wrote."""
    return LogEvent(
        room=room,
        seq=Seq(1),
        at=Millis(1),
        author=ANA,
        device=LAPTOP,
        body=Message(text=MessageText("CANARY")),
    )


async def seal_file(data: bytes) -> tuple[AsyncIterator[bytes], Secret]:
    """Seal bytes as a file."""
    key = attachments.new_key()
    return attachments.seal(io.BytesIO(data), len(data), key, hashlib.sha256(), lambda _done, _all: None), key
