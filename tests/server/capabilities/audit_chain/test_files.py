"""M30: the chain goes on after a restart, a crash, a rotation and a full disk; none looks like a forgery."""

import errno
import fcntl
import json
import os
from pathlib import Path

import pytest
from tests.server.capabilities.audit_chain.audit_world import AuditWorld, record

from parlour_server.capabilities.audit_chain.files import chain_files
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.output import format_line


@pytest.fixture
def world(tmp_path: Path) -> AuditWorld:
    """Return an empty folder."""
    return AuditWorld(tmp_path)


def test_restart(world: AuditWorld) -> None:
    """M30: one chain over several runs; a killed server loses no record."""
    world.run(3)
    file = world.start()
    record(file, 3)
    file._release()  # killed: no head, no goodbye
    world.run(3)
    assert world.faults() == []
    [chain] = world.check().chains
    assert chain.head is not None
    assert chain.head.size == len(world.lines)
    assert chain.unsigned == 0
    assert sum(b"session_ended" in line for line in world.lines) == 9


@pytest.mark.parametrize("left", [1, 40, -1])
def test_a_crash_in_the_middle_of_a_line(world: AuditWorld, left: int) -> None:
    """M30: the unfinished line is said to be one, and the chain goes on behind it."""
    world.run(3)
    [file] = world.files
    whole = file.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    file.write_bytes(whole[: -len(last)] + last[:left])
    assert world.faults() == []
    assert "unfinished line" in world.notes()[0]
    world.run(3)
    assert world.faults() == []
    assert len([note for note in world.notes() if "a crash left an unfinished line" in note]) == (left != -1)


def test_a_crash_before_the_first_record(world: AuditWorld) -> None:
    """M30: an empty file, or half a line of it."""
    for content in (b"", b'{"head'):
        world.run(0)
        [file] = world.files
        file.write_bytes(content)
        world.run(2)
        assert world.faults() == [] if not content else world.faults()
        file.unlink()


@pytest.mark.parametrize("at", [3, 7])
def test_a_line_that_was_damaged_is_no_crash(world: AuditWorld, at: int) -> None:
    """M30: nobody can pass a removed record off as a crash, not even the last one before a restart."""
    world.run(6)
    lines = world.lines
    lines[at] = lines[at][:40]
    world.write(lines)
    world.run(1)
    assert (at + 1, at + 1) in world.faults()


def test_rotation(world: AuditWorld) -> None:
    """M30: the files are one chain; the oldest are removed, and a record says so."""
    world.run(60, file_bytes=4000, most_files=3)
    assert len(world.files) == 3
    assert world.files[0].name.endswith("-000001.jsonl") is False
    assert world.faults() == []
    assert all(b"audit_head" in file.read_bytes().splitlines()[0] for file in world.files)
    assert any(b"audit_files_removed" in file.read_bytes() for file in world.files)


@pytest.mark.parametrize("which", [0, 1])
def test_a_whole_file_taken_out(world: AuditWorld, which: int) -> None:
    """M30: one that the server did not remove."""
    world.run(60, file_bytes=4000)
    assert world.faults() == []
    file = world.files[which]
    file.unlink()
    assert any(file.name in fault.text for fault in world.check().faults)


def test_the_newest_file_taken_out(world: AuditWorld) -> None:
    """M30: the tail; the database knows that there is more."""
    file = world.start(file_bytes=4000)
    record(file, 60)
    world.publish(file)
    file.close()
    world.files[-1].unlink()
    [fault] = world.check().faults
    assert "the database has a head after" in fault.text


def test_everything_taken_out(world: AuditWorld) -> None:
    """M30: also after the server began another chain in a new folder."""
    file = world.start()
    record(file, 3)
    world.publish(file)
    file.close()
    for path in world.folder.iterdir():
        path.unlink()
    world.folder.rmdir()
    [fault] = world.check().faults
    assert "no file of this chain is here" in fault.text
    world.run(3)
    assert [fault.text for fault in world.check().faults] == [fault.text]


def test_a_server_does_not_continue_what_was_cut(world: AuditWorld) -> None:
    """M30: a new chain begins, and the old one is still known to be cut."""
    file = world.start()
    record(file, 3)
    world.publish(file)
    file.close()
    old = world.chain
    world.write(world.lines[:2])
    world.run(3)
    assert len(chain_files(world.folder)) == 2
    [fault] = world.check().faults
    assert fault.file.startswith(old)


def test_two_processes_on_one_folder(world: AuditWorld) -> None:
    """M30: each has a chain of its own, and takes up the one that is free."""
    one, other = world.start(), world.start()
    assert one.chain != other.chain
    for file in (one, other, one):
        record(file, 2)
    one.close()
    other.close()
    again = {world.start().chain for _ in range(2)}
    assert again == {one.chain, other.chain}
    assert world.check().faults == []


def test_a_copy_of_the_folder(world: AuditWorld, tmp_path: Path) -> None:
    """M30: a second server, made by copying the first one's folder, begins its own chain."""
    file = world.start()
    record(file, 3)
    world.publish(file)
    file.close()
    copy = AuditWorld(tmp_path, "copy")
    copy.folder.mkdir()
    copy.known = world.known
    [path] = world.files
    (copy.folder / path.name).write_bytes(path.read_bytes())
    second = copy.start()
    record(second, 3)
    copy.publish(second)
    assert second.chain != file.chain
    assert world.start().chain == file.chain
    assert world.check().faults == copy.check().faults == []
    assert "this is a copy" in copy.notes()[0]
    [elsewhere] = world.check().elsewhere
    assert elsewhere.signed.chain == second.chain
    second.close()


def test_a_full_disk(
    world: AuditWorld, monkeypatch: pytest.MonkeyPatch, own_logs: list[dict[str, object]]
) -> None:
    """M30: the server goes on, says it once, and a record says how many are missing."""
    file = world.start()
    record(file, 2)
    write = os.write

    def fill_up(to: int, data: bytes) -> int:
        """Write a part, as a file system does with its last block."""
        return write(to, data[:10]) if file.lost == 0 else refuse()

    def refuse() -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", fill_up)
    record(file, 3)
    assert file.lost == 3
    monkeypatch.undo()
    record(file, 2)
    file.close()
    assert [event["event"] for event in own_logs if event["level"] == "warning"] == ["audit_unwritable"]
    assert world.faults() == []
    assert "3 records could not be written before" in world.notes()[0]
    gap = next(json.loads(line) for line in world.lines if b"audit_gap" in line)
    assert (gap["left_out"], gap["record"]) == (3, 4)


def test_a_start_on_a_full_disk(world: AuditWorld) -> None:
    """M30: without a folder the server starts, and begins the chain as soon as it can."""
    world.folder.write_bytes(b"in the way")
    file = world.start()
    record(file, 4)
    assert file.lost == 4
    world.folder.unlink()
    record(file, 1)
    file.close()
    assert world.faults() == []
    assert "4 records could not be written" in world.notes()[0]


def test_a_record_that_its_writer_still_has_is_not_missing(world: AuditWorld) -> None:
    """What waits, as a command's record does, is tried again, and counts neither as lost nor twice.

    The log doesn't grow by a line with each try either.
    """
    world.folder.write_bytes(b"in the way")
    file, lines = world.start(), list[str]()

    def write(event: str, **fields: object) -> str:
        lines.append(format_line({"event": event, **fields}))
        return lines[-1]

    audit = Audit(keepers=[file], write=write)
    record(file, 1)
    for _ in range(3):
        assert not audit.try_record(AuditEvent.OPERATOR_ACTION, action="user disable")
    assert file.lost == 1
    world.folder.unlink()
    assert audit.try_record(AuditEvent.OPERATOR_ACTION, action="user disable")
    file.close()
    assert audit.counts.total() == audit.counts[AuditEvent.OPERATOR_ACTION] == 1
    assert len(lines) == 1
    assert world.faults() == []
    assert "1 records could not be written" in world.notes()[0]
    assert sum(b"user disable" in line for line in world.lines) == 1


def test_a_disk_that_fills_up_under_a_record_that_waits(
    world: AuditWorld, monkeypatch: pytest.MonkeyPatch, own_logs: list[dict[str, object]]
) -> None:
    """Its writer has it still, so nothing is missing, and no gap is recorded.

    Each try is not a line in the log, and the disk is said to be full once: the log may be on the same disk.
    """
    file = world.start()
    audit = Audit(keepers=[file])

    def refuse(_to: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "write", refuse)
        for _ in range(5):
            assert not audit.try_record(AuditEvent.OPERATOR_ACTION, action="user disable")
    assert file.lost == 0
    assert [event["event"] for event in own_logs] == ["operator_action", "audit_unwritable"]
    assert audit.try_record(AuditEvent.OPERATOR_ACTION, action="user disable")
    file.close()
    assert (world.faults(), world.notes()) == ([], [])


def test_a_record_that_waits_on_a_full_disk_begins_the_chain(
    world: AuditWorld, own_logs: list[dict[str, object]]
) -> None:
    """After a start without a folder, too: no other record has to be lost for it."""
    world.folder.write_bytes(b"in the way")
    file = world.start()
    audit = Audit(keepers=[file])
    for _ in range(3):
        assert not audit.try_record(AuditEvent.OPERATOR_ACTION, action="user disable")
    assert [event["event"] for event in own_logs] == ["audit_unwritable"]
    world.folder.unlink()
    assert audit.try_record(AuditEvent.OPERATOR_ACTION, action="user disable")
    file.close()
    assert (world.faults(), world.notes(), file.lost) == ([], [], 0)


def test_files_are_private(world: AuditWorld) -> None:
    """O2: whatever the umask."""
    before = os.umask(0)
    try:
        world.run(1)
    finally:
        os.umask(before)
    assert world.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in world.folder.iterdir()} == {0o600}


def test_nothing_is_written_after_the_end(world: AuditWorld) -> None:
    """A record that comes too late is in the log and not in the chain, which is signed to its end."""
    file = world.start()
    record(file, 1)
    file.close()
    record(file, 1)
    assert sum(b"session_ended" in line for line in world.lines) == 1
    lock = os.open(world.folder / f"{world.chain}.lock", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)
