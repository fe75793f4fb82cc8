"""Encrypted messages in the log: stored unchanged, deleted permanently, idempotent when encrypted again."""

import pytest
from msgspec.structs import replace
from tests.server.chat.store.encryption_world import Delivery, handshake, sealed
from tests.server.chat.store.world import allow, message

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import (
    AnyBody,
    Blank,
    Deleted,
    Edited,
    EncryptedMessage,
    EncryptionOn,
    Handshake,
    Message,
    Pinned,
    Reacted,
    TopicSet,
)
from parlour_protocol.frames.fields import MessageText, Reaction, TopicText
from parlour_protocol.frames.opaque import Ciphertext, HandshakeBytes
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Seq
from parlour_protocol.kit.names import UserName
from parlour_server.core.errors import RefusedError

Person = tuple[UserName, DeviceId]


async def refusal(delivery: Delivery, room: RoomId, person: Person, body: AnyBody) -> str | None:
    """Append what the rules allow, or return why they do not."""
    try:
        await delivery.append(room, person[0], body, person[1])
    except RefusedError as error:
        return error.code
    return None


async def test_every_kind_of_opaque_body_comes_back_as_it_was(delivery: Delivery) -> None:
    """To the byte and to the type."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    room = await delivery.room(alice[0], bob[0])
    group = await delivery.group_of(room, alice, bob)
    sent = await delivery.append(room, *_body(alice, sealed(group, 1, bytes(range(256)))))
    events = await delivery.world.events(room)
    assert events[-1] == sent.entry
    assert [type(event.body).__name__ for event in events] == [
        "Created",
        "Joined",
        "GroupCreated",
        "Handshake",
        "EncryptedMessage",
    ]
    data = [event.body.data for event in events if isinstance(event.body, Handshake | EncryptedMessage)]
    assert [type(one) for one in data] == [HandshakeBytes, Ciphertext]


def _body(person: Person, body: AnyBody) -> tuple[UserName, AnyBody, DeviceId]:
    return person[0], body, person[1]


async def test_a_message_encrypted_again_is_the_same_request(delivery: Delivery) -> None:
    """A lost answer: sent again for another epoch it is stored once; another room or kind is a conflict."""
    alice = await delivery.person("alice")
    room, other = await delivery.room(alice[0]), await delivery.room(alice[0])
    group = await delivery.found(room, *alice)
    event = delivery.event(room, alice[0], sealed(group, 0, b"first"), alice[1])
    first = await delivery.store.log.append(event, allow)
    await delivery.commit(room, *alice)
    repeated = replace(event, body=sealed(group, 1, b"second"))
    again = await delivery.store.log.append(repeated, allow)
    assert (again.replay, again.entry) == (True, first.entry)
    for different in (
        replace(repeated, room=other),
        replace(event, body=message()),
        replace(event, body=handshake(group, 1)),
        replace(event, body=sealed(group, 0, b"first", blanks=Seq(1))),
    ):
        with pytest.raises(RefusedError) as refused:
            await delivery.store.log.append(different, allow)
        assert refused.value.code == ErrorCode.CONFLICT


async def test_a_sealed_message_is_deleted_by_a_sealed_message(delivery: Delivery) -> None:
    """Its author's or a moderator's: then its content is gone; a late repetition gets the blank."""
    alice, bob, carol = [await delivery.person(name) for name in ("alice", "bob", "carol")]
    room = await delivery.room(alice[0], bob[0], carol[0])
    group = await delivery.group_of(room, alice, bob, carol)
    event = delivery.event(room, bob[0], sealed(group, 1, b"regretted"), bob[1])
    first = (await delivery.store.log.append(event, allow)).entry
    second = (await delivery.append(room, *_body(bob, sealed(group, 1)))).entry
    commit = Seq(first.seq - 1)
    for body, code in (
        (sealed(group, 1, blanks=commit), ErrorCode.NOT_FOUND),
        (sealed(group, 1, blanks=Seq(99)), ErrorCode.NOT_FOUND),
        (sealed(group, 1, blanks=first.seq), ErrorCode.FORBIDDEN),
    ):
        assert await refusal(delivery, room, carol, body) is code
    assert await refusal(delivery, room, bob, sealed(group, 1, blanks=first.seq)) is None
    assert await refusal(delivery, room, alice, sealed(group, 1, blanks=second.seq)) is None
    assert await refusal(delivery, room, bob, sealed(group, 1, blanks=first.seq)) is ErrorCode.ALREADY
    deletion = sealed(group, 1, blanks=Seq(second.seq + 1))
    assert await refusal(delivery, room, bob, deletion) is ErrorCode.NOT_FOUND  # or he'd write on for ever
    events = await delivery.world.events(room)
    assert [events[seq - 1].body for seq in (first.seq, second.seq)] == [Blank(was="sealed")] * 2
    late = await delivery.store.log.append(event, allow)
    assert (late.replay, late.entry.body) == (True, Blank(was="sealed"))


async def test_an_encrypted_room_takes_nothing_readable(delivery: Delivery) -> None:
    """No fallback; earlier messages stay, and can be deleted and unpinned; the topic is readable."""
    alice = await delivery.person("alice")
    room = await delivery.world.room(alice[0])
    first = (await delivery.append(room, *_body(alice, message("before")))).entry.seq
    await delivery.append(room, *_body(alice, Pinned(target=first, on=True)))
    await delivery.append(room, *_body(alice, EncryptionOn()))
    await delivery.found(room, *alice)
    text = MessageText("x")
    for body in (
        Message(text=text),
        Message(text=text, reply_to=first),
        Edited(target=first, text=text),
        Reacted(target=first, reaction=Reaction("+1"), on=True),
        Pinned(target=first, on=True),
    ):
        assert await refusal(delivery, room, alice, body) is ErrorCode.ENCRYPTED
    assert await refusal(delivery, room, alice, Pinned(target=first, on=False)) is None
    assert await refusal(delivery, room, alice, TopicSet(topic=TopicText("t"))) is None
    assert await refusal(delivery, room, alice, Deleted(target=first)) is None


async def test_an_open_room_takes_nothing_sealed(delivery: Delivery) -> None:
    """Nor does an encrypted one before it has a group."""
    alice = await delivery.person("alice")
    open_room, empty, room = (
        await delivery.world.room(alice[0]),
        await delivery.room(alice[0]),
        await delivery.room(alice[0]),
    )
    group = await delivery.found(room, *alice)
    assert await refusal(delivery, open_room, alice, sealed(group, 0)) is ErrorCode.FORBIDDEN
    assert await refusal(delivery, empty, alice, sealed(group, 0)) is ErrorCode.STALE_EPOCH


async def test_only_a_device_of_the_group_sends(delivery: Delivery) -> None:
    """Not a session without one, nor a device of one's own that was not added, nor someone else's."""
    alice, bob = await delivery.person("alice"), await delivery.person("bob")
    second = await delivery.device(alice[0])
    room = await delivery.room(alice[0], bob[0])
    group = await delivery.group_of(room, alice, bob)
    for sender in (None, second, bob[1]):
        with pytest.raises(RefusedError) as refused:
            await delivery.append(room, alice[0], sealed(group, 1), sender)
        assert refused.value.code is ErrorCode.FORBIDDEN
