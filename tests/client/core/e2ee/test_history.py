"""History from one device of a person to another, and from nobody else."""

import asyncio

from tests.client.core.e2ee.flat import Flat
from tests.client.core.e2ee.identity_world import ANA
from tests.client.core.e2ee.test_chat import texts
from tests.client.core.e2ee.test_orchestration import pair, say


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
    sending = asyncio.ensure_future(ana.encryption.send_history(phone.encryption.own().device))
    await flat.until(sending.done)
    assert sending.result() >= 2
    await flat.quiet()
    changed = flat.house.files
    assert changed
    assert not any(b"CANARY" in data for data in changed.values())
    await flat.until_true(lambda: texts(phone, room), ["CANARY long ago", "CANARY yes"])
    (first, *_) = [entry for entry in await phone.timeline(room) if entry.text is not None]
    assert first.seq is not None
    answer = await phone.send(room, "I am new here", reply_to=first.seq)
    assert answer.request is not None
    await flat.until(lambda: not phone._engine.outbox.unsent(room))
    await flat.quiet()
    (*_, last) = [entry for entry in await ben.timeline(room) if entry.text is not None]
    assert (str(last.text), last.reply_to) == ("I am new here", first.seq)
