"""What a hostile server or member tries with messages: refused or told in words, and no key is burnt."""

import msgspec
import pytest
from tests.client.core.e2ee.group_world import (
    ROOM,
    Device,
    Log,
    request,
    room_of,
    sealed_body,
)

from parlour_client.core.e2ee.group import store
from parlour_client.core.e2ee.group.run import Received
from parlour_client.core.e2ee.group.store import load_room
from parlour_client.core.model import NoteKind
from parlour_client.kit.errors import ServerMisbehavedError
from parlour_protocol.encrypted import Link
from parlour_protocol.frames import MessageText
from parlour_protocol.frames.bodies import (
    AnyBody,
    Blank,
    Created,
    Deleted,
    Edited,
    EncryptedMessage,
    Message,
    Pinned,
    Reacted,
)
from parlour_protocol.frames.fields import Reaction
from parlour_protocol.frames.opaque import Ciphertext
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import Seq

CANARY = "CANARY"


def note_of(item: Received) -> NoteKind | None:
    """Return the kind of a row's note."""
    return None if item.note is None else item.note.kind


def test_the_author_is_the_mls_sender_and_the_server_names_no_other() -> None:
    """Marmot #45 (critical): a message of alice shown as bobby's; then it comes as hers and is read."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    frame = alice.seal(log, 10, CANARY)
    before = bobby.state(log)
    log.add(bobby.user, sealed_body(frame))
    item = bobby.sync(log)[0]
    assert note_of(item) is NoteKind.FORGED
    assert CANARY not in str(item)
    assert bobby.state(log) == before
    log.add(alice.user, sealed_body(frame))
    item = bobby.sync(log)[0]
    assert (item.sealed, item.event.author, item.event.body) == (
        True,
        alice.user,
        Message(text=MessageText.parse(CANARY)),
    )


def test_a_forgery_burns_no_key_for_what_comes_in_the_same_run() -> None:
    """False author, false epoch, a bit flipped, and then the genuine message, all in one page."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    frame = alice.seal(log, 10, CANARY)
    log.add(bobby.user, sealed_body(frame))
    log.add(alice.user, EncryptedMessage(group=frame.group, epoch=Epoch(0), data=frame.data))
    flipped = Ciphertext(frame.data[:-1] + bytes([frame.data[-1] ^ 1]))
    log.add(alice.user, EncryptedMessage(group=frame.group, epoch=frame.epoch, data=flipped))
    log.add(alice.user, sealed_body(frame))
    *refused, genuine = bobby.sync(log)
    assert all(item.note or item.trouble for item in refused)
    assert genuine.event.body == Message(text=MessageText.parse(CANARY))


def test_a_message_of_the_server_in_our_own_name_is_refused() -> None:
    """A server that shows someone else's message as ours, or ours as someone else's."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    frame = alice.seal(log, 10, CANARY)
    log.add(bobby.user, sealed_body(frame))
    assert note_of(alice.sync(log)[0]) is NoteKind.FORGED
    log.add(alice.user, sealed_body(frame))
    assert alice.sync(log)[0].request == request(10)


def test_a_replay_is_refused_visibly() -> None:
    """The same ciphertext a second time, to its receiver and to its sender."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    frame = alice.seal(log, 10, CANARY)
    log.add(alice.user, sealed_body(frame))
    log.add(alice.user, sealed_body(frame))
    for device in (alice, bobby):
        first, second = device.sync(log)
        assert first.event.body == Message(text=MessageText.parse(CANARY))
        assert second.note is not None
        assert second.note.kind is NoteKind.FORGED
        assert "came a second time" in second.note.detail
        assert CANARY not in str(second)


def test_an_id_that_a_member_took_first_is_a_replay_to_its_owner_too() -> None:
    """The server reads ids: with its help a member uses one that is on its way. All judge it alike."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    frame = alice.seal(log, 10, CANARY)
    bobby.say(log, 10, "I was first")
    log.add(alice.user, sealed_body(frame))
    for device in (alice, carol):
        first, second = device.sync(log)
        assert first.event.body == Message(text=MessageText.parse("I was first"))
        assert note_of(second) is NoteKind.FORGED


def test_a_message_encrypted_twice_is_shown_once() -> None:
    """Both ciphertexts of one request (two epochs) in the log: the second is a replay by its id."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    first = alice.seal(log, 10, CANARY)
    bobby.commit(log, 3)
    alice.sync(log)
    second = alice.seal(log, 10, CANARY)
    assert (first.epoch, second.epoch) == (1, 2)
    log.add(alice.user, sealed_body(first))
    log.add(alice.user, sealed_body(second))
    for device in (alice, bobby):
        shown, again = device.sync(log)
        assert shown.event.body == Message(text=MessageText.parse(CANARY))
        assert note_of(again) is NoteKind.FORGED or again.trouble
        assert CANARY not in str(again)


def test_a_member_cannot_send_under_an_id_that_was_used() -> None:
    """A second message with the id of an earlier one is a replay, no matter who sends it."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    alice.say(log, 10, "first")
    log.add(bobby.user, sealed_body(bobby.seal(log, 10, CANARY)))
    shown, again = carol.sync(log)
    assert shown.event.body == Message(text=MessageText.parse("first"))
    assert note_of(again) is NoteKind.FORGED
    assert CANARY not in str(again)


def test_a_message_moved_to_another_room_is_refused() -> None:
    """By the honest group id of its own room, and under the id of the room that it was put in."""
    alice, bobby = Device("alice"), Device("bobby")
    here, there = room_of(alice, bobby), Log(RoomId("another4567890abcdefgh"))
    there.add(alice.user, here.events[0].body)
    alice.create_group(there, 5)
    alice.commit(there, 6, [bobby])
    bobby.sync(there)
    frame = alice.seal(there, 10, CANARY)
    before = bobby.state(here)
    here.add(alice.user, sealed_body(frame))
    assert here.group is not None
    moved = EncryptedMessage(group=here.group, epoch=Epoch(1), data=frame.data)
    here.add(alice.user, moved)
    for item in bobby.sync(here):
        assert note_of(item) is NoteKind.FORGED
    assert bobby.state(here) == before
    there.add(alice.user, sealed_body(frame))
    bobby.sync(there)
    assert bobby.texts(there)[-1] == CANARY


def test_a_false_epoch_is_refused() -> None:
    """The server claims another epoch than the message was written in; the group stays as it was."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    frame = alice.seal(log, 10, CANARY)
    before = bobby.state(log)
    log.add(alice.user, EncryptedMessage(group=frame.group, epoch=Epoch(frame.epoch + 1), data=frame.data))
    assert note_of(bobby.sync(log)[0]) is NoteKind.FORGED
    assert bobby.state(log) == before


def test_another_group_of_the_room_is_refused() -> None:
    """A message under the id of a group that the log never created."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    frame = alice.seal(log, 10, CANARY)
    log.add(alice.user, EncryptedMessage(group=GroupId("A" * 43), epoch=frame.epoch, data=frame.data))
    assert note_of(bobby.sync(log)[0]) is NoteKind.FORGED


@pytest.mark.parametrize("at", [0, 5, 40, 60, 90, -1])
def test_a_damaged_message_is_a_row_with_a_cause_and_burns_no_key(at: int) -> None:
    """Wherever a byte was flipped; the genuine message is read afterwards."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    frame = alice.seal(log, 10, CANARY)
    data = bytearray(frame.data)
    data[at] ^= 1
    before = bobby.state(log)
    log.add(alice.user, EncryptedMessage(group=frame.group, epoch=frame.epoch, data=Ciphertext(bytes(data))))
    item = bobby.sync(log)[0]
    assert item.trouble or item.note
    assert item.row
    assert bobby.state(log) == before
    log.send(alice, frame)
    assert bobby.sync(log)[0].event.body == Message(text=MessageText.parse(CANARY))


def test_messages_out_of_order_and_withheld_ones_lose_no_others() -> None:
    """What the server drops is missing, what it reorders is read."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    frames = [alice.seal(log, 10 + n, f"message {n}") for n in range(5)]
    for n in (3, 1, 4):
        log.add(alice.user, sealed_body(frames[n]))
    bobby.sync(log)
    assert bobby.texts(log)[-3:] == ["message 3", "message 1", "message 4"]


READABLE: list[AnyBody] = [
    Message(text=MessageText.parse(CANARY)),
    Edited(target=Seq(4), text=MessageText.parse(CANARY)),
    Reacted(target=Seq(4), reaction=Reaction.parse("👍"), on=True),
    Pinned(target=Seq(4), on=True),
    Deleted(target=Seq(4)),
]


@pytest.mark.parametrize("body", READABLE, ids=lambda body: type(body).__name__)
def test_plaintext_after_encryption_is_refused(body: AnyBody) -> None:
    """From anyone, the server included; a row says so and keeps none of it."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.say(log, 10, "encrypted")
    alice.say(log, 11, "encrypted, too")
    log.add(alice.user, body)
    item = bobby.sync(log)[-1]
    assert (note_of(item), item.event.body, item.row) == (
        NoteKind.PLAINTEXT_REFUSED,
        Blank(was="message"),
        True,
    )
    assert CANARY not in str(item)


def test_encryption_is_never_switched_off() -> None:
    """A second `created` that says "not encrypted" changes nothing, nor does a room that is pinned again."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    log.add(alice.user, Created(room_kind=log.kind, encrypted=False))
    log.add(alice.user, Message(text=MessageText.parse(CANARY)))
    assert note_of(bobby.sync(log)[-1]) is NoteKind.PLAINTEXT_REFUSED
    bobby.run(store.pin, ROOM)
    assert load_room(bobby.connection, ROOM) is not None
    assert store.cursor(bobby.connection, ROOM) == len(log.events)


def test_a_hole_in_the_log_is_not_skipped() -> None:
    """Without the event in between nothing is processed: the cursor stays."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.say(log, 10, "one")
    alice.say(log, 11, "two")
    cursor = bobby.cursor(log)
    with pytest.raises(ServerMisbehavedError):
        bobby.receive(log.events[cursor + 1 :])
    assert bobby.cursor(log) == cursor


def envelope(content: bytes) -> bytes:
    """Return what is encrypted, whatever its content is."""
    link = Link(number=1, top=1, seen=0, epoch=(0, 0), base=0, marks=bytes(24))
    return msgspec.msgpack.encode([2, link.fields(), None, content])


def test_a_payload_of_a_newer_version_is_reported() -> None:
    """What this version cannot read is a row that says what to do."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    stored = alice.groups.stored(alice.connection, ROOM)
    data = Ciphertext(stored.group.encrypt(b'{"v":2}', request(10).encode()))
    assert log.group is not None
    log.add(alice.user, EncryptedMessage(group=log.group, epoch=Epoch(1), data=data))
    item = bobby.sync(log)[0]
    assert "a newer or a broken Parlour" in item.trouble


@pytest.mark.parametrize(
    "content",
    [
        b'{"kind":"text","text":"CANARY\\u0000"}',
        b'{"kind":"text","text":"CANARY\xed\xa0\x80"}',
        b'{"kind":"edit","target":"mmmmmmmmmmmmmmmm","text":"CANARY\\ufffe"}',
        b'{"kind":"react","target":"mmmmmmmmmmmmmmmm","reaction":"CANARY\\n"}',
    ],
    ids=ascii,
)
def test_a_text_that_no_wire_takes_is_reported_as_that(content: bytes) -> None:
    """The server could not refuse it inside, so the reader does: a row with its cause, and no word of it."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    stored = alice.groups.stored(alice.connection, ROOM)
    data = Ciphertext(stored.group.encrypt(envelope(content), request(10).encode()))
    assert log.group is not None
    log.add(alice.user, EncryptedMessage(group=log.group, epoch=Epoch(1), data=data))
    item = bobby.sync(log)[0]
    assert "not allowed" in item.trouble
    assert CANARY not in str(item)


def test_a_payload_that_cannot_be_read_under_a_used_id_is_a_replay() -> None:
    """No one is told to update because a message came a second time."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.say(log, 10, "first")
    stored = alice.groups.stored(alice.connection, ROOM)
    data = Ciphertext(stored.group.encrypt(b'{"v":2}', request(10).encode()))
    assert log.group is not None
    log.add(alice.user, EncryptedMessage(group=log.group, epoch=Epoch(1), data=data))
    _, again = bobby.sync(log)
    assert note_of(again) is NoteKind.FORGED


def test_a_message_without_an_id_is_refused() -> None:
    """Authenticated data that is not a message id: it could be neither named nor recognised as a replay."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    stored = alice.groups.stored(alice.connection, ROOM)
    data = Ciphertext(stored.group.encrypt(envelope(b'{"kind":"text","text":"CANARY"}'), b"short"))
    assert log.group is not None
    log.add(alice.user, EncryptedMessage(group=log.group, epoch=Epoch(1), data=data))
    before = bobby.state(log)
    item = bobby.sync(log)[0]
    assert item.trouble
    assert CANARY not in str(item)
    assert bobby.state(log) == before
