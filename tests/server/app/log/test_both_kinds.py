"""What every log promises, of a program or of a room, on both engines: one contract, held against each."""

import asyncio
import threading
from asyncio import Future
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import pytest
from tests.server.app.log.log_contract import GAME
from tests.server.chat.store.world import World, message
from tests.server.core.store.world import DEVICE, FakeClock, KitWorld, log_in
from tests.server.shop_database import PROGRAM, SCHEMA

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import RequestId, Seq, new_request_id
from parlour_server.app.log.typed_log import TypedLog
from parlour_server.app.program_store import ProgramStore
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendEvent
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.errors import RefusedError, SessionRefusedError
from parlour_server.core.store.records import TicketGrant
from parlour_server.host.setup import migrate
from tests import postgres

Rule = Callable[[], None]
"""Raises RefusedError to refuse."""


def allow() -> None:
    """Refuse nothing."""


class Process:
    """A process with one log open, in which anyone may write a line."""

    def __init__(self, store: Any, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.world = KitWorld(store, clock)

    async def person(self, number: int) -> TicketGrant:
        """Make an account with a session."""
        session = self.world.session(await self.world.account(f"person{number}"), number)
        await log_in(self.store, session, cap=9)
        return self.world.grant(session)

    def append(
        self, by: TicketGrant, line: str, rule: Rule = allow, *, request: RequestId | None = None
    ) -> "Future[Any]":
        """Append a line."""
        raise NotImplementedError

    async def lines(self, *, after: int = 0, limit: int = 200) -> list[tuple[int, str | None]]:
        """Read the numbers and lines above ``after``."""
        raise NotImplementedError


class GameProcess(Process):
    """A log of a program."""

    def append(
        self, by: TicketGrant, line: str, rule: Rule = allow, *, request: RequestId | None = None
    ) -> "Future[Any]":
        return self._log.append(by, request or new_request_id(), GAME, line, lambda _: rule())

    @property
    def _log(self) -> TypedLog[str, int]:
        return TypedLog(self.store, "game", str, int)

    async def lines(self, *, after: int = 0, limit: int = 200) -> list[tuple[int, str | None]]:
        entries, _ = await self._log.page(GAME, after=Seq(after), limit=limit)
        return [(entry.seq, entry.body) for entry in entries]


class RoomProcess(Process):
    """A log of a room."""

    room: Any = None

    def append(
        self, by: TicketGrant, line: str, rule: Rule = allow, *, request: RequestId | None = None
    ) -> "Future[Any]":
        event = AppendEvent(
            self.room,
            by.user,
            DEVICE,
            request or new_request_id(),
            self.clock.now(),
            message(line),
            by.session,
        )
        return self.store.log.append(event, lambda *_: rule())

    async def lines(self, *, after: int = 0, limit: int = 200) -> list[tuple[int, str | None]]:
        found, *_ = await self.store.log.page(
            self.room, after=Seq(after + 1), before=None, limit=limit, max_bytes=10**6
        )
        return [(event.seq - 1, getattr(event.body, "text", None)) for event in found]


class Processes:
    """Processes on one database."""

    def __init__(self, kind: str, place: Any, clock: FakeClock) -> None:
        self._kind = kind
        self._place = place
        self._clock = clock
        self._room: Any = None
        self.opened: list[Process] = []

    async def open(self) -> Process:
        """Open the log in another process."""
        made: Process
        if self._kind == "program":
            made = GameProcess(
                ProgramStore(self._place, PROGRAM, self._clock, tells_by_bus=True), self._clock
            )
        else:
            made = RoomProcess(ChatStore(self._place, self._clock, tells_by_bus=True), self._clock)
        await made.store.open()
        self.opened.append(made)
        if isinstance(made, RoomProcess):
            if self._room is None:
                world = World(made.store, self._clock)
                self._room = await world.room(await world.account("founder"))  # event 1
            made.room = self._room
        return made


_KINDS: Final = [(kind, engine) for kind in ("program", "room") for engine in ("sqlite", "postgres")]


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still."""
    return FakeClock()


@pytest.fixture(params=_KINDS, ids=["-".join(each) for each in _KINDS])
async def processes(
    request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path
) -> AsyncIterator[Processes]:
    """Give a new database for logs of a kind."""
    kind, engine = request.param
    schema = CHAT.schema if kind == "room" else SCHEMA
    place: Any
    if engine == "postgres":
        place = postgres.database("chat" if kind == "room" else "kit", schema)
    else:
        place = tmp_path / "logs.db"
        migrate.create(place, schema)
    made = Processes(kind, place, clock)
    yield made
    for each in made.opened:
        await each.store.close()


@pytest.fixture
async def here(processes: Processes) -> Process:
    """Open the log."""
    return await processes.open()


async def test_numbers_have_no_holes(here: Process) -> None:
    """In the order of the calls, in one batch or in many, whatever is refused in between."""
    ana = await here.person(1)

    def refuse() -> None:
        raise RefusedError(ErrorCode.FORBIDDEN)

    done = await asyncio.gather(
        *(here.append(ana, f"{number}", refuse if number % 3 == 1 else allow) for number in range(90)),
        return_exceptions=True,
    )
    assert [isinstance(each, RefusedError) for each in done] == [number % 3 == 1 for number in range(90)]
    kept = [f"{number}" for number in range(90) if number % 3 != 1]
    assert await here.lines() == list(enumerate(kept, start=1))
    assert await here.lines(after=57, limit=2) == [(58, kept[57]), (59, kept[58])]


async def test_a_request_is_stored_once(here: Process) -> None:
    """It gets its first answer again, in one batch or later; for another line its id is taken."""
    ana, request = await here.person(1), new_request_id()
    both = [here.append(ana, "one", request=request), here.append(ana, "one", request=request)]
    assert [(await each).replay for each in both] == [False, True]
    await here.append(ana, "two")
    assert (await here.append(ana, "one", request=request)).replay
    with pytest.raises(RefusedError) as refused:
        await here.append(ana, "another", request=request)
    assert refused.value.code == ErrorCode.CONFLICT
    assert await here.lines() == [(1, "one"), (2, "two")]
    ben = await here.person(2)
    assert not (await here.append(ben, "one", request=request)).replay


async def test_a_refusal_is_not_remembered(here: Process) -> None:
    """Its request may be sent again, and is decided again."""
    ana, request = await here.person(1), new_request_id()

    def refuse() -> None:
        raise RefusedError(ErrorCode.FORBIDDEN)

    with pytest.raises(RefusedError):
        await here.append(ana, "one", refuse, request=request)
    assert not (await here.append(ana, "one", request=request)).replay
    assert await here.lines() == [(1, "one")]


async def test_a_session_that_ended_appends_nothing(here: Process, clock: FakeClock) -> None:
    """Ended, disabled or expired in the database, and not even a repeated request is answered."""
    people = [await here.person(number) for number in range(3)]
    request = new_request_id()
    await here.append(people[0], "one", request=request)
    await here.store.sessions.end_all(ByOperator(people[0].user))
    await here.store.accounts.set_disabled(ByOperator(people[1].user), disabled=True)
    clock.forward(31 * 86_400)
    for person in people:
        with pytest.raises((RefusedError, SessionRefusedError)):
            await here.append(person, "one", request=request)
    assert await here.lines() == [(1, "one")]


async def test_two_processes_number_one_log(processes: Processes) -> None:
    """No number twice, and no hole."""
    here, there = await processes.open(), await processes.open()
    ana = await here.person(1)
    await asyncio.gather(*(each.append(ana, "x") for _ in range(40) for each in (here, there)))
    assert await there.lines() == [(number, "x") for number in range(1, 81)]


async def test_of_two_who_decide_at_once_one_is_second(processes: Processes) -> None:
    """The rule runs in the transaction: the second sees what the first made of it."""
    here, there = await processes.open(), await processes.open()
    ana, ben = await here.person(1), await here.person(2)
    deciding, go_on, order = threading.Event(), threading.Event(), list[str]()

    def first() -> None:
        deciding.set()
        assert go_on.wait(60)
        order.append("first")

    one = here.append(ana, "one", first)
    assert await asyncio.to_thread(deciding.wait, 60)
    two = there.append(ben, "two", lambda: order.append("second"))
    go_on.set()
    await asyncio.gather(one, two)
    assert order == ["first", "second"]
    assert await here.lines() == [(1, "one"), (2, "two")]
