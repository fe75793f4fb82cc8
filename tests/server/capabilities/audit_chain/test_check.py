"""M30: the audit logs of all servers of a machine, those of `run --workers` too, are checked together."""

from pathlib import Path

from tests.server.capabilities.audit_chain.audit_world import AuditWorld, record

from parlour_server.capabilities.audit_chain.chain import KnownHead, Place
from parlour_server.capabilities.audit_chain.check import audit_folders, check_audit_log
from parlour_server.core.data_folder import DataFolder


def test_workers(folder: DataFolder) -> None:
    """M30: each worker has a chain in a folder of its own; one that is cut, or gone, is found."""
    (folder.path / "workers" / "2").mkdir(parents=True)
    known: dict[str, KnownHead] = {}
    for path in (folder.path / "audit", folder.path / "workers" / "2" / "audit"):
        world = AuditWorld(folder.path, str(path.relative_to(folder.path)))
        world.known = known
        file = world.start()
        record(file, 3)
        world.publish(file)
        file.close()
    keys = frozenset({world.key.public.hex()})
    assert len(audit_folders(folder)) == 2
    report = check_audit_log(audit_folders(folder), keys, known)
    assert (len(report.chains), report.faults, report.elsewhere) == (2, [], [])
    world.write(world.lines[:2])
    assert len(check_audit_log(audit_folders(folder), keys, known).faults) == 1
    for path in world.folder.iterdir():
        path.unlink()
    world.folder.rmdir()
    [fault] = check_audit_log(audit_folders(folder), keys, known).faults
    assert "no file of this chain is here" in fault.text


def test_a_chain_of_another_machine(tmp_path: Path) -> None:
    """M30: its files are there; here it is listed, and its head must be signed."""
    world, other = AuditWorld(tmp_path), AuditWorld(tmp_path, "other")
    world.run(1)
    file = other.start()
    head = other.publish(file)
    file.close()
    world.known = {head.chain: KnownHead(head, Place("elsewhere", "/srv/parlour/audit", 5))}
    report = world.check()
    assert report.faults == []
    assert [known.signed for known in report.elsewhere] == [head]
    world.key, right = AuditWorld(tmp_path / "forged").key, world.key
    assert any("not signed with a key" in fault.text for fault in world.check().faults)
    world.key = right
