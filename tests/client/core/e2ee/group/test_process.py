"""Reading in order: what was processed, what is too old, what was before the join, what was deleted."""

import pytest
from tests.client.core.e2ee.group_world import (
    ROOM,
    SERVER,
    Device,
    Log,
    agree,
    clocks,
    request,
    room_of,
    sealed_body,
)

from parlour_client.core.e2ee.group import receive, store
from parlour_client.core.e2ee.group.commit import CommitRequest
from parlour_client.core.e2ee.group.run import Received
from parlour_client.core.e2ee.group.store import load_room
from parlour_client.core.model import NoteKind
from parlour_protocol.frames import MessageText
from parlour_protocol.frames.bodies import (
    Blank,
    Joined,
    Kicked,
    Left,
    Message,
    Unreadable,
)
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.membership import Remove

CANARY = "CANARY"


def note_of(item: Received) -> NoteKind | None:
    """Return the kind of a row's note."""
    return None if item.note is None else item.note.kind


def test_events_that_were_processed_are_dropped() -> None:
    """Nothing is shown twice when a page comes again."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.say(log, 10, "one")
    bobby.sync(log)
    assert bobby.receive(log.events).items == []


def test_late_messages_are_read_and_old_epochs_forgotten() -> None:
    """Two past epochs; after five minutes by the times of events their keys are gone from the archive."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    late, later, latest = (alice.seal(log, n, f"late {n}") for n in (10, 11, 12))
    bobby.commit(log, 3)
    log.add(alice.user, sealed_body(late))
    bobby.commit(log, 4)
    log.add(alice.user, sealed_body(later))
    assert [item.trouble for item in carol.sync(log)] == [""] * 4
    log.add(alice.user, sealed_body(latest), after=300_001)
    item = carol.sync(log)[0]
    assert "too late" in item.trouble
    stored = carol.groups.stored(carol.connection, ROOM)
    assert stored.ended == []
    assert stored.group.state.past == ()
    agree(log, bobby, carol)


def past(device: Device) -> int:
    """Return of how many past epochs a device has keys."""
    stored = device.groups.stored(device.connection, ROOM)
    assert len(stored.ended) == len(stored.group.state.past)
    return len(stored.ended)


def test_past_epochs_are_forgotten_without_events_too() -> None:
    """A quiet room must not keep its old keys, though the server says nothing any more."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.commit(log, 3)
    bobby.sync(log)
    assert past(bobby) == 1
    bobby.run(bobby.groups.expire, Millis(log.now + 299_000))
    assert past(bobby) == 1
    bobby.run(bobby.groups.expire, Millis(log.now + 300_001))
    assert past(bobby) == 0


@pytest.mark.parametrize("lie", [0, -1_000])
def test_a_server_whose_time_stands_still_or_goes_back_keeps_no_keys_alive(lie: int) -> None:
    """Past epochs end by this device's own clock as well: no event needs to tell the truth for that."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    late = alice.seal(log, 10, "late")
    bobby.commit(log, 3)
    true = log.now + 300_001
    event = log.add(alice.user, sealed_body(late), after=lie)
    (item,) = bobby.receive([event], now=true).items
    assert "too late" in item.trouble
    assert past(bobby) == 0


def test_a_server_whose_time_leaps_ahead_spoils_late_messages_and_nothing_else() -> None:
    """What it could have withheld as well is gone; the group goes on, and keys are renewed as before."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    late = alice.seal(log, 10, "late")
    true = log.now
    log.now += 50 * 365 * 86_400_000
    log.commit(
        bobby,
        bobby.make_commit(ROOM, CommitRequest(request(3), {}, (), *clocks(log))),
    )
    (event,) = log.events[bobby.cursor(log) :]
    bobby.receive([event], now=true)
    assert bobby.status(log).own_since == true
    event = log.add(alice.user, sealed_body(late), after=300_001)
    (item,) = bobby.receive([event], now=true).items
    assert "too late" in item.trouble
    alice.sync(log)
    agree(log, alice, bobby)


def test_a_clock_of_ours_that_was_set_back_keeps_no_keys_alive() -> None:
    """An hour is a difference of clocks; more is none that late messages could come within."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.commit(log, 3)
    bobby.sync(log)
    bobby.run(bobby.groups.expire, Millis(log.now - 3_600_000))
    assert past(bobby) == 1
    bobby.run(bobby.groups.expire, Millis(log.now - 3_600_001))
    assert past(bobby) == 0


def test_a_removed_member_writes_for_no_past_epoch() -> None:
    """What was encrypted before the removal is taken up to its place in the log, whatever the server does."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    first, second, third = (carol.seal(log, number, f"number {number}") for number in (10, 11, 12))
    alice.commit(log, 3)
    log.add(carol.user, sealed_body(first))
    assert [item.trouble for item in bobby.sync(log)] == ["", ""]  # late, and carol is still a member
    carol.sync(log)
    fourth = carol.seal(log, 13, "in the epoch that ends")
    alice.commit(log, 4, remove=[carol])
    for body in (second, fourth):
        log.add(carol.user, sealed_body(body))
    for device in (alice, bobby):
        items = [item for item in device.sync(log) if item.trouble]
        assert [item.event.author for item in items[-2:]] == [carol.user] * 2
        assert all("too late" in item.trouble for item in items[-2:])
        assert past(device) == 0
    alice.commit(log, 5)
    log.add(carol.user, sealed_body(third))
    assert "too late" in bobby.sync(log)[-1].trouble
    agree(log, alice, bobby)


def test_a_message_from_before_the_join_is_reported_as_that() -> None:
    """What was sent before this device joined: rows with a cause, and one divider at the join."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    alice.say(log, 10, CANARY)
    alice.sync(log)
    alice.commit(log, 3, [bobby])
    items = bobby.sync(log)
    assert "before this device joined" in items[2].trouble
    assert CANARY not in str(items)
    assert bobby.texts(log)[-1] == NoteKind.HISTORY_STARTS.value


def test_older_pages_read_as_before_the_join() -> None:
    """Scrolling back below where a newcomer began: the same rows, and no plaintext above any sealed event."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    alice.say(log, 10, CANARY)
    log.add(alice.user, Message(text=MessageText.parse(CANARY)))
    alice.sync(log)
    alice.commit(log, 3, [bobby])
    bobby.run(store.begin_at, ROOM, Seq(len(log.events) - 1))
    bobby.sync(log)
    items = bobby.run(receive.before_join, ROOM, log.events[2:4])
    assert "before this device joined" in items[0].trouble
    assert note_of(items[1]) is NoteKind.PLAINTEXT_REFUSED
    assert CANARY not in str(items)
    row = load_room(bobby.connection, ROOM)
    assert row is not None
    assert row.since == 3


def test_blanked_messages_are_deleted_rows_and_the_next_are_read() -> None:
    """An encrypted message whose content the server dropped leaves a hole in the ratchet, no more."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.seal(log, 10, CANARY)
    log.add(alice.user, Blank(was="sealed"))
    alice.say(log, 11, "next")
    blank, following = bobby.sync(log)
    assert (blank.event.body, blank.sealed) == (Blank(was="message"), True)
    assert following.event.body == Message(text=MessageText.parse("next"))


def gone(by: Device, who: Device, log: Log) -> StatementBytes:
    """Return the statement by which someone is removed, or leaves."""
    return by.sign(log, lambda roster: Remove(SERVER, ROOM, roster.serial, Millis(log.now), who.user))


@pytest.mark.parametrize("away", [False, True])
def test_a_leaving_member_deletes_the_keys_and_can_be_added_again(*, away: bool) -> None:
    """On every device of theirs, the ones that were away, too; who stays keeps the keys."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    log.add(bobby.user, Left(statement=gone(bobby, bobby, log)))
    if not away:
        bobby.sync(log)
        assert bobby.state(log) != alice.state(log)
        assert bobby.status(log).group is None
    alice.sync(log)
    alice.commit(log, 20, [], [bobby])
    log.add(bobby.user, Joined())
    alice.commit(log, 21, [bobby])
    alice.say(log, 22, CANARY)
    assert bobby.sync(log)[-1].trouble == ""
    assert bobby.texts(log)[-1] == CANARY
    agree(log, alice, bobby)


def test_who_was_removed_forgets_the_keys_before_the_commit_that_removes_them() -> None:
    """The commit may be long in coming, or never be seen by who may not read the log any more."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    log.add(alice.user, Kicked(who=bobby.user))
    bobby.sync(log)
    assert bobby.status(log).group is not None  # the server's word, which no member has signed
    log.add(alice.user, Kicked(who=bobby.user, statement=gone(alice, bobby, log)))
    bobby.sync(log)
    alice.sync(log)
    kept = [device.connection.execute("SELECT state FROM mls_groups").get for device in (alice, bobby)]
    assert [state is None for state in kept] == [False, True]


def test_what_the_server_cannot_read_any_more_is_a_row_and_what_follows_is_read() -> None:
    """A damaged row of the server's costs that message and nothing else."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    log.add(alice.user, Unreadable())
    alice.say(log, 10, "still here")
    bad, good = bobby.sync(log)
    assert isinstance(bad.event.body, Unreadable)
    assert bad.row
    assert isinstance(good.event.body, Message)
    assert good.event.body.text == "still here"
