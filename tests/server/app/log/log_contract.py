"""What the logs promise on every engine, as tests: subclass ``LogContract`` with a fixture ``open_store``."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest
from tests.server.core.store.world import FakeClock, KitWorld, log_in

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import RequestId, Seq, new_request_id
from parlour_server.app.log.log import (
    BODY_BYTES,
    LOG_ID,
    Appended,
    Entry,
    Facts,
    LogAdvanced,
    LogId,
    LogRecord,
)
from parlour_server.app.log.typed_log import TypedLog
from parlour_server.app.program_store import ProgramStore
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.errors import RefusedError, SessionRefusedError
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.core.store.records import JournalEntry, SessionEnded, TicketGrant

GAME = LogId("game:1")


OpenStore = Callable[[bool], Awaitable[ProgramStore]]
"""Opens a store on one database; True: as a server, which publishes its appends itself."""


def keep(_: Facts[bytes]) -> None:
    """Allow everything, and keep the state."""


def count(facts: Facts[bytes]) -> bytes:
    """Allow everything; the state is the number of entries."""
    return str(int(facts.state or b"0") + 1).encode()


def refuse(_: Facts[bytes]) -> bytes:
    """Allow nothing."""
    raise RefusedError(ErrorCode.FORBIDDEN, "not your turn")


class Server:
    """An open store with people who are logged in."""

    def __init__(self, store: ProgramStore, clock: FakeClock) -> None:
        self.store = store
        self.log: TypedLog[bytes, bytes] = TypedLog(store, "game", bytes, bytes)
        self.world = KitWorld(store, clock)
        self._number = 0

    async def person(self, name: str) -> TicketGrant:
        """Make an account with a session."""
        self._number += 1
        session = self.world.session(await self.world.account(name), self._number)
        await log_in(self.store, session, cap=9)
        return self.world.grant(session)

    async def append(
        self, author: TicketGrant, body: bytes = b"x", *, log: LogId = GAME, request: RequestId | None = None
    ) -> Appended[Entry[bytes]]:
        """Append an entry, and count it in the state."""
        return await self.log.append(author, request or new_request_id(), log, body, count)

    async def everything(self, log: LogId = GAME, limit: int = 200) -> list[Entry[bytes]]:
        """Read a log page by page, as a client that resumes does."""
        found: list[Entry[bytes]] = []
        more = True
        while more:
            after = found[-1].seq if found else Seq(0)
            page, more = await self.log.page(log, after=after, limit=limit)
            found += page
        return found


def numbers(entries: Sequence[Entry[bytes]]) -> list[int]:
    """Return the entries' numbers."""
    return [entry.seq for entry in entries]


class LogContract:
    """Subclass it with a fixture ``open_store``, which closes what it opened."""

    @pytest.fixture
    async def server(self, open_store: OpenStore, clock: FakeClock) -> Server:
        """Give an open store."""
        return Server(await open_store(True), clock)

    async def test_entries_are_numbered_in_each_log(self, server: Server, clock: FakeClock) -> None:
        """1, 2, 3, … whatever the clock does; each log for itself."""
        ana = await server.person("ana")
        first = await server.append(ana, b"one")
        assert first.entry == Entry(GAME, Seq(1), clock.now(), ana.user, b"one")
        clock.forward(-3600)
        assert (await server.append(ana)).entry.seq == 2
        assert (await server.append(ana, log=LogId("game:2"))).entry.seq == 1
        heads = await server.log.heads(("game:1", "game:2", "game:3"))
        assert heads == {"game:1": 2, "game:2": 1, "game:3": 0}

    async def test_a_row_beside_an_entry_is_there_with_it_or_not_at_all(self, server: Server) -> None:
        """Whatever the engine batches; the decision sees the role of the author."""
        ana = await server.person("ana")
        await server.store.accounts.set_role(ByOperator(ana.user), ana.user, "moderator")
        seen: list[str] = []

        def keep_role(facts: Facts[bytes]) -> None:
            seen.append(facts.role)

        def older(db: WriteConnection, entry: Entry[bytes]) -> None:
            db.execute("UPDATE accounts SET created = created + 1 WHERE account = ?", (entry.author,))
            if entry.body == b"no":
                raise RefusedError(ErrorCode.FORBIDDEN)

        found = await server.store.accounts.find(ana.user)
        assert found is not None
        some = [
            server.log.append(ana, new_request_id(), GAME, body, keep_role, also)
            for body, also in ((b"a", None), (b"b", older), (b"no", older), (b"c", None))
        ]
        done = await asyncio.gather(*some, return_exceptions=True)
        assert [isinstance(one, RefusedError) for one in done] == [False, False, True, False]
        assert [entry.body for entry in await server.everything()] == [b"a", b"b", b"c"]
        after = await server.store.accounts.find(ana.user)
        assert after is not None
        assert after.created == found.created + 1
        assert set(seen) == {"moderator"}

    async def test_a_refusal_leaves_nothing(self, server: Server) -> None:
        """No entry, no log, no state; the next entry takes the number, and the request may be sent again."""
        ana = await server.person("ana")
        request = new_request_id()
        with pytest.raises(RefusedError, match="forbidden"):
            await server.log.append(ana, request, GAME, b"x", refuse)
        assert await server.log.find(GAME) is None
        assert (await server.append(ana, request=request)).entry.seq == 1
        with pytest.raises(RefusedError):
            await server.log.append(ana, new_request_id(), GAME, b"x", refuse)
        assert await server.log.find(GAME) == LogRecord(GAME, Seq(1), b"1")

    @pytest.mark.parametrize(
        ("fault", "seen"), [(ZeroDivisionError, ZeroDivisionError), (SystemExit, RuntimeError)]
    )
    async def test_a_fault_in_a_decision_is_its_callers_alone(
        self, server: Server, fault: type[BaseException], seen: type[Exception]
    ) -> None:
        """Others in the same transaction are on disk, and there is no gap; a rule ends no thread."""
        ana = await server.person("ana")

        def broken(_: Facts[bytes]) -> bytes:
            raise fault

        good = [server.log.append(ana, new_request_id(), GAME, b"x", count) for _ in range(5)]
        bad = server.log.append(ana, new_request_id(), GAME, b"x", broken)
        good.append(server.log.append(ana, new_request_id(), GAME, b"x", count))
        with pytest.raises(seen):
            await bad
        assert [(await each).entry.seq for each in good] == [1, 2, 3, 4, 5, 6]

    async def test_a_decision_sees_what_is_there(self, server: Server, clock: FakeClock) -> None:
        """The head and the state of this log, who asks, and when; None keeps the state."""
        ana, ben = await server.person("ana"), await server.person("ben")
        seen: list[Facts[bytes]] = []

        def look(facts: Facts[bytes]) -> None:
            seen.append(facts)

        for author in (ana, ben):
            await server.log.append(author, new_request_id(), GAME, b"x", look)
            await server.append(author)
        assert seen == [
            Facts(Seq(0), None, ana.user, clock.now()),
            Facts(Seq(2), b"1", ben.user, clock.now()),
        ]
        assert await server.log.find(GAME) == LogRecord(GAME, Seq(4), b"2")

    async def test_a_request_sent_again_gets_the_first_answer(self, server: Server, clock: FakeClock) -> None:
        """It is one for the account, in any of its sessions, and is not decided again."""
        ana = await server.person("ana")
        request = new_request_id()
        first = await server.append(ana, b"one", request=request)
        await server.append(ana, b"two")
        clock.forward(60)
        session = server.world.session(ana.user, 99)
        await log_in(server.store, session, cap=9)
        for author in (ana, server.world.grant(session)):
            again = await server.log.append(author, request, GAME, b"one", refuse)
            assert again == Appended(first.entry, replay=True)
        assert await server.log.find(GAME) == LogRecord(GAME, Seq(2), b"2")

    async def test_a_request_id_is_not_used_for_something_else(self, server: Server) -> None:
        """Neither for another body nor in another log; another account may use the same id."""
        ana, ben = await server.person("ana"), await server.person("ben")
        request = new_request_id()
        await server.append(ana, b"one", request=request)
        for log, body in ((GAME, b"two"), (LogId("game:2"), b"one")):
            with pytest.raises(RefusedError) as refused:
                await server.append(ana, body, log=log, request=request)
            assert refused.value.code is ErrorCode.CONFLICT
        assert (await server.append(ben, b"one", request=request)).entry.seq == 2

    async def test_the_program_itself_appends_without_a_session(
        self, server: Server, clock: FakeClock
    ) -> None:
        """No author; once for each key of the log, whatever request ids people use."""
        ana = await server.person("ana")
        request = new_request_id()
        await server.append(ana, request=request)
        seen: list[Facts[bytes]] = []

        def note(facts: Facts[bytes]) -> bytes:
            seen.append(facts)
            return b"over"

        log = server.log
        over = await log.append_own(request, GAME, b"over", note)
        assert over.entry == Entry(GAME, Seq(2), clock.now(), None, b"over")
        assert seen == [Facts(Seq(1), b"1", None, clock.now())]
        again = await log.append_own(request, GAME, b"over", refuse)
        assert again == Appended(over.entry, replay=True)
        with pytest.raises(RefusedError) as refused:
            await log.append_own(request, GAME, b"not over", note)
        assert refused.value.code is ErrorCode.CONFLICT
        other = await log.append_own(request, LogId("game:2"), b"over", note)
        assert other.entry.seq == 1
        assert (await server.everything())[1] == over.entry
        assert await log.find(GAME) == LogRecord(GAME, Seq(2), b"over")
        with pytest.raises(ValueError, match="128 characters"):
            await log.append_own("", GAME, b"over", note)

    async def test_a_session_that_has_ended_appends_nothing(self, server: Server, clock: FakeClock) -> None:
        """S1: ended, expired, or its account disabled while the request waited; not even an old answer."""
        ana, ben, eve = [await server.person(name) for name in ("ana", "ben", "eve")]
        request = new_request_id()
        await server.append(ana, request=request)
        await server.store.sessions.end_all(ByOperator(ana.user))
        await server.store.accounts.set_disabled(ByOperator(ben.user), disabled=True)
        clock.forward(31 * 86_400)
        for author in (ana, ben, eve):
            with pytest.raises(SessionRefusedError):
                await server.append(author, request=request)
        assert await server.log.heads((GAME,)) == {GAME: 1}

    async def test_of_two_who_decide_at_once_one_is_second(
        self, open_store: OpenStore, clock: FakeClock
    ) -> None:
        """The rule runs inside the transaction: two processes never both take the one free seat."""
        here, there = Server(await open_store(True), clock), Server(await open_store(False), clock)
        ana, ben = await here.person("ana"), await here.person("ben")
        deciding, go_on = threading.Event(), threading.Event()

        def sit(facts: Facts[bytes]) -> bytes:
            deciding.set()
            assert go_on.wait(60)
            if facts.state is not None:
                raise RefusedError(ErrorCode.CONFLICT, "the seat is taken")
            return str(facts.author).encode()

        first = here.log.append(ana, new_request_id(), GAME, b"sit", sit)
        assert await asyncio.to_thread(deciding.wait, 60)
        second = there.log.append(ben, new_request_id(), GAME, b"sit", sit)
        go_on.set()
        ended = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(each) for each in ended] == [Appended, RefusedError]
        assert await here.log.find(GAME) == LogRecord(GAME, Seq(1), b"ana")

    async def test_two_processes_number_one_log_together(
        self, open_store: OpenStore, clock: FakeClock
    ) -> None:
        """No gap, no number twice, no lost update of the state."""
        here, there = Server(await open_store(True), clock), Server(await open_store(False), clock)
        ana = await here.person("ana")
        done = await asyncio.gather(*(each.append(ana) for _ in range(50) for each in (here, there)))
        assert sorted(each.entry.seq for each in done) == list(range(1, 101))
        assert numbers(await here.everything()) == list(range(1, 101))
        assert await there.log.find(GAME) == LogRecord(GAME, Seq(100), b"100")

    async def test_what_another_process_appended_is_in_the_journal(
        self, open_store: OpenStore, clock: FakeClock
    ) -> None:
        """Each entry once, in its transaction; a server leaves its own out; refusals are not in it."""
        here, there = Server(await open_store(True), clock), Server(await open_store(False), clock)
        ana = await here.person("ana")
        await here.append(ana)
        await there.append(ana)
        with pytest.raises(RefusedError):
            await there.log.append(ana, new_request_id(), GAME, b"x", refuse)
        await there.store.sessions.end_all(ByOperator(ana.user))
        assert await here.store.journal.since(0) == [
            JournalEntry(1, LogAdvanced(LogId(f"game:{GAME}"), Seq(2))),
            JournalEntry(2, SessionEnded(ana.session, ana.user)),
        ]

    async def test_thousands_of_entries_are_paged_and_replay_to_the_state(self, server: Server) -> None:
        """A client that resumes anywhere gets the rest, once each, in order."""
        ana = await server.person("ana")

        def sum_up(body: bytes) -> Callable[[Facts[bytes]], bytes]:
            return lambda facts: str(int(facts.state or b"0") * 31 % 1_000_003 + int(body)).encode()

        for start in range(0, 2_500, 500):
            bodies = [str(number).encode() for number in range(start, start + 500)]
            await asyncio.gather(
                *(server.log.append(ana, new_request_id(), GAME, body, sum_up(body)) for body in bodies)
            )
        entries = await server.everything(limit=173)
        assert numbers(entries) == list(range(1, 2_501))
        state = 0
        for entry in entries:
            state = state * 31 % 1_000_003 + int(entry.body)
        assert await server.log.find(GAME) == LogRecord(GAME, Seq(2_500), str(state).encode())
        rest, more = await server.log.page(GAME, after=Seq(2_490), limit=200)
        assert (numbers(rest), more) == (list(range(2_491, 2_501)), False)
        assert await server.log.page(GAME, after=Seq(2_500), limit=200) == ([], False)

    async def test_a_page_is_bounded_in_entries_and_bytes(self, server: Server) -> None:
        """It says whether more follow, and has one entry however large that is."""
        ana = await server.person("ana")
        for size in (10, 10, 300, 10):
            await server.append(ana, b"x" * size)

        async def page(after: int, limit: int, max_bytes: int) -> tuple[list[int], bool]:
            found, more = await server.log.page(GAME, after=Seq(after), limit=limit, max_bytes=max_bytes)
            return numbers(found), more

        assert await page(0, 4, 1000) == ([1, 2, 3, 4], False)
        assert await page(0, 3, 1000) == ([1, 2, 3], True)
        assert await page(0, 9, 36) == ([1, 2], True)
        assert await page(2, 9, 36) == ([3], True)
        assert await page(3, 1, 1) == ([4], False)

    async def test_logs_are_listed_by_prefix(self, server: Server) -> None:
        """In order of id, in pages; a prefix is text, not a pattern."""
        ana = await server.person("ana")
        for log in ("game:2", "game:1", "gamf", "chess:1", "game%", "Game:1"):
            await server.append(ana, log=LogId(log))

        async def listed(prefix: str, after: str | None = None, limit: int = 9) -> tuple[list[str], bool]:
            after_id = None if after is None else server.log.id(after)
            stored = server.log.stored
            found, more = await stored.list(prefix=server.log.id(prefix), after=after_id, limit=limit)
            return [server.log.kind.name(record.log) for record in found], more

        assert await listed("game:") == (["game:1", "game:2"], False)
        assert await listed("game:", limit=1) == (["game:1"], True)
        assert await listed("game:", after="game:1") == (["game:2"], False)
        assert await listed("game%") == (["game%"], False)
        assert await listed("") == (["Game:1", "chess:1", "game%", "game:1", "game:2", "gamf"], False)
        found, _ = await server.log.list(limit=2)
        assert found[1] == LogRecord(LogId("chess:1"), Seq(1), b"1")

    async def test_sizes_are_bounded(self, server: Server) -> None:
        """An id, a body or a state that is too long is a fault of the program, and leaves nothing."""
        ana = await server.person("ana")
        longest, largest = LogId("x" * (LOG_ID - len("game:"))), b"x" * (BODY_BYTES // 4 * 3 - 3)
        for log, body in ((LogId(f"{longest}x"), b"x"), (GAME, b"x" * BODY_BYTES)):
            with pytest.raises(ValueError, match=r"128 characters|65536"):
                await server.append(ana, body, log=log)
        with pytest.raises(ValueError, match="65536"):
            await server.log.append(ana, new_request_id(), GAME, b"x", lambda _: b"x" * (BODY_BYTES + 1))
        assert await server.log.find(GAME) is None
        assert (await server.append(ana, largest, log=longest)).entry.seq == 1
