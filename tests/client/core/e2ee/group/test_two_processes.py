"""Two programs of one home on one archive (`send` beside `tail`): they take turns and never fork the group.

libxmtp #3760: two processes on one store, each going on from the state that it had in memory.
"""

import random
from pathlib import Path

import apsw
import pytest
from tests.client.core.e2ee.crash_world import Sent
from tests.client.core.e2ee.group_world import ROOM, Device, Log, StaleError, agree, clocks, request, room_of

from parlour_client.core.e2ee.errors import ArrivedError, MovedError, NotReadyError
from parlour_client.core.e2ee.group import commit
from parlour_client.core.e2ee.group.commit import CommitRequest
from parlour_protocol.kit.ids import Millis


def pair(tmp_path: Path) -> tuple[Device, Device, Device, Log]:
    """Return two processes of alice's home, and bobby, in one room."""
    first, bobby = Device("alice", path=tmp_path / "archive.db"), Device("bobby")
    log = room_of(first, bobby)
    return first, first.twin(), bobby, log


def test_a_message_of_one_and_then_of_the_other_use_two_keys(tmp_path: Path) -> None:
    """Each reloads when the other went on; the receiver reads both."""
    first, second, bobby, log = pair(tmp_path)
    sent = Sent()
    for number, device in enumerate([first, second, second, first, second, first], start=10):
        frame = device.seal(log, number, f"message {number}")
        sent.leaves(device, frame.group, frame.data)
        log.send(device, frame)
    bobby.sync(log)
    assert bobby.texts(log)[-6:] == [f"message {number}" for number in range(10, 16)]
    first.sync(log)
    assert second.cursor(log) == first.cursor(log)
    assert second.sync(log) == []
    agree(log, first, second, bobby)


def test_one_follows_a_commit_and_the_other_sees_it(tmp_path: Path) -> None:
    """What one has processed is behind the cursor of both."""
    first, second, bobby, log = pair(tmp_path)
    second.status(log)
    bobby.commit(log, 3)
    first.sync(log)
    assert second.status(log).epoch == 2
    assert second.seal(log, 10, "in the new epoch").epoch == 2


def test_one_commits_and_the_other_merges_it(tmp_path: Path) -> None:
    """The commit is staged in the archive, not in a program; it is merged once."""
    first, second, bobby, log = pair(tmp_path)
    body = first.stage(log, 3)
    with pytest.raises(NotReadyError):
        second.stage(log, 4)
    log.commit(first, body)
    second.sync(log)
    assert commit.staged(first.connection, ROOM) is None
    assert first.sync(log) == []
    bobby.sync(log)
    agree(log, first, second, bobby)


def test_a_commit_prepared_elsewhere_is_not_stored_when_the_group_moved(tmp_path: Path) -> None:
    """The work of a thread is thrown away, and done again on what is there now."""
    first, second, bobby, log = pair(tmp_path)
    stored = first.run(first.groups.stored, ROOM)
    second.say(log, 10, "meanwhile")
    wanted = CommitRequest(request(3), {}, (), *clocks(log))
    made = commit.prepare(stored, wanted, first.own)
    with pytest.raises(MovedError):
        first.run(commit.store, first.groups, stored, made)
    assert commit.staged(first.connection, ROOM) is None
    first.commit(log, 3)
    bobby.sync(log)
    agree(log, first, second, bobby)


def test_what_was_rolled_back_is_not_gone_on_from(tmp_path: Path) -> None:
    """The memory of a transaction that failed is worth nothing, though the next version may look like it."""
    first, second, bobby, log = pair(tmp_path)

    def failing(connection: apsw.Connection) -> None:
        commit.stage(connection, first.groups, ROOM, CommitRequest(request(3), {}, (), *clocks(log)))
        raise StaleError

    with pytest.raises(StaleError):
        first.run(failing)
    second.say(log, 10, "one")
    first.say(log, 11, "two")
    bobby.sync(log)
    assert bobby.texts(log)[-2:] == ["one", "two"]
    assert commit.staged(first.connection, ROOM) is None


def test_both_found_one_room(tmp_path: Path) -> None:
    """The second gets what the first has prepared."""
    first = Device("alice", path=tmp_path / "archive.db")
    second, log = first.twin(), Log()
    asked = first.make_group(ROOM, log.kind, request(1), Millis(log.now))
    assert second.make_group(ROOM, log.kind, request(2), Millis(log.now)) == asked


@pytest.mark.parametrize("seed", range(6))
def test_any_interleaving_ends_in_one_group(tmp_path: Path, seed: int) -> None:
    """Sends, commits, races and catching up of two programs and another member, in a random order."""
    chance = random.Random(seed)  # noqa: S311 - failures must replay
    first, second, bobby, log = pair(tmp_path)
    sent, spoken = Sent(), []
    for number in range(10, 50):
        device = chance.choice([first, second, bobby])
        match chance.choice(["say", "say", "sync", "commit"]):
            case "say":
                spoken.append(f"message {number}")
                _say(device, log, number, sent)
            case "sync":
                device.sync(log)
            case _:
                _commit(device, log, number)
    for device in (first, second, bobby):
        _commit(device, log, 0)
    for device in (first, second, bobby):
        device.sync(log)
    agree(log, first, second, bobby)
    for device in (first, bobby):
        assert [what for what in device.texts(log) if what.startswith("message")] == spoken


def _say(device: Device, log: Log, number: int, sent: Sent) -> None:
    while True:
        try:
            frame = device.seal(log, number, f"message {number}")
            sent.leaves(device, frame.group, frame.data)
            log.send(device, frame)
        except StaleError:
            device.sync(log)
        except ArrivedError:
            return
        else:
            return


def _commit(device: Device, log: Log, number: int) -> None:
    """Send what is staged, or stage what another run sends."""
    staged = commit.staged(device.connection, ROOM)
    if staged is None and number:
        device.stage(log, number)
    elif staged is not None:
        try:
            log.commit(device, staged)
        except StaleError:
            device.sync(log)
