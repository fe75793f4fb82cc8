"""Followers of a log get what any process appended: two servers on one store, and a bus that loses things."""

import asyncio
import dataclasses
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from tests.server.core.store.world import FakeClock, KitWorld, log_in

from parlour_protocol.kit.frames import Push, Request
from parlour_protocol.kit.id_fields import Count
from parlour_protocol.kit.ids import RequestId, Seq, new_request_id
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.app.hooks import Hooks
from parlour_server.app.log import gap_filler
from parlour_server.app.log.log import Appended, Entry, Facts, LogRecord
from parlour_server.app.log.position_check import ALONE_SECONDS
from parlour_server.app.parts import Parts
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.connections.topics import Topics
from parlour_server.core.errors import UnavailableError
from parlour_server.core.program import Pending
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.core.store.records import TicketGrant
from parlour_server.host.setup import migrate


class Play(Request, frozen=True, tag="play"):
    """Play something."""


class Played(Push, frozen=True, tag="played"):
    """Someone played."""

    seq: Count
    number: Count


class LossyBus:
    """Carries notifications between servers, loses them whenever it should, and keeps those for later."""

    def __init__(self) -> None:
        self.loses: Callable[[], bool] = lambda: False
        self.lost: list[object] = []
        self.sides: list[Side] = []

    def publish(self, notice: object, source: "Side | None" = None) -> None:
        """Deliver to all servers but the source, or lose."""
        if self.loses():
            self.lost.append(notice)
            return
        for side in self.sides:
            if side is not source:
                side.publish(notice)


class Side(LocalBus):
    """The bus as one server has it."""

    is_shared = True

    def __init__(self, bus: LossyBus) -> None:
        super().__init__()
        self._bus = bus
        bus.sides.append(self)

    def publish_elsewhere(self, notice: object) -> None:
        """Deliver to the other servers, or lose."""
        self._bus.publish(notice, self)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill gaps at once."""
    monkeypatch.setattr(gap_filler, "_WAIT", 0.0)


class Follower:
    """A peer that keeps what it gets."""

    def __init__(self, grant: TicketGrant) -> None:
        self.grant = grant
        self.user = grant.user
        self.closed = False
        self.got: list[dict[str, Any]] = []
        self.arrived = asyncio.Event()
        self._topics: list[Any] = []

    def write_unchecked(self, wire: bytes) -> None:
        """Keep the frames, each shorter than 126 bytes."""
        while wire:
            size = wire[1]
            self.got.append(msgspec.json.decode(wire[2 : 2 + size]))
            wire = wire[2 + size :]
        self.arrived.set()

    def add(self, topic: Any) -> None:
        """Follow."""
        self._topics.append(topic)
        topic.add(self)

    def fail(self) -> None:
        """Close."""
        self.leave()
        self.closed = True
        self.arrived.set()

    def leave(self) -> None:
        """Leave all topics."""
        for topic in self._topics:
            topic.remove(self)

    @property
    def numbers(self) -> list[int]:
        """The numbers of the entries that it got."""
        return [each["seq"] for each in self.got]

    async def until(self, last: int) -> list[int]:
        """Wait for this entry; return what came up to then."""
        async with asyncio.timeout(60):
            while not self.closed and last not in self.numbers:
                self.arrived.clear()
                await self.arrived.wait()
        return self.numbers


def push(entry: Entry[int]) -> Played:
    """Show an entry."""
    return Played(seq=entry.seq, number=entry.body)


def summary(record: LogRecord[int]) -> Played | None:
    """Show a log in the list, but none without people."""
    if record.log == "broken":
        raise ZeroDivisionError
    return Played(seq=record.head, number=record.state or 0) if record.log != "nobody's" else None


def count(facts: Facts[int]) -> int:
    """Count the entries."""
    return (facts.state or 0) + 1


class Server:
    """One of several on a store, without a network."""

    def __init__(self, shared: "Servers", show: Callable[[Entry[int]], Push]) -> None:
        self._shared = shared
        self.bus = Side(shared.bus)
        self.app: App[None] = App(Wire("game.v1", requests=Play, pushes=Played))
        self.games = self.app.log("game", body=int, state=int, push=show, summary=summary)
        self.app.on(Play, role="member")(lambda *_: None)
        self.store: Any = self.app.make_store(
            SqliteEngine(shared.folder(self.app).database), shared.clock, tells_by_bus=True
        )
        self.program: Any

    async def start(self, stack: AsyncExitStack) -> None:
        """Start the program on its parts."""
        if not self._shared.made:
            self._shared.made = True
            migrate.create(self._shared.folder(self.app).database, self.app.schema)
        await self.store.open()
        stack.push_async_callback(self.store.close)
        background = BackgroundTasks()
        stack.push_async_callback(background.close)
        fields: dict[str, Any] = {field.name: None for field in dataclasses.fields(Parts)}
        own: dict[str, Any] = {
            "store": self.store,
            "bus": self.bus,
            "clock": self._shared.clock,
            "background": background,
            "topics": Topics(asyncio.get_running_loop(), 0.0, frozenset({Played}), self.bus),
            "stack": stack,
            "run": lambda work: background.start("work", work, lambda: None),
        }
        parts: Parts[Any, Any] = Parts(**{**fields, **own, "hooks": Hooks()})
        self.program = await self.app.start(parts)
        self.bus.subscribe(self.program.notice)

    @property
    def stored(self) -> Any:
        """The logs in the store."""
        return self.games._running().logs.stored

    async def person(self, name: str) -> Follower:
        """Log someone in."""
        world = KitWorld(self.store, self._shared.clock)
        self._shared.people += 1
        session = world.session(await world.account(name), self._shared.people)
        await log_in(self.store, session, cap=9)
        return Follower(world.grant(session))

    async def play(
        self, player: Follower, number: int, *, log: str = "one", request: RequestId | None = None
    ) -> Appended[Entry[int]]:
        """Append as a handler does, until it is told."""
        pending = self.games.append(
            cast("Any", player), Play(request or new_request_id()), log, number, count
        )
        assert isinstance(pending, Pending)
        return await pending

    async def follow(self, follower: Follower, after: int = 0, log: str = "one") -> list[int]:
        """Follow, and read the first page."""
        entries, _ = await self.games.follow(cast("Any", follower), log, after=Seq(after))
        return [entry.seq for entry in entries]


class Servers:
    """What all of them share."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = FakeClock()
        self.bus = LossyBus()
        self.people = 0
        self.made = False
        self.stack = AsyncExitStack()

    def folder(self, app: App[None]) -> Any:
        """Return the data folder."""
        return app.folder(self.path)

    async def start(self, show: Callable[[Entry[int]], Push] = push) -> Server:
        """Start another one."""
        made = Server(self, show)
        await made.start(self.stack)
        return made


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    """Return a store and a bus for servers."""
    made = Servers(tmp_path)
    yield made
    await made.stack.aclose()


async def test_what_another_server_appended_is_published(servers: Servers) -> None:
    """In order, and once, at both; what the store of one server appended is in no journal."""
    here, there = await servers.start(), await servers.start()
    ana, ben = await here.person("ana"), await there.person("ben")
    assert await here.follow(ana) == []
    assert await there.follow(ben) == []
    for number in range(5):
        await there.play(ben, number)
        await here.play(ana, number)
    assert await ana.until(10) == await ben.until(10) == list(range(1, 11))
    assert [each["number"] for each in ana.got] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


async def test_a_gap_is_filled_from_the_store(servers: Servers) -> None:
    """The bus lost three notifications: the next one, or the next entry of its own, brings them, too."""
    here, there = await servers.start(), await servers.start()
    ana, ben = await here.person("ana"), await there.person("ben")
    await here.follow(ana)
    for bring in (here, there):
        servers.bus.loses = lambda: True
        for number in range(3):
            await there.play(ben, number)
        servers.bus.loses = lambda: False
        head = (await bring.play(ana if bring is here else ben, 9)).entry.seq
        assert await ana.until(head) == list(range(1, head + 1))


async def test_the_store_is_asked_for_what_no_one_announced(servers: Servers) -> None:
    """The bus is dead and nothing follows: a look at the store finds it, and finds it once."""
    here, there = await servers.start(), await servers.start()
    ana, ben = await here.person("ana"), await there.person("ben")
    await here.follow(ana)
    await here.follow(ana, log="two")
    servers.bus.loses = lambda: True
    for number in range(450):  # more than two pages
        await there.play(ben, number)
    assert ana.got == []
    for _ in range(3):
        servers.clock.forward(ALONE_SECONDS)
        assert await ana.until(450) == list(range(1, 451))


async def test_damage_ends_no_ones_following(servers: Servers) -> None:
    """What can't be read is left out, in the middle and at the end; what comes after it is published."""
    here, there = await servers.start(), await servers.start()
    ana, ben = await here.person("ana"), await there.person("ben")
    await here.follow(ana)
    servers.bus.loses = lambda: True
    for number in range(5):
        await there.play(ben, number)
    with closing(sqlite3.connect(servers.folder(here.app).database)) as db:
        db.execute("UPDATE entries SET body = x'7b' WHERE seq IN (2, 5)")
        db.commit()
    servers.clock.forward(ALONE_SECONDS)
    assert await ana.until(4) == [1, 3, 4]
    servers.bus.loses = lambda: False
    await there.play(ben, 5)
    assert await ana.until(6) == [1, 3, 4, 6]
    assert not ana.closed


async def test_late_and_repeated_notifications_change_nothing(servers: Servers) -> None:
    """They come in any order, after what they announce was published, and for logs that no one follows."""
    here, there = await servers.start(), await servers.start()
    ana, ben = await here.person("ana"), await there.person("ben")
    await here.follow(ana)
    chance = random.Random(8)  # noqa: S311 - a test's dice
    servers.bus.loses = lambda: chance.random() < 0.5
    for number in range(40):
        await (here.play(ana, number) if chance.random() < 0.5 else there.play(ben, number))
        await there.play(ben, number, log="nobody's")
    servers.bus.loses = lambda: False
    late = servers.bus.lost * 2
    chance.shuffle(late)
    for notice in late:
        servers.bus.publish(notice)
    head = (await there.play(ben, 0)).entry.seq
    assert await ana.until(head) == list(range(1, 42))


async def test_a_new_follower_gets_nothing_that_it_has_not_missed(servers: Servers) -> None:
    """Those who left do not leave the log behind: who comes later gets the page, and what is new."""
    here, there = await servers.start(), await servers.start()
    ana, ben = await here.person("ana"), await there.person("ben")
    await here.follow(ana)
    ana.leave()
    servers.bus.loses = lambda: True
    for number in range(4):
        await there.play(ben, number)
    servers.bus.loses = lambda: False
    eve = await here.person("eve")
    assert await here.follow(eve, after=2) == [3, 4]
    await there.play(ben, 4)
    assert await eve.until(5) == [5]
    assert ana.got == []


async def test_what_is_published_during_a_read_is_not_published_again(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store has an own entry, which is about to be told, when a later one is announced."""
    here, there = await servers.start(), await servers.start()
    ana, ben = await here.person("ana"), await there.person("ben")
    await here.follow(ana)
    tell, late, page = here.stored.on_appended, list[tuple[str, Any]](), here.stored.page
    assert tell is not None
    monkeypatch.setattr(here.stored, "on_appended", lambda *what: late.append(what))
    await here.play(ana, 1)

    async def page_slowly(*what: Any, **how: Any) -> Any:
        found = await page(*what, **how)
        while late:
            tell(*late.pop())
        return found

    monkeypatch.setattr(here.stored, "page", page_slowly)
    await there.play(ben, 2)
    assert await ana.until(2) == [1, 2]


async def test_the_program_itself_appends(servers: Servers) -> None:
    """Without a session, once for each key on any server; followers get it though its caller is gone."""
    here, there = await servers.start(), await servers.start()
    ana = await here.person("ana")
    await here.follow(ana)
    for server in (there, here):
        over = await server.games.append_own("time is up", "one", 7, count)
        assert (over.entry.author, over.entry.seq, over.replay) == (None, 1, server is here)
    work = asyncio.ensure_future(there.games.append_own("again", "one", 8, count))
    await asyncio.sleep(0)  # it has begun
    work.cancel()
    assert await ana.until(2) == [1, 2]
    assert work.cancelled()


async def test_a_command_appends_for_a_running_server(servers: Servers) -> None:
    """What it appends is in the journal, from which the server publishes it."""
    here = await servers.start()
    ana = await here.person("ana")
    await here.follow(ana)
    store: Any = here.app.make_store(SqliteEngine(servers.folder(here.app).database), servers.clock)
    await store.open()
    await here.games.of(store).append_own("from a command", "one", 3, count)
    await store.close()
    for entry in await here.store.journal.since(0):
        here.program.journal(entry.what)
    assert await ana.until(1) == [1]


async def test_an_entry_that_cannot_be_shown_closes_its_followers_only(servers: Servers) -> None:
    """They come back and read pages; who appended it, and who follows another log, stays."""

    def show(entry: Entry[int]) -> Push:
        if entry.body == 13:
            raise ZeroDivisionError
        return push(entry)

    here = await servers.start(show)
    ana, ben, eve = [await here.person(name) for name in ("ana", "ben", "eve")]
    await here.follow(ben)
    await here.follow(eve, log="two")
    for number in (1, 13, 2):
        await here.play(ana, number)
    await here.play(ana, 5, log="two")
    assert await eve.until(1) == [1]
    assert await ben.until(1) == [1]
    assert (ana.closed, ben.closed, eve.closed) == (False, True, False)


async def test_the_list_shows_what_any_server_changed(servers: Servers) -> None:
    """Once for each change, by the state after it; a summary that fails closes the list's followers only."""
    here, there = await servers.start(), await servers.start()
    ana, ben = await here.person("ana"), await there.person("ben")
    assert await here.games.follow_list(cast("Any", ana)) == ([], False)
    await there.play(ben, 9)
    assert await ana.until(1) == [1]
    await here.play(ana, 9)
    assert await ana.until(2) == [1, 2]
    await there.play(ben, 9)
    assert await ana.until(3) == [1, 2, 3]
    assert [each["number"] for each in ana.got] == [1, 2, 3]
    await here.follow(ben, log="broken")
    await there.play(ben, 9, log="nobody's")
    await there.play(ben, 9, log="broken")
    assert await ben.until(1) == [1]
    await ana.until(99)
    assert (ana.closed, ben.closed) == (True, False)


async def test_a_store_that_cannot_be_read_is_asked_again(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While following, and reading what is missing."""
    monkeypatch.setattr(gap_filler, "_RETRY", 0.0)
    monkeypatch.setattr("parlour_server.core.connections.background_tasks.RETRY_SECONDS", 0.0)
    here, there = await servers.start(), await servers.start()
    ana, ben = await here.person("ana"), await there.person("ben")
    heads, page, failures = here.stored.heads, here.stored.page, [3]

    async def fail(*_: object, **__: object) -> Any:
        failures[0] -= 1
        raise UnavailableError("the disk is slow")

    monkeypatch.setattr(here.stored, "heads", fail)
    with pytest.raises(UnavailableError):
        await here.follow(ana)
    monkeypatch.setattr(here.stored, "heads", heads)
    assert await here.follow(ana) == []

    async def fail_at_first(*what: Any, **how: Any) -> Any:
        return await (fail if failures[0] > 0 else page)(*what, **how)

    monkeypatch.setattr(here.stored, "page", fail_at_first)
    servers.bus.loses = lambda: True
    await there.play(ben, 1)
    servers.bus.loses = lambda: False
    await there.play(ben, 2)
    assert await ana.until(2) == [1, 2]
    assert failures == [0]
