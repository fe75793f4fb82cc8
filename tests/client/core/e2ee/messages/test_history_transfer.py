"""History from one device of a person to another, and from no one else."""

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator
from typing import Any
from unittest import mock

import pytest
from tests.client.core.client_parts import encrypted_rooms, parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.identity_world import ANA
from tests.client.core.e2ee.lying_server import sealed_of
from tests.client.core.e2ee.memory_server import LAPTOP
from tests.client.core.e2ee.test_chat import texts
from tests.client.core.e2ee.test_orchestration import notes, pair, say

from parlour_client.cli.tail import note_of
from parlour_client.core import attachments
from parlour_client.core.archive import history_parts
from parlour_client.core.client import Client
from parlour_client.core.e2ee.keep.reconcile import Reconciler
from parlour_client.core.e2ee.messages.history import PART_BYTES
from parlour_client.core.e2ee.values import RoomState
from parlour_client.core.errors import EncryptionError
from parlour_client.core.events import Change, HistoryReplaced
from parlour_client.core.model import BEFORE_JOIN, NoteKind
from parlour_client.core.sync.catch_up import CatchUp
from parlour_client.kit.errors import ApiRefusedError, UnreachableError
from parlour_mls import Secret
from parlour_protocol.encrypted import EncryptedFile, HistoryContent
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import LogEvent, MessageText, encode
from parlour_protocol.frames.bodies import EncryptedMessage, Message
from parlour_protocol.frames.fields import FileName
from parlour_protocol.frames.opaque import Digest, FileKey
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq


async def test_a_new_device_gets_what_was_said_before(harness: Harness) -> None:
    """Through files that the server cannot read; and answers to what is old work from there."""
    ana, ben, room = await pair(harness)
    await say(harness, ben, room, "CANARY long ago")
    await say(harness, ana, room, "CANARY yes")
    phone = await harness.open(ANA, "phone")
    await harness.until(lambda: bool(ana.encryption.waiting))  # it was told at once
    (waiting,) = ana.encryption.waiting
    assert waiting.code == phone.encryption.own().code
    assert not ben.encryption.waiting
    approving = asyncio.ensure_future(ana.encryption.approve(waiting.code))
    await harness.until(approving.done)
    await harness.quiet()
    assert not ana.encryption.waiting
    assert await texts(phone, room) == []
    (unread,) = [entry for entry in await phone.history.timeline(room) if entry.trouble]
    assert unread.trouble == BEFORE_JOIN  # one row for both
    told: list[Change] = []
    phone.events.subscribe(told.append)
    sending = asyncio.ensure_future(ana.send_history(phone.encryption.own().device))
    await harness.until(sending.done)
    assert sending.result() >= 2
    await harness.quiet()
    changed = harness.server.files
    assert changed
    assert not any(b"CANARY" in data for data in changed.values())
    await harness.until_true(lambda: texts(phone, room), ["CANARY long ago", "CANARY yes"])
    assert not [entry for entry in await phone.history.timeline(room) if entry.trouble]
    assert HistoryReplaced(room) in told
    (first, *_) = [entry for entry in await phone.history.timeline(room) if entry.text is not None]
    assert first.seq is not None
    answer = await phone.messages.send(room, "I am new here", reply_to=first.seq)
    assert answer.request is not None
    await harness.until(lambda: not parts(phone).outbox.unsent(room))
    await harness.quiet()
    (*_, last) = [entry for entry in await ben.history.timeline(room) if entry.text is not None]
    assert (str(last.text), last.reply_to) == ("I am new here", first.seq)


async def test_each_message_of_a_run_says_why_it_cannot_be_read(harness: Harness) -> None:
    """The timeline shows one row for all of them; a script that reads the log has no row to look at."""
    ana, ben, room = await pair(harness)
    await say(harness, ben, room, "one")
    await say(harness, ana, room, "two")
    await say(harness, ben, room, "three")
    phone = await harness.open(ANA, "phone")
    approving = asyncio.ensure_future(ana.encryption.approve(phone.encryption.own().code))
    await harness.until(approving.done)
    await harness.quiet()
    sealed = [
        event
        for event in await phone.history.log(room, after=Seq(0))
        if isinstance(event.body, EncryptedMessage)
    ]
    said = [await note_of(phone, event) for event in sealed]
    assert [words for words in said if "before this device joined" not in words] == []
    assert len(said) == 3


async def test_the_room_that_history_travels_in_is_not_listed(harness: Harness) -> None:
    """On neither device, until a note is written there, which any way of naming it finds."""
    ana, phone, _ = await with_phone(harness)
    sending = asyncio.ensure_future(ana.send_history(phone.encryption.own().device))
    await harness.until(sending.done)
    await harness.quiet()
    for client in (ana, phone):
        assert [room.title for room in client.rooms.all] == ["garden"]
        assert client.rooms.find(f"@{ANA}") is not None
    notes = (await ana.rooms.open_direct(ANA)).id
    await say(harness, ana, notes, "buy honey")
    for client in (ana, phone):
        await harness.until(lambda client=client: len(client.rooms.all) == 2)


async def with_phone(harness: Harness) -> tuple[Client, Client, RoomId]:
    """Return two approved devices of ana, and a room in which something was said before the second came."""
    ana, ben, room = await pair(harness)
    await say(harness, ben, room, "long ago")
    phone = await harness.open(ANA, "phone")
    approving = asyncio.ensure_future(ana.encryption.approve(phone.encryption.own().code))
    await harness.until(approving.done)
    await harness.quiet()
    return ana, phone, room


async def hand_over(
    harness: Harness, sender: Client, by: RoomId, event: LogEvent, *, size: int = 0, digest: bytes = b""
) -> None:
    """Send a part of a history into a room, as a client does that keeps no rules."""
    line = json.dumps(["event", encode(event).decode(), True, None, None]).encode()
    sealed, key = await seal_file(line)
    stored = await harness.lines[sender].upload(by, sealed, attachments.sealed_size(len(line)))
    file = EncryptedFile(
        file=stored.file,
        key=FileKey(key.reveal()),
        sha256=Digest(digest) if digest else stored.sha256,
        name=FileName("history"),
        media_type="application/octet-stream",
        size=size or len(line),
    )
    await encrypted_rooms(sender).world.say(by, HistoryContent(file=file, part=0, parts=1))
    await harness.quiet()


async def notes_of(harness: Harness, client: Client) -> RoomId:
    """Return the room with oneself, with both devices in it."""
    room = (await client.rooms.open_direct(ANA)).id
    await harness.quiet()
    return room


async def test_history_goes_to_other_approved_devices_of_ones_own_alone(harness: Harness) -> None:
    """Not to one that waits to be approved, not to someone else's, whatever id is named."""
    ana, ben, room = await pair(harness)
    await say(harness, ben, room, "long ago")
    phone = await harness.open(ANA, "phone")
    for device in (phone.encryption.own().device, ben.encryption.own().device, ana.encryption.own().device):
        with pytest.raises(EncryptionError, match="not another approved device"):
            await ana.send_history(device)
    assert harness.server.calls.count("upload") == 0


async def test_history_of_someone_else_is_not_taken(harness: Harness) -> None:
    """Not even in a room that both are in: else anyone could make up what was said."""
    ana, ben, room = await pair(harness)
    await hand_over(harness, ben, room, forged(room))
    await say(harness, ben, room, "after it")
    await harness.quiet()
    assert await texts(ana, room) == ["after it"]
    assert harness.server.calls.count("download") == 0


async def test_history_counts_in_the_room_with_oneself_alone(harness: Harness) -> None:
    """In any other room others can read the keys of its files: it is not even fetched there."""
    ana, phone, room = await with_phone(harness)
    (before,) = sealed_of(harness.server.rooms[room])
    await hand_over(harness, ana, room, forged(room, seq=before.seq))
    assert harness.server.calls.count("download") == 0
    await hand_over(harness, ana, await notes_of(harness, ana), forged(room, seq=before.seq))
    await harness.until(lambda: harness.server.calls.count("download") == 1)
    await harness.until_true(lambda: texts(phone, room), ["CANARY"])


async def handed_over_meanwhile(harness: Harness) -> tuple[Client, RoomId]:
    """Return ana's first device and a room; its history went to her phone while that was off."""
    ana, phone, room = await with_phone(harness)
    await notes_of(harness, ana)
    device = phone.encryption.own().device
    await harness.close(phone)
    sending = asyncio.ensure_future(ana.send_history(device))
    await harness.until(sending.done)
    assert sending.result() >= 1
    return ana, room


async def test_what_was_handed_over_is_here_once_the_client_is_ready(harness: Harness) -> None:
    """A command that prints and ends, as `export`, has all of it, and no row that says otherwise."""
    _, room = await handed_over_meanwhile(harness)
    phone = await harness.open(ANA, "phone")
    assert await texts(phone, room) == ["long ago"]
    assert [entry.trouble for entry in await phone.history.timeline(room) if entry.trouble] == []
    assert NoteKind.HISTORY_STARTS not in await notes(phone, room)
    said = [event for event in await phone.history.log(room, after=Seq(0)) if isinstance(event.body, Message)]
    assert [str(event.body.text) for event in said if isinstance(event.body, Message)] == ["long ago"]


@pytest.mark.parametrize("why", ["down", "refused"])
async def test_history_that_cannot_be_fetched_now_is_taken_in_later(harness: Harness, why: str) -> None:
    """The message that names it opens only once; the program may end, or be cut off, right behind it."""
    _, room = await handed_over_meanwhile(harness)
    errors = {"down": UnreachableError("down"), "refused": ApiRefusedError("Wait.", ErrorCode.RATE_LIMITED)}

    def fail(call: str) -> None:
        if call == "download":
            raise errors[why]

    harness.break_lines = fail
    phone = await harness.open(ANA, "phone")
    assert await texts(phone, room) == []
    await harness.close(phone)
    harness.break_lines = lambda _: None
    phone = await harness.open(ANA, "phone")
    assert await texts(phone, room) == ["long ago"]
    await harness.close(phone)
    fetched = harness.server.calls.count("download")
    phone = await harness.open(ANA, "phone")
    assert harness.server.calls.count("download") == fetched
    assert await parts(phone).archive.read(history_parts.waiting) == []


async def test_history_is_taken_in_when_the_connection_is_back(harness: Harness) -> None:
    """A client that stays open asks again by itself."""
    _, room = await handed_over_meanwhile(harness)

    def fail(call: str) -> None:
        if call == "download":
            raise UnreachableError("down")

    harness.break_lines = fail
    phone = await harness.open(ANA, "phone")
    harness.lines[phone].before = lambda _: None
    assert await texts(phone, room) == []
    conversation = parts(phone).connection.conversation
    assert conversation is not None
    await conversation.socket.close()
    await harness.until_true(lambda: texts(phone, room), ["long ago"])


async def test_no_row_calls_unreadable_what_was_handed_over_before_the_device_joined(
    harness: Harness,
) -> None:
    """The history of a room may be here before this device is in its group."""
    ana, ben, room = await pair(harness)
    await say(harness, ben, room, "long ago")
    await harness.close(ben)
    claim = Reconciler._packages

    async def not_there(self: Reconciler, which: RoomId, *more: Any) -> Any:
        return {} if which == room else await claim(self, which, *more)

    with mock.patch.object(Reconciler, "_packages", not_there):
        phone = await harness.open(ANA, "phone")
        approving = asyncio.ensure_future(ana.encryption.approve(phone.encryption.own().code))
        await harness.until(approving.done)
        sending = asyncio.ensure_future(ana.send_history(phone.encryption.own().device))
        await harness.until(sending.done)
        await harness.until_true(lambda: texts(phone, room), ["long ago"])
        assert phone.encryption.room(room).state is RoomState.WAITING
    settling = asyncio.ensure_future(ana.encryption.settle(room))
    await harness.until(settling.done)
    await harness.until(lambda: phone.encryption.room(room).state is RoomState.ACTIVE)
    assert NoteKind.HISTORY_STARTS not in await notes(phone, room)


async def test_history_waits_for_the_rooms_that_catch_up(harness: Harness) -> None:
    """On a device that sees a room for the first time, its history must not come too early, and be lost."""
    ana, ben, room = await pair(harness)
    for number in range(3):
        await say(harness, ben, room, f"long ago {number}")
    phone = await harness.open(ANA, "phone", follow=False)  # it follows no room
    approving = asyncio.ensure_future(ana.encryption.approve(phone.encryption.own().code))
    await harness.until(approving.done)
    notes_room = (await ana.rooms.open_direct(ANA)).id
    sending = asyncio.ensure_future(ana.send_history(phone.encryption.own().device))
    await harness.until(sending.done)
    await harness.close(phone)
    line_up: list[str] = []
    real = CatchUp._catch_up

    async def last(self: CatchUp, conversation: Any, which: RoomId, limit: Any) -> None:
        line_up.append(which)
        if which == room:  # the room with oneself is there first
            while self.top(notes_room) < harness.server.rooms[notes_room].head:
                await harness.threads.rest()
                await real(self, conversation, notes_room, limit)
            for _ in range(50):
                await harness.threads.rest()
        await real(self, conversation, which, limit)

    with mock.patch.object(CatchUp, "_catch_up", last):
        phone = await harness.open(ANA, "phone")
    assert {room, notes_room} <= set(line_up)
    assert await texts(phone, room) == [f"long ago {number}" for number in range(3)]


@pytest.mark.parametrize("lie", ["to come", "another file", "too large"])
async def test_history_that_does_not_fit_changes_nothing(harness: Harness, lie: str) -> None:
    """Of events that this device has not processed, of another file than the message names, without end."""
    ana, phone, room = await with_phone(harness)
    notes = await notes_of(harness, ana)
    more: dict[str, Any] = {"another file": {"digest": b"d" * 32}, "too large": {"size": 2 * PART_BYTES}}
    (before,) = sealed_of(harness.server.rooms[room])
    seq = before.seq if lie != "to come" else harness.server.rooms[room].head + 1
    await hand_over(harness, ana, notes, forged(room, seq=seq), **more.get(lie, {}))
    for _ in range(20):
        await harness.threads.rest()
    assert harness.server.calls.count("download") == (lie != "too large")
    assert await texts(phone, room) == []
    await say(harness, ana, room, "after it")
    await harness.until_true(lambda: texts(phone, room), ["after it"])


def forged(room: RoomId, *, seq: int = 1) -> LogEvent:
    """Return a message that ana never wrote."""
    return LogEvent(
        room=room,
        seq=Seq(seq),
        at=Millis(1),
        author=ANA,
        device=LAPTOP,
        body=Message(text=MessageText("CANARY")),
    )


async def seal_file(data: bytes) -> tuple[AsyncIterator[bytes], Secret]:
    """Seal bytes as a file."""
    key = attachments.new_key()
    return attachments.seal(
        io.BytesIO(data), len(data), key, hashlib.sha256().update, lambda _done, _all: None
    ), key
