"""M30: nothing in the audit log can be changed, removed, inserted or moved without a trace."""

from pathlib import Path

import pytest
from tests.server.capabilities.audit_chain.audit_world import AuditWorld, record

from parlour_server.capabilities.audit_chain.chain import RECORDS_PER_HEAD

# A run writes a signed head, its records, and a signed head: lines are records, both count from 1.
RECORDS = 6


@pytest.fixture
def world(tmp_path: Path) -> AuditWorld:
    """Return a log of one run."""
    made = AuditWorld(tmp_path)
    made.run(RECORDS)
    return made


def test_a_log_that_nobody_touched(world: AuditWorld) -> None:
    """M30: it is fine, and signed to its end."""
    [chain] = world.check(world.head()).chains
    assert chain.faults == []
    assert chain.head is not None
    assert chain.head.size == len(world.lines) == RECORDS + 2
    assert chain.signed is not None
    assert (chain.signed.records, chain.unsigned) == (RECORDS + 1, 0)


def test_one_byte_changed_anywhere(world: AuditWorld) -> None:
    """M30: in records, digests, numbers and signatures; the line is named."""
    [file] = world.files
    good = file.read_bytes()
    for at in range(0, len(good) - 1, 7):
        if good[at : at + 1] != b"\n":
            line = good.count(b"\n", 0, at) + 1
            file.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
            assert line in {found for found, _ in world.faults()}, (at, line)


@pytest.mark.parametrize("at", range(1, RECORDS + 1))
def test_a_record_taken_out(world: AuditWorld, at: int) -> None:
    """M30: the line after it says which record is missing."""
    lines = world.lines
    world.write(lines[:at] + lines[at + 1 :])
    assert world.faults() == [(at + 1, at + 1)]


def test_the_beginning_taken_out(world: AuditWorld) -> None:
    """M30: a file begins with a signed head."""
    world.write(world.lines[1:])
    assert (1, 2) in world.faults()


def test_two_records_swapped(world: AuditWorld) -> None:
    """M30: the one that is missing, and the one that stands too late."""
    lines = world.lines
    lines[3], lines[4] = lines[4], lines[3]
    world.write(lines)
    assert world.faults() == [(4, 4), (5, 4)]


@pytest.mark.parametrize("source", [2, 5])
def test_a_record_inserted(world: AuditWorld, source: int) -> None:
    """M30: a copy of another one."""
    lines = world.lines
    world.write([*lines[:4], lines[source], *lines[4:]])
    assert world.faults()
    assert world.faults()[0][0] == 5


def test_garbage_inserted(world: AuditWorld) -> None:
    """M30: a line that is no record, and is not what a crash leaves."""
    lines = world.lines
    world.write([*lines[:4], b"nothing", *lines[4:]])
    assert world.faults() == [(5, 5)]


@pytest.mark.parametrize("change", ["edit", "remove", "insert"])
def test_digests_calculated_again(world: AuditWorld, change: str) -> None:
    """M30: a forger without the key makes a chain that fits, and the next signed head does not."""
    lines = world.lines
    if change == "edit":
        lines[3] = lines[3].replace(b"anna", b"bert")
    elif change == "remove":
        del lines[3]
    else:
        lines.insert(3, lines[4])
    world.forge(lines)
    [fault] = [one for one in world.check().faults if one.line == len(lines)]
    assert "head of something else" in fault.text


def test_a_head_that_somebody_else_signed(world: AuditWorld, tmp_path: Path) -> None:
    """M30: a forger who makes a key of their own, and signs everything again."""
    other = AuditWorld(tmp_path / "other")
    other.folder.mkdir()
    [ours] = world.files
    (other.folder / ours.name).touch()  # the same chain, by its name
    other.run(RECORDS)
    [theirs] = other.files
    ours.write_bytes(theirs.read_bytes())
    assert [fault.line for fault in world.check().faults] == [1, RECORDS + 2]
    assert "signed with another key" in world.check().faults[0].text
    ours.with_name("0123456789ab-000001.jsonl").write_bytes(theirs.read_bytes())
    assert "does not begin with a signed head" in world.check().faults[0].text


def test_the_tail_cut_after_the_last_head(world: AuditWorld) -> None:
    """M30: this is what no head covers; a head that was kept elsewhere shows it."""
    file = world.start()
    record(file, 3)
    pinned = world.head()  # and then the server is killed
    assert world.faults(pinned) == []
    world.write(world.lines[:-2])
    assert world.faults() == []
    [chain] = world.check().chains
    assert chain.unsigned == 1
    [fault] = world.check(pinned).faults
    assert "the safe has a head after 11 records" in fault.text
    file._release()


def test_the_tail_cut_before_the_last_head(world: AuditWorld) -> None:
    """M30: the database's head is after the last record."""
    file = world.start()
    record(file, 3)
    world.publish(file)
    assert world.faults() == []
    world.write(world.lines[:-3])
    [fault] = world.check().faults
    assert "the database has a head after" in fault.text
    file._release()


def test_all_digests_calculated_again_and_all_later_heads_removed(world: AuditWorld) -> None:
    """M30: the head that was kept elsewhere names the record."""
    pinned = world.head()
    lines = world.lines[:-1]
    lines[3] = lines[3].replace(b"anna", b"bert")
    world.forge([*lines, lines[3], lines[3]])
    assert world.faults() == []  # without it: records after the last head
    assert world.faults(pinned) == [(RECORDS + 2, RECORDS + 2)]


def test_heads_removed(tmp_path: Path) -> None:
    """M30: so many records without a signed head are not what a server writes."""
    world = AuditWorld(tmp_path)
    world.run(RECORDS_PER_HEAD + 10)
    assert world.faults() == []
    world.forge([line for line in world.lines[1:] if b"audit_head" not in line])
    first = AuditWorld(tmp_path / "first")
    first.run(0)
    assert world.faults()


def test_a_pinned_head_by_another_key(world: AuditWorld, tmp_path: Path) -> None:
    """M30: it proves nothing, and says so."""
    other = AuditWorld(tmp_path / "other")
    other.run(1)
    [fault] = world.check(other.head()).faults
    assert "not signed with a key that is known here" in fault.text
