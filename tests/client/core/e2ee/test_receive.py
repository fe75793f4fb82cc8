"""Reading in order: what was processed, what is too old, what was before the join, what was deleted."""

import pytest
from tests.client.core.e2ee.vault_world import (
    ROOM,
    Device,
    agree,
    room_of,
    sealed_body,
)

from parlour_client.core.e2ee.results import Received
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
from parlour_protocol.ids import Millis, Seq

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
    held = carol.vault.held(carol.connection, ROOM)
    assert held.ended == []
    assert held.group._state.past == ()
    agree(log, bobby, carol)


def test_past_epochs_are_forgotten_without_events_too() -> None:
    """A quiet room must not keep its old keys."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.commit(log, 3)
    bobby.sync(log)
    assert len(bobby.vault.held(bobby.connection, ROOM).ended) == 1
    bobby.run(bobby.vault.expire, ROOM, Millis(log.now + 299_000))
    assert len(bobby.vault.held(bobby.connection, ROOM).ended) == 1
    bobby.run(bobby.vault.expire, ROOM, Millis(log.now + 300_001))
    assert bobby.vault.held(bobby.connection, ROOM).group._state.past == ()


def test_a_message_from_before_the_join_is_told_as_that() -> None:
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
    bobby.run(bobby.vault.begin_at, ROOM, Seq(len(log.events) - 1))
    bobby.sync(log)
    items = bobby.run(bobby.vault.before, ROOM, log.events[2:4])
    assert "before this device joined" in items[0].trouble
    assert note_of(items[1]) is NoteKind.PLAINTEXT_REFUSED
    assert CANARY not in str(items)
    assert bobby.vault.since(bobby.connection, ROOM) == 3


def test_blanked_messages_are_deleted_rows_and_the_next_are_read() -> None:
    """A sealed message whose content the server dropped leaves a hole in the ratchet, no more."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    alice.seal(log, 10, CANARY)
    log.add(alice.user, Blank(was="sealed"))
    alice.say(log, 11, "next")
    blank, following = bobby.sync(log)
    assert (blank.event.body, blank.sealed) == (Blank(was="message"), True)
    assert following.event.body == Message(text=MessageText.parse("next"))


@pytest.mark.parametrize("away", [False, True])
def test_who_goes_forgets_the_keys_and_is_let_in_anew(*, away: bool) -> None:
    """On every device of theirs, the ones that were away, too; who stays keeps the keys."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    log.add(bobby.user, Left())
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


def test_who_was_put_out_forgets_the_keys_before_the_commit_that_removes_them() -> None:
    """The commit may be long in coming, or never be seen by who may not read the log any more."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    log.add(alice.user, Kicked(who=bobby.user))
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
