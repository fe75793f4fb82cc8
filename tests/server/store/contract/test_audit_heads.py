"""M30: the newest signed head of each server's audit log."""

from pathlib import Path

from tests.server.kit.audit_world import AuditWorld, record

from parlour_server.kit.audit_chain import KnownHead, Place
from parlour_server.store.chat_store import ChatStore


async def test_the_newest_head_of_each_chain(store: ChatStore, tmp_path: Path) -> None:
    """An older head that is written late replaces none; the place may have any name."""
    assert await store.audit_heads.all() == {}
    heads = []
    for name in ("one", "other"):
        world = AuditWorld(tmp_path / name)
        file = world.start()
        place = Place("node", "/srv/a#b:c", file.place.inode)
        for _ in range(2):
            record(file, 1)
            heads.append(KnownHead(world.publish(file), place))
        file.close()
    for head in reversed(heads):
        await store.audit_heads.put(head)
    assert await store.audit_heads.all() == {head.signed.chain: head for head in heads[1::2]}
