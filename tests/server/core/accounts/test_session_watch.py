"""Open sockets and the limits of their sessions (S3, L17); a clock that is set."""

import asyncio
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest
from tests.server.fakes import START, MakeAccount, ReadableAudit, StoppedClock, by_login

from parlour_protocol.kit.errors import SESSION_EXPIRED, CloseCode
from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.kit.secret import Secret
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.account_limits import AccountLimits
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.accounts.session_watch import SessionWatch
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.clock import SteadyClock
from parlour_server.core.config.server_settings import Logins
from parlour_server.core.errors import SessionRefusedError
from parlour_server.core.output import set_up
from parlour_server.core.store.records import SessionRecord
from parlour_server.testing.clock import FakeClock

LAPTOP = parse_device_name("laptop")
DAY = 86_400


@dataclass
class SetClock(StoppedClock):
    """A clock whose time of day can be set."""

    set_by: int = 0

    def now(self) -> Millis:
        return Millis(super().now() + self.set_by)


@dataclass
class Bench:
    """Sessions with sockets, and the watch over them."""

    clock: SetClock
    store: ChatStore
    audit: ReadableAudit
    closed: list[SessionId] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.steady = SteadyClock(self.clock)
        self.activity = SessionActivity(self.steady)
        self.sessions = Sessions(
            self.store.sessions,
            LocalBus(),
            self.steady,
            self.audit,
            Logins(),
            self.activity,
            AccountLimits(),
        )
        self.watch = SessionWatch(lambda: self.sessions, self.end, self.steady)

    def end(self, sessions: Iterable[SessionId], code: CloseCode) -> None:
        assert code is SESSION_EXPIRED
        for session in sessions:
            self.closed.append(session)
            self.activity.closed(session)

    async def connected(self, make_account: MakeAccount, name: str) -> tuple[SessionRecord, Secret]:
        user = await make_account(name)
        record, token = await self.sessions.begin(await by_login(self.store, user), LAPTOP)
        self.activity.opened(record.id)
        return record, token

    async def seen(self, record: SessionRecord) -> int:
        [found] = await self.store.sessions.list(record.user, self.steady.now())
        return found.last_seen - START


@pytest.fixture
def bench(store: ChatStore, audit: ReadableAudit) -> Bench:
    """Return a bench."""
    return Bench(SetClock(), store, audit)


@pytest.fixture
def logged() -> Callable[[], list[dict[str, object]]]:
    """Return a function that returns what was logged since the last call."""
    stream = io.StringIO()
    set_up(stream)

    def lines() -> list[dict[str, object]]:
        text = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return [json.loads(line) for line in text.splitlines()]

    return lines


async def test_a_silent_socket_ends_at_the_idle_limit(bench: Bench, make_account: MakeAccount) -> None:
    """S3, L17: at the limit, not a look before it, and nothing is deleted."""
    record, _ = await bench.connected(make_account, "anna")
    bench.clock.pass_seconds(14 * DAY)
    await bench.watch.check()
    assert bench.closed == []
    bench.clock.pass_seconds(1)
    await bench.watch.check()
    assert bench.closed == [record.id]
    assert await bench.seen(record) == 0


async def test_a_socket_in_use_stays_until_the_absolute_limit(
    bench: Bench, make_account: MakeAccount
) -> None:
    """S3: a frame a week keeps the session from being idle; after thirty days it ends all the same."""
    record, token = await bench.connected(make_account, "anna")
    for _ in range(4):
        bench.clock.pass_seconds(7 * DAY)
        bench.activity.used(record.id)
        await bench.watch.check()
    assert bench.closed == []
    await bench.sessions.authenticate(token)
    bench.clock.pass_seconds(2 * DAY)
    bench.activity.used(record.id)
    await bench.watch.check()
    assert bench.closed == [record.id]
    with pytest.raises(SessionRefusedError):
        await bench.sessions.authenticate(token)


async def test_a_frame_just_before_a_look_counts(bench: Bench, make_account: MakeAccount) -> None:
    """L17: what was used and is not written yet goes before what the store says."""
    record, _ = await bench.connected(make_account, "anna")
    bench.clock.pass_seconds(14 * DAY + 1)
    bench.activity.used(record.id)
    await bench.watch.check()
    assert bench.closed == []
    assert await bench.seen(record) == (14 * DAY + 1) * 1000


async def test_use_is_written_once_a_minute(bench: Bench, make_account: MakeAccount) -> None:
    """The first use at once, then many frames are one write; the last ones when the server stops."""
    record, _ = await bench.connected(make_account, "anna")
    for seen in [1] + [1] * 59 + [61]:
        bench.clock.pass_seconds(1)
        bench.activity.used(record.id)
        await bench.watch.check()
        assert await bench.seen(record) == seen * 1000
    bench.clock.pass_seconds(4)
    bench.activity.used(record.id)
    await bench.watch.stop()
    assert await bench.seen(record) == 65_000


async def test_setting_the_clock_ends_no_one_and_is_logged(
    bench: Bench, make_account: MakeAccount, logged: Callable[[], list[dict[str, object]]]
) -> None:
    """Forty days ahead and a login: everyone stays, and the log says what happened, once."""
    record, token = await bench.connected(make_account, "anna")
    bench.clock.set_by = 40 * DAY * 1000
    for _ in range(2):
        await bench.watch.check()
    [line] = logged()
    assert (line["event"], line["seconds"]) == ("clock_was_set", 40 * DAY)
    await bench.connected(make_account, "bert")
    await bench.watch.check()
    assert bench.closed == []
    assert await bench.sessions.authenticate(token) == record
    bench.clock.set_by = 0
    await bench.watch.check()
    assert [line["event"] for line in logged()] == ["clock_was_set"]


@pytest.mark.parametrize(("days", "lines"), [(-1, 1), (0, 0), (1, 0), (40, 1)])
async def test_a_start_by_a_clock_that_does_not_fit_the_data(
    bench: Bench, days: int, lines: int, logged: Callable[[], list[dict[str, object]]]
) -> None:
    """A server that starts forty days after the last use says that its clock may be wrong."""
    bench.watch.compare(Millis(START - days * DAY * 1000))
    assert [line["event"] for line in logged()] == ["clock_differs"] * lines
    bench.watch.compare(None)
    assert logged() == []


async def test_time_that_passes_during_a_check_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check takes its time; what became overdue meanwhile waits for no other second."""
    clock = FakeClock()
    watch = SessionWatch(lambda: pytest.fail("not asked"), lambda *_: None, SteadyClock(clock))
    checks = asyncio.Semaphore(0)

    async def check() -> None:
        if clock.seconds < 2000:
            clock.forward(3600)
        checks.release()

    monkeypatch.setattr(watch, "check", check)
    running = asyncio.ensure_future(watch.run())
    await asyncio.sleep(0)  # it waits
    clock.forward(1)
    async with asyncio.timeout(60):
        await checks.acquire()
        await checks.acquire()
    running.cancel()
