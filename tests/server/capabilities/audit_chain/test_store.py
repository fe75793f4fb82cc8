"""M30: the newest signed head of each server's audit log."""

from pathlib import Path

from tests.server.capabilities.audit_chain.audit_world import AuditWorld, record
from tests.server.core.store.world import KitWorld

from parlour_server.capabilities.audit_chain.chain import KnownHead, Place
from parlour_server.capabilities.audit_chain.store import AuditHeads


async def test_the_newest_head_of_each_chain(world: KitWorld, tmp_path: Path) -> None:
    """An older head that is written late replaces none; the place may have any name."""
    store = AuditHeads(world.store)
    assert await store.all() == {}
    heads = []
    for name in ("one", "other"):
        log = AuditWorld(tmp_path / name)
        file = log.start()
        place = Place("node", "/srv/a#b:c", file.place.inode)
        for _ in range(2):
            record(file, 1)
            heads.append(KnownHead(log.publish(file), place))
        file.close()
    for head in reversed(heads):
        await store.put(head)
    assert await store.all() == {head.signed.chain: head for head in heads[1::2]}
