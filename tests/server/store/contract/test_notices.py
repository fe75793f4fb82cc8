"""The operator's notices: kept until they expire, bounded, and known to running servers by the journal."""

import pytest
from tests.server.store.world import World

from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.limits import CURRENT_NOTICES
from parlour_protocol.kit.server_notices import NoticeId, NoticeText, ServerNotice
from parlour_server.kit.errors import RefusedError
from parlour_server.kit.short_ids import new_short_id
from parlour_server.kit.store.records import Changed
from parlour_server.store.chat_store import ChatStore

HOUR = 3_600_000


def notice(world: World, hours: int = 1) -> ServerNotice:
    """Return a notice."""
    now = world.clock.now()
    return ServerNotice(
        NoticeId(new_short_id()), now, Millis(now + hours * HOUR), NoticeText.parse("down at 8")
    )


async def test_notices_are_kept_until_they_expire(world: World, administration: ChatStore) -> None:
    """A server learns of each change, and of nothing else, from its journal."""
    begin, now = await world.store.journal.head(), world.clock.now()
    first, second = notice(world), notice(world, 2)
    for one in (first, second):
        await administration.notices.send(one)
    assert set(await world.store.notices.current(now)) == {first, second}
    assert await world.store.notices.current(Millis(now + HOUR)) == [second]
    assert await administration.notices.withdraw(second.notice, now)
    assert not await administration.notices.withdraw(second.notice, now)
    assert await world.store.notices.current(now) == [first]
    entries = await world.store.journal.since(begin)
    assert [entry.what for entry in entries] == [Changed("notices")] * 3
    assert await world.store.prune(Millis(now + 91 * 24 * HOUR)) == 1


async def test_there_are_few_at_a_time(world: World) -> None:
    """Each is sent to everyone who connects."""
    for _ in range(CURRENT_NOTICES.value):
        await world.store.notices.send(notice(world))
    with pytest.raises(RefusedError) as refused:
        await world.store.notices.send(notice(world))
    assert "withdraw one first" in refused.value.hint
