"""Groups on the disk: what is over leaves nothing behind, in the file or in its write-ahead log."""

from pathlib import Path

import pytest
from tests.client.core.e2ee.group_world import ROOM, Device, room_of

from parlour_client.core.e2ee.group import receive
from parlour_client.core.e2ee.group.store import IN_MEMORY, Groups, scrub
from parlour_client.core.errors import ArchiveError
from parlour_protocol.ids import GroupId
from parlour_protocol.kit.ids import Millis


def holds(folder: Path, secret: bytes) -> bool:
    """Say whether any file of the archive holds these bytes (this one is not encrypted)."""
    return any(secret in path.read_bytes() for path in folder.iterdir())


def test_keys_of_an_epoch_that_is_over_are_in_no_file(tmp_path: Path) -> None:
    """Marmot #756: deleted data was left in the write-ahead log."""
    alice, bobby = Device("alice", path=tmp_path / "archive.db"), Device("bobby")
    alice.connection.pragma("journal_mode", "wal")
    alice.connection.pragma("secure_delete", 1)
    log = room_of(alice, bobby)
    stored = alice.groups.stored(alice.connection, ROOM)
    init = stored.group.state.epoch.secrets.init.reveal()
    assert holds(tmp_path, init)
    alice.commit(log, 3)
    assert holds(tmp_path, init)
    assert scrub(alice.connection)
    assert not holds(tmp_path, init)


def test_a_log_that_someone_reads_is_scrubbed_later(tmp_path: Path) -> None:
    """It says so instead of waiting, however long the program waits for others otherwise."""
    alice = Device("alice", path=tmp_path / "archive.db")
    alice.connection.pragma("journal_mode", "wal")
    room_of(alice)
    reader = alice.twin().connection
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM mls_groups").fetchall()
    alice.package()
    alice.connection.set_busy_timeout(60_000)
    assert not scrub(alice.connection)
    assert alice.connection.pragma("busy_timeout") == 60_000
    reader.execute("ROLLBACK")
    rest = alice.connection.execute("SELECT 1 FROM mls_groups UNION ALL SELECT 2")
    next(rest)
    assert not scrub(alice.connection)
    rest.close()
    assert scrub(alice.connection)


def test_the_text_of_an_encrypted_message_is_deleted_when_its_event_is_here(tmp_path: Path) -> None:
    """They were kept to be shown, and are then kept with the event alone."""
    alice, bobby = Device("alice", path=tmp_path / "archive.db"), Device("bobby")
    alice.connection.pragma("secure_delete", 1)
    log = room_of(alice, bobby)
    alice.connection.execute("DELETE FROM shown")
    alice.say(log, 10, "CANARY")
    assert holds(tmp_path, b"CANARY")
    alice.loosely(receive.process, alice.groups, ROOM, log.events[alice.cursor(log) :], Millis(log.now))
    assert not holds(tmp_path, b"CANARY")


def test_a_group_of_another_version_is_reported_in_words() -> None:
    """A home that another version wrote is a sentence, no fault of the program."""
    alice = Device("alice")
    log = room_of(alice)
    alice.connection.execute("UPDATE mls_groups SET state = CAST('PARLOUR-MLS of another kind' AS BLOB)")
    with pytest.raises(ArchiveError, match="another version"):
        Groups(alice.own).load(alice.connection, log.group)


def test_a_bounded_number_of_groups_is_kept_in_memory() -> None:
    """The others are read from the archive when they are needed."""
    alice = Device("alice")
    log = room_of(alice)
    assert log.group is not None
    group_store = Groups(alice.own)
    stored = group_store.load(alice.connection, log.group)
    assert stored is not None
    for number in range(IN_MEMORY + 5):
        group_store._keep(GroupId(f"{number:043}"), b"", stored.group, stored.rules.roster)
    assert len(group_store._cache) == IN_MEMORY
    assert group_store.load(alice.connection, log.group) is not None
