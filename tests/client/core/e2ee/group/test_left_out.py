"""What a server leaves out of an encrypted room, or moves around in it, is told in words, once."""

from collections.abc import Sequence
from dataclasses import replace as replaced
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.client.core.e2ee.group_world import Device, agree, opened, request, room_of, text
from tests.client.core.e2ee.hostile_commits import handshake
from tests.client.core.e2ee.room_log import Log, sealed_body

from parlour_client.core.e2ee.errors import DisplacedError, NotReadyError
from parlour_client.core.e2ee.group import commit, seal, store
from parlour_client.core.e2ee.group.order import notes_on_dropped
from parlour_client.core.e2ee.group.run import Received
from parlour_client.core.e2ee.group.store import GroupStatus
from parlour_client.core.e2ee.identity.keys import KNOWN
from parlour_client.core.model import NoteKind
from parlour_mls import Policy
from parlour_protocol.encrypted import DeleteContent, ReactContent, ReadContent
from parlour_protocol.frames import LogEvent, Reaction
from parlour_protocol.frames.bodies import Blank, Contested, Message
from parlour_protocol.ids import Epoch
from parlour_protocol.kit.ids import Millis, Seq

OLDER = (
    "This device has sent messages here that this copy of its home does not know: the home was restored from "
    "an older copy, or two copies are in use. Nothing is sent here until this device has new keys."
)


def renumbered(events: Sequence[LogEvent]) -> list[LogEvent]:
    """Give events the numbers of a server that hides what it left out."""
    return [replace(event, seq=Seq(at)) for at, event in enumerate(events, 1)]


def shown(device: Device, log: Log, events: Sequence[LogEvent]) -> list[Received]:
    """Show a device what a server makes of the log."""
    lying = Log(log.room, log.kind)
    lying.events, lying.welcomes = renumbered(events), log.welcomes
    return device.sync(lying)


def notes(items: Sequence[Received]) -> list[str]:
    """Return what is said of a log."""
    about = {NoteKind.LEFT_OUT, NoteKind.MOVED, NoteKind.DROPPED, NoteKind.OLDER_COPY}
    return [item.note.detail for item in items if item.note is not None and item.note.kind in about]


def three(path: str | Path = ":memory:") -> tuple[Log, Device, Device, Device]:
    """Return a room of three who have all spoken; ``path`` is where ben's archive lies."""
    ada, ben, cora = Device("ada"), Device("ben", path=path), Device("cora")
    log = room_of(ada, ben, cora)
    for number, device in enumerate((ada, ben, cora), 10):
        device.say(log, number, f"I am {device.user}")
        for one in (ada, ben, cora):
            one.sync(log)
    return log, ada, ben, cora


def test_messages_that_are_left_out_are_counted() -> None:
    """N1: two of ben's are cut out and the rest is numbered again; cora reads how many are missing."""
    log, _, ben, cora = three()
    for number in range(20, 24):
        ben.say(log, number, f"line {number}")
    kept = [event for event in log.events if event.seq not in {log.events[-2].seq, log.events[-3].seq}]
    items = shown(cora, log, kept)
    assert notes(items) == ["2 messages from ben are missing here"]
    assert isinstance(items[-1].event.body, Message)  # which is shown as well
    assert items[-1].row


def test_messages_that_change_places_are_reported() -> None:
    """N1: two of ben's are turned around."""
    log, _, ben, cora = three()
    for number in range(20, 23):
        ben.say(log, number, f"line {number}")
    *before, second, third = log.events
    assert notes(shown(cora, log, [*before, third, second])) == [
        "out of order: the server moved this message from ben, which was sent before some above it"
    ]


def test_a_message_that_cannot_be_read_hides_no_other_change_of_places() -> None:
    """N1: the server repeats one of ben's, which may be taken for a missing one, and turns two around."""
    log, _, ben, cora = three()
    mine = next(event for event in reversed(log.events) if event.author == ben.user)
    ben.say(log, 20, "line 20")
    repeated = [*log.events, mine]
    for number in range(21, 24):
        ben.say(log, number, f"line {number}")
    first, second, third = log.events[-3:]
    assert notes(shown(cora, log, [*repeated, first, third, second])) == [
        "out of order: the server moved this message from ben, which was sent before some above it"
    ]


def test_a_row_that_is_stored_is_corrected() -> None:
    """N2: what was missing comes in a later run."""
    log, _, ben, cora = three()
    for number in range(20, 22):
        ben.say(log, number, f"line {number}")
    *before, second, third = log.events
    shown(cora, log, [*before, third])
    shown(cora, log, [*before, third, second])
    assert cora.receipts[-1].corrected == {Seq(len(before) + 1): None}


def test_a_log_that_was_cut_off_is_reported_when_someone_speaks_who_had_seen_it() -> None:
    """N1: cora never gets the end; ben, who did, goes on, though nothing of ben's is missing."""
    log, ada, ben, cora = three()
    known = list(log.events)
    ada.say(log, 20, "kept from cora")
    ben.sync(log)
    ben.say(log, 21, "I agree")
    assert notes(shown(cora, log, [*known, log.events[-1]])) == [
        "ben had seen 1 message before this one that is missing here"
    ]


def test_a_receipt_and_a_reaction_count_as_well() -> None:
    """N1: what has no row of its own makes one when something is missing before it."""
    log, ada, ben, cora = three()
    known = list(log.events)
    ada.say(log, 20, "kept from cora")
    ben.sync(log)
    ben.say(log, 21, ReadContent(target=request(20)))
    ben.say(log, 22, ReactContent(target=request(10), reaction=Reaction.parse("+1")))
    items = shown(cora, log, [*known, *log.events[-2:]])
    assert [(item.row, bool(notes([item]))) for item in items] == [(True, True), (False, False)]
    shown(ada, log, [*log.events[:-2], log.events[-1]])
    assert ada.receipts[-1].items[-1].row


def test_numbers_go_on_over_epochs_and_groups() -> None:
    """N1: the last message before a group was recreated is missing."""
    log, ada, ben, cora = three()
    ben.say(log, 20, "before")
    gone = log.events[-1].seq
    for device in (ada, ben, cora):
        device.sync(log) if device is not cora else None
    ada.commit(log, 3)
    ben.sync(log)
    ben.say(log, 21, "after")
    assert notes(shown(cora, log, [event for event in log.events if event.seq != gone])) == [
        "1 message from ben is missing here"
    ]


def test_what_is_encrypted_again_for_another_epoch_tells_nothing() -> None:
    """N2: the server refused it as stale; it keeps its number, and what comes behind it follows it."""
    log, ada, ben, cora = three()
    first = ben.seal(log, 20, "early")
    ada.commit(log, 3)
    ben.sync(log)
    again = ben.seal(log, 20, "early")
    assert again.data != first.data
    log.send(ben, again)
    ben.say(log, 21, "next")
    ben.sync(log)
    ben.say(log, 22, "and next")
    assert notes(cora.sync(log)) == []
    assert notes(ada.sync(log)) == []


def test_what_was_given_up_is_not_missing() -> None:
    """N2: refused for good after what follows was encrypted, which is encrypted again."""
    log, ada, ben, cora = three()
    ben.seal(log, 20, "refused")
    behind = ben.run(
        seal.encrypt, ben.groups, request(21), log.room, text("next"), Millis(log.now), None, [request(20)]
    )
    ben.run(seal.forget, request(20))
    again = ben.seal(log, 21, "next")
    assert again.data != behind.data  # which says that the other one comes before it
    log.send(ben, again)
    ben.sync(log)
    ben.say(log, 22, "and next")
    assert notes(cora.sync(log)) == []
    assert notes(ada.sync(log)) == []


def test_what_another_program_of_the_home_sends_later_is_not_missing(tmp_path: Path) -> None:
    """N2: two programs on one home number together, and either may be slow."""
    log, _, ben, cora = three(tmp_path / "archive.db")
    slow = ben.seal(log, 20, "queued")
    twin = ben.twin()
    twin.say(log, 21, "at once")
    twin.sync(log)
    twin.say(log, 22, "and again")
    log.send(ben, slow)
    ben.sync(log)
    ben.say(log, 23, "all there")
    assert notes(cora.sync(log)) == []


def test_a_later_member_gets_no_note_about_earlier_messages() -> None:
    """N2: also who is removed and added again, and hears everyone go on."""
    log, ada, ben, cora = three()
    dan = Device("dan")
    ben.say(log, 20, "before dan")
    ada.sync(log)
    ada.commit(log, 3, [dan])
    heard: list[Received] = []
    for number, device in enumerate((ben, cora, ada, ben), 30):
        device.sync(log)
        device.say(log, number, "hello dan")
    heard += dan.sync(log)
    ada.sync(log)
    ada.commit(log, 4, remove=[dan])
    ben.sync(log)
    ben.say(log, 40, "without dan")
    ada.sync(log)
    ada.commit(log, 5, [dan])
    for number, device in enumerate((ben, cora), 50):
        device.sync(log)
        device.say(log, number, "back again")
    heard += dan.sync(log)
    dan.say(log, 60, "thanks")
    for device in (ada, ben, cora):
        heard += device.sync(log)
    assert notes(heard) == []


def test_the_first_message_after_a_join_is_missed() -> None:
    """N1: a new member knows where its epoch began, and others say what they sent and saw since."""
    log, ada, ben, cora = three()
    dan = Device("dan")
    ada.commit(log, 3, [dan])
    dan.sync(log)
    known = list(log.events)
    for device in (ben, cora):
        device.sync(log)
    ben.say(log, 20, "kept from dan")
    ben.say(log, 21, "shown")
    assert notes(shown(dan, log, [*known, log.events[-1]])) == ["1 message from ben is missing here"]
    for device in (ada, cora):
        device.sync(log)
    cora.say(log, 22, "I saw both")
    assert notes(shown(dan, log, [*known, *log.events[-2:]])) == []  # it was told
    eve = Device("eve")
    ada.sync(log)
    ada.commit(log, 4, [eve])
    eve.sync(log)
    known = list(log.events)
    ben.sync(log)
    cora.sync(log)
    ben.say(log, 30, "kept from eve")
    cora.sync(log)
    cora.say(log, 31, "but I read it")
    assert notes(shown(eve, log, [*known, log.events[-1]])) == [
        "cora had seen 1 message before this one that is missing here"
    ]


def _blanked(log: Log, seq: Seq) -> list[LogEvent]:
    return [replace(e, body=Blank(was="sealed")) if e.seq == seq else e for e in log.events]


@pytest.mark.parametrize("honest", [True, False])
def test_a_blank_that_no_one_asked_for_is_reported(honest: bool) -> None:  # noqa: FBT001
    """N3: a deleted message leaves a hole that its deletion explains; the server makes none by itself."""
    log, _, ben, cora = three()
    ben.say(log, 20, "gone soon")
    seq = log.events[-1].seq
    ben.sync(log)
    if honest:
        ben.say(log, 21, DeleteContent(target=request(20)), blanks=seq)
    ben.say(log, 22, "next")
    items = shown(cora, log, _blanked(log, seq))
    assert notes(items) == []  # its place is there
    query = """
        INSERT INTO events (room, seq, at, author, device, kind, is_row, mention, body)
        VALUES (?, ?, 0, 'ben', '', 'blank', 1, 0, '')"""
    cora.connection.execute(query, (log.room, seq))
    told = cora.run(notes_on_dropped, log.room)
    assert bool(told) is not honest
    assert cora.run(notes_on_dropped, log.room) == {}  # once


def copied(device: Device) -> Device:
    """Return a copy of a home, as a backup has it."""
    copy = Device(str(device.user))
    copy.__dict__.update({**device.__dict__, "receipts": []})
    copy.connection = opened(":memory:")
    copy.connection.deserialize("main", device.connection.serialize("main"))
    copy.begin()
    return copy


def test_an_older_copy_of_a_home_encrypts_nothing_with_keys_that_were_used() -> None:
    """N4: it finds messages of its own that it does not know; after a commit of its own it goes on."""
    log, ada, ben, cora = three()
    old = copied(ben)
    early = old.seal(log, 90, "sealed early")
    for number in range(20, 23):
        ben.say(log, number, f"line {number}")
    assert notes(old.sync(log)) == [OLDER]
    assert old.receipts[-1].older
    for number in (90, 91):
        with pytest.raises(NotReadyError, match="older copy"):
            old.seal(log, number, "no")
    old.commit(log, 3)
    assert not old.receipts[-1].older
    sealed = old.seal(log, 90, "sealed early")
    assert (sealed.data, sealed.epoch) != (early.data, early.epoch)
    log.send(old, sealed)
    old.say(log, 92, "here again")
    for device in (ada, cora):
        assert notes(device.sync(log)) == []  # no number twice, and nothing that they wait for


DISPLACED = (
    "Another copy of this home folder is in use: it has renewed this device's keys, and this copy can no "
    "longer read the room. Use that one, or log in here as a new device."
)


@pytest.mark.parametrize("staged", [False, True])
def test_a_copy_whose_keys_another_copy_has_renewed_disturbs_no_one(staged: bool) -> None:  # noqa: FBT001
    """N5: it says so once, seals nothing, reports nothing; the others go on, and so does the other copy."""
    log, ada, ben, cora = three()
    old = copied(ben)
    if staged:  # it was about to renew its keys as well
        old.stage(log, 4)
    ben.commit(log, 3)
    ben.say(log, 20, "from the other copy")
    before = old.status(log).epoch
    items = old.sync(log)
    assert notes(items) == [DISPLACED]
    assert old.receipts[-1].contest is None
    assert list(old.receipts[-1].lost) == ([request(4)] if staged else [])
    assert store.contests(old.connection) == []
    assert (old.status(log).status, old.status(log).epoch) == (GroupStatus.DISPLACED, before)
    assert not old.status(log).staged
    with pytest.raises(DisplacedError) as refused:
        old.seal(log, 90, "no")
    assert refused.value.whole == DISPLACED
    for device in (ada, cora):
        assert notes(device.sync(log)) == []
    ada.commit(log, 5)
    ada.say(log, 21, "and on")
    old.begin()
    commit, message = old.sync(log)
    assert not commit.row  # it was said once
    assert message.trouble == DISPLACED
    assert old.receipts[-1].contest is None
    ben.sync(log)
    cora.sync(log)
    agree(log, ada, ben, cora)


def test_a_group_that_is_recreated_takes_a_displaced_copy_in() -> None:
    """N5: the other copy is gone, say; what is created later has keys of its own."""
    log, ada, ben, cora = three()
    old = copied(ben)
    ben.commit(log, 3)
    old.sync(log)
    assert log.group is not None
    log.add(ada.user, Contested(group=log.group, epoch=Epoch(log.epoch)))
    for device in (ada, cora, old):
        device.sync(log)
    with pytest.raises(DisplacedError):  # it may not know who was removed since
        old.make_group(log.room, log.kind, request(5), Millis(log.now))
    asked = ada.make_group(log.room, log.kind, request(5), Millis(log.now))
    log.create_group(ada, asked)
    ada.sync(log)
    ada.commit(log, 6, [old])
    old.sync(log)
    assert old.status(log).status is GroupStatus.ACTIVE
    old.say(log, 91, "here again")


def test_no_one_else_displaces_a_device() -> None:
    """N5: any member can name another's leaf as the sender; unsigned by it, that is contested as before."""
    log, _, ben, _ = three()
    forger = copied(ben)  # every member can derive what encrypts for ben's leaf, but not ben's signature
    group = forger.groups.stored(forger.connection, log.room).group
    group.policy = Policy(extensions=KNOWN, validate_successor=lambda _old, _new: None)
    group.state = group.state.with_epoch(replaced(group.state.epoch, signer=Device("eve").key.signer))
    handshake(log, ben, group.commit(now=log.now // 1_000).message)
    ben.sync(log)
    assert ben.status(log).status is GroupStatus.REFUSED
    assert ben.receipts[-1].contest is not None


def test_a_commit_that_was_given_up_and_is_shown_is_of_no_other_copy() -> None:
    """N5: a server that shows what it refused makes no one believe in a second copy."""
    log, _, ben, _ = three()
    refused = ben.stage(log, 3)
    ben.run(commit.drop_staged, ben.groups, log.room)
    ben.stage(log, 4)
    log.commit(ben, refused)
    ben.sync(log)
    assert ben.status(log).status is GroupStatus.REFUSED
    assert ben.receipts[-1].contest is not None


def test_a_message_that_was_given_up_and_is_stored_makes_no_older_copy() -> None:
    """N4: a server that stores what it refused brings no one to believe that."""
    log, _, ben, _ = three()
    refused = ben.seal(log, 20, "refused")
    ben.run(seal.forget, request(20))
    log.add(ben.user, sealed_body(refused))
    log.add(ben.user, sealed_body(refused))
    ben.sync(log)
    assert not ben.receipts[-1].older


def test_what_is_shown_a_second_time_counts_once() -> None:
    """R38: anyone who was shown messages twice claims no more of them than others have."""
    log, ada, ben, cora = three()
    for number in range(20, 23):
        ben.say(log, number, f"line {number}")
    shown(cora, log, [*log.events, *log.events[-3:]])
    cora.say(log, 30, "all there")
    assert notes(ada.sync(log)) == []
    assert notes(ben.sync(log)) == []


def test_another_order_is_told_by_the_first_message_of_someone_who_saw_it() -> None:
    """The last event is the same, and so is their number: only the digest of all of them is another one."""
    ada, ben, cora, dan = (Device(name) for name in ("ada", "ben", "cora", "dan"))
    log = room_of(ada, ben, cora, dan)
    for one in (ada, ben, cora, dan):
        one.sync(log)
    before = len(log.events)
    for number, device in enumerate((ada, ben, dan), 10):  # at the same time: none has seen the others'
        device.say(log, number, f"I am {device.user}")
    cora.sync(log)
    cora.say(log, 20, "I have seen them all")
    first, second, third, said = log.events[before:]
    victim = ben
    found = shown(victim, log, [*log.events[:before], second, first, third, said])
    assert notes(found[-1:]) == ["the server showed cora different messages above, or a different order"]
