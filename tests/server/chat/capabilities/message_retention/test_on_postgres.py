"""On a database that several servers share, one at a time looks at the clock and decides by what it read."""

import psycopg
import pytest
from tests.server.chat.store.world import FakeClock

from parlour_protocol.kit.ids import Millis
from parlour_server.chat.capabilities.message_retention.store import RetentionStore
from parlour_server.chat.program import CHAT
from parlour_server.core.store.engine.trusted_clock import TrustedClock
from tests import postgres


async def test_no_other_write_runs_beside_a_look_at_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it decides, its transaction has the lock of all writes alone: no other look is lost."""
    store, modes = (
        CHAT.make_store(postgres.database("chat", CHAT.schema), FakeClock(), tells_by_bus=True),
        list[str](),
    )
    look = TrustedClock.look

    def observed(clock: TrustedClock, now: Millis) -> TrustedClock:
        with psycopg.connect(postgres.dsn("chat")) as connection:
            query = (
                "SELECT mode FROM pg_locks WHERE locktype = 'advisory' AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            modes.extend(mode for (mode,) in connection.execute(query))
        return look(clock, now)

    monkeypatch.setattr(TrustedClock, "look", observed)
    await store.open()
    await RetentionStore(store).look_at_clock(Millis(1_700_000_000_000))
    await store.close()
    assert modes == ["ExclusiveLock"]
