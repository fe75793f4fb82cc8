"""Sealing: the same bytes while the epoch stands, again when it moved, no key twice, and never too early."""

from typing import cast

import pytest
from tests.client.core.e2ee.group_world import ROOM, Device, request, room_of, sealed_body, text

from parlour_client.core.e2ee.errors import ArrivedError, BlockedError, NotDurableError, NotReadyError
from parlour_client.core.e2ee.group import seal
from parlour_client.core.e2ee.group.store import highest_epoch
from parlour_mls import Group, MlsError, add_proposal
from parlour_protocol.encrypted import DeleteContent
from parlour_protocol.frames import MessageText
from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.opaque import Ciphertext
from parlour_protocol.ids import Epoch, GroupId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.limits import MESSAGE_BYTES

COUNT_SEALED = "SELECT (SELECT count(*) FROM mls_sealed), (SELECT count(*) FROM mls_ciphertexts)"


def left(device: Device) -> tuple[int, int]:
    """Return how many encrypted messages and ciphertexts wait for their events."""
    sealed, ciphertexts = cast("tuple[int, int]", next(device.connection.execute(COUNT_SEALED)))
    return sealed, ciphertexts


def test_the_same_request_is_the_same_bytes_while_the_epoch_lasts() -> None:
    """Also after a restart, and whatever is said to be encrypted the second time."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    first = alice.seal(log, 10, "hello")
    assert alice.seal(log, 10, "hello") == first
    alice.begin()
    assert alice.seal(log, 10, "other words") == first
    assert alice.status(log).sent == 1
    assert alice.seal(log, 11, "hello").data != first.data


def test_it_is_encrypted_again_when_the_epoch_moved() -> None:
    """With the same id, the same words and the same message to blank."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    seq = alice.say(log, 9, "delete me")
    alice.sync(log)
    first = alice.seal(log, 10, DeleteContent(target=request(9)), blanks=seq)
    bobby.commit(log, 3)
    alice.sync(log)
    second = alice.seal(log, 10, "other words")
    assert (second.id, second.epoch, second.blanks, first.blanks) == (first.id, 2, seq, seq)
    assert second.data != first.data
    log.send(alice, second)
    assert bobby.sync(log)[-1].trouble == ""


@pytest.mark.parametrize("stored", ["first", "second"])
def test_ones_own_message_is_read_by_whichever_ciphertext_was_stored(stored: str) -> None:
    """The reply was lost, the epoch moved, and the server had the first one all along."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    first = alice.seal(log, 10, "hello")
    if stored == "first":
        log.add(alice.user, sealed_body(first))
    bobby.commit(log, 3)
    if stored == "second":
        alice.sync(log)
        log.add(alice.user, sealed_body(alice.seal(log, 10, "hello")))
    items = alice.sync(log)
    own = next(item for item in items if item.request is not None)
    assert (own.request, own.event.body) == (request(10), Message(text=MessageText.parse("hello")))
    assert left(alice) == (0, 1 if stored == "second" else 0)  # the other one could still be shown
    bobby.sync(log)
    assert bobby.texts(log).count("hello") == 1


def test_what_has_arrived_is_not_encrypted_again() -> None:
    """Another program of this home saw its event: the caller is told where it is."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    seq = alice.say(log, 10, "hello")
    alice.sync(log)
    with pytest.raises(ArrivedError) as caught:
        alice.seal(log, 10, "hello")
    assert caught.value.seq == seq


def test_encrypting_needs_a_durable_transaction() -> None:
    """A power cut after the frame has left would bring the used key back."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    with pytest.raises(NotDurableError):
        alice.loosely(seal.encrypt, alice.groups, request(10), ROOM, text("hello"), Millis(log.now))
    assert left(alice) == (0, 0)


def test_nothing_is_encrypted_while_a_key_needs_a_decision() -> None:
    """A changed account key of anyone in the group stops sending; accepted, it goes on."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.say(log, 10, "before")
    alice.worry(bobby.user, "bobby has another key.")
    with pytest.raises(BlockedError, match="bobby has another key"):
        alice.seal(log, 11, "after")
    alice.worry(bobby.user, "")
    alice.say(log, 11, "after")


def test_people_are_asked_once_an_epoch() -> None:
    """The hot path does not judge 200 certificates for each message."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.say(log, 10, "one")
    asked = len(alice.people.asked)
    alice.say(log, 11, "two")
    assert len(alice.people.asked) == asked
    alice.commit(log, 3)
    alice.say(log, 12, "three")
    assert len(alice.people.asked) == asked + 2


def test_nothing_is_encrypted_while_a_proposal_waits() -> None:
    """RFC 9420 section 12.4: someone whose removal is proposed would still read it."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    stored = alice.groups.stored(alice.connection, ROOM)
    stored.rules.declared = None
    phone = Device("alice", account=alice.account)
    with stored.rules.ours(log.now):
        stored.group.propose(add_proposal(phone.package()), now=log.now // 1_000)
    alice.run(lambda c: alice.groups.save(c, stored))
    with pytest.raises(NotReadyError):
        alice.seal(log, 10, "hello")


@pytest.mark.parametrize("character", ['"', "\N{GRINNING FACE}", "x"])
def test_the_longest_message_fits(character: str) -> None:
    """Escaped, encrypted and padded it is still what a frame can carry."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    words = character * (MESSAGE_BYTES.value // len(character.encode()))
    frame = alice.seal(log, 10, words)
    assert Ciphertext.parse(frame.data.text) == frame.data


def test_a_message_that_was_given_up_leaves_nothing() -> None:
    """Neither its words nor its bytes: only a digest, by which the server's copy is known as given up."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.seal(log, 10, "hello")
    alice.run(seal.forget, request(10))
    assert left(alice) == (0, 1)


def test_an_own_message_that_no_one_here_remembers_is_reported() -> None:
    """Its sender cannot decrypt it: a row with the cause, nothing else."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    frame = alice.seal(log, 10, "CANARY")
    alice.run(seal.forget, request(10))
    log.send(alice, frame)
    item = alice.sync(log)[0]
    assert "no longer here" in item.trouble


def test_another_device_of_the_same_account_reads_it() -> None:
    """By MLS, like everyone's; it is not taken for its own."""
    alice, bobby = Device("alice"), Device("bobby")
    laptop = Device("alice", alice.account)
    log = room_of(alice, bobby, laptop)
    alice.say(log, 10, "from the phone")
    item = laptop.sync(log)[-1]
    assert (item.event.author, item.device, item.request) == (alice.user, alice.id, None)
    assert laptop.texts(log)[-1] == "from the phone"


def test_the_archive_holds_no_used_key() -> None:
    """After encrypting and reading, the stored state opens none of those messages."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    frame = alice.seal(log, 10, "CANARY")
    log.send(alice, frame)
    for device in (bobby, carol):
        device.sync(log)
        group = device.groups.stored(device.connection, ROOM).group
        with pytest.raises(Exception, match="used or dropped"):
            group.decrypt(frame.data)


def test_highest_epochs_are_remembered() -> None:
    """Of a group that was never here there is none."""
    alice = Device("alice")
    log = room_of(alice)
    alice.commit(log, 3)
    assert log.group is not None
    assert highest_epoch(alice.connection, log.group) == Epoch(1)
    assert highest_epoch(alice.connection, GroupId("A" * 43)) == -1


def test_keys_that_cannot_encrypt_are_the_rooms_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """What MLS refuses holds the message, with the reason, and does not end the connection."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)

    def used_up(*_given: object) -> bytes:
        raise MlsError("the generation is used up")

    monkeypatch.setattr(Group, "encrypt", used_up)
    with pytest.raises(NotReadyError, match="the generation is used up"):
        alice.say(log, 10, "hello")
