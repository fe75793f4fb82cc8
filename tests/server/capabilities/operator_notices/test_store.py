"""The operator's notices: kept until they expire, bounded, and known to running servers by the journal."""

import pytest
from tests.server.core.store.world import KitWorld

from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.limits import CURRENT_NOTICES
from parlour_protocol.kit.server_notices import NoticeId, NoticeText, ServerNotice
from parlour_server.app.short_ids import new_short_id
from parlour_server.capabilities.operator_notices import CAPABILITY
from parlour_server.capabilities.operator_notices.store import OperatorNotices
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.records import Changed

HOUR = 3_600_000


def notice(world: KitWorld, hours: int = 1) -> ServerNotice:
    """Return a notice."""
    now = world.clock.now()
    return ServerNotice(
        NoticeId(new_short_id()), now, Millis(now + hours * HOUR), NoticeText.parse("down at 8")
    )


async def test_notices_are_kept_until_they_expire(world: KitWorld) -> None:
    """A server learns of each change, and of nothing else, from its journal."""
    notices, begin, now = OperatorNotices(world.store), await world.store.journal.head(), world.clock.now()
    first, second = notice(world), notice(world, 2)
    for one in (first, second):
        await notices.send(one)
    assert set(await notices.current(now)) == {first, second}
    assert await notices.current(Millis(now + HOUR)) == [second]
    assert await notices.withdraw(second.notice, now)
    assert not await notices.withdraw(second.notice, now)
    assert await notices.current(now) == [first]
    entries = await world.store.journal.since(begin)
    assert [entry.what for entry in entries] == [Changed("notices")] * 3
    assert CAPABILITY.tables is not None
    assert await world.store.prune(Millis(now + 91 * 24 * HOUR), CAPABILITY.tables.rules) == 1


async def test_there_are_few_at_a_time(world: KitWorld) -> None:
    """Each is sent to everyone who connects."""
    notices = OperatorNotices(world.store)
    for _ in range(CURRENT_NOTICES.value):
        await notices.send(notice(world))
    with pytest.raises(RefusedError) as refused:
        await notices.send(notice(world))
    assert "withdraw one first" in refused.value.hint
