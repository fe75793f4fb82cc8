"""Logs with types: a game of three rules, played by two people."""

import asyncio
import dataclasses
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from tests.server.app.log.log_contract import Server
from tests.server.core.store.world import FakeClock
from tests.server.shop_database import PROGRAM

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.ids import Millis, Seq, new_request_id
from parlour_protocol.kit.names import UserName
from parlour_server.app.log.log import Appended, Entry, Facts, LogId, LogRecord
from parlour_server.app.log.typed_log import TypedLog
from parlour_server.app.program_store import ProgramStore
from parlour_server.core.errors import RefusedError
from parlour_server.core.output import captured
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.core.store.records import TicketGrant


class Move(msgspec.Struct, frozen=True):
    """Take a cell."""

    cell: int
    notes: frozenset[str] = frozenset()


class Board(msgspec.Struct, frozen=True):
    """The cells that were taken, in order, and by whom."""

    cells: tuple[int, ...] = ()
    players: tuple[UserName, ...] = ()


def play(board: Board, move: Move, author: UserName | None) -> Board:
    """Return the board after a move."""
    assert author is not None, "no move is the program's own"
    if board.players and board.players[-1] == author:
        raise RefusedError(ErrorCode.FORBIDDEN, "not your turn")
    if move.cell in board.cells:
        raise RefusedError(ErrorCode.CONFLICT, "the cell is taken")
    return Board((*board.cells, move.cell), (*board.players, author))


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still."""
    return FakeClock()


@pytest.fixture
async def server(kit_database: Path, clock: FakeClock) -> AsyncIterator[Server]:
    """Open a store."""
    store = ProgramStore(kit_database, PROGRAM, clock, tells_by_bus=True)
    await store.open()
    yield Server(store, clock)
    await store.close()


@pytest.fixture
def games(server: Server) -> TypedLog[Move, Board]:
    """Return the logs of the games."""
    return TypedLog(server.store, "game", Move, Board)


async def move(games: TypedLog[Move, Board], author: TicketGrant, cell: int) -> Appended[Entry[Move]]:
    """Make a move in game one."""
    made = Move(cell)
    return await games.append(
        author,
        new_request_id(),
        "one",
        made,
        lambda facts: play(facts.state or Board(), made, facts.author),
    )


async def test_a_game_is_played_and_replayed(
    server: Server, games: TypedLog[Move, Board], clock: FakeClock
) -> None:
    """The rules see the board; a log that is read from its beginning leads to the same board."""
    ana, ben = await server.person("ana"), await server.person("ben")
    first = await move(games, ana, 4)
    assert first.entry == Entry(LogId("one"), Seq(1), clock.now(), ana.user, Move(4))
    for author, cell, code in ((ana, 5, ErrorCode.FORBIDDEN), (ben, 4, ErrorCode.CONFLICT)):
        with pytest.raises(RefusedError) as refused:
            await move(games, author, cell)
        assert refused.value.code is code
    await move(games, ben, 0)
    await move(games, ana, 8)
    entries, more = await games.page("one", after=Seq(0), limit=200)
    board = Board()
    for entry in entries:
        board = play(board, entry.body, entry.author)
    assert not more
    assert await games.find("one") == LogRecord(LogId("one"), Seq(3), board)
    assert board.cells == (4, 0, 8)
    assert {type(player) for player in board.players} == {UserName}


async def test_a_move_sent_again_is_one_move(server: Server, games: TypedLog[Move, Board]) -> None:
    """Also if it holds a set, whose order differs from process to process."""
    ana = await server.person("ana")
    request = new_request_id()
    notes = [f"note {number}" for number in range(50)]

    def keep(_: Facts[Board]) -> None:
        return

    first = await games.append(ana, request, "one", Move(1, frozenset(notes)), keep)
    again = await games.append(ana, request, "one", Move(1, frozenset(reversed(notes))), keep)
    assert again == Appended(first.entry, replay=True)
    assert await games.find("one") == LogRecord(LogId("one"), Seq(1), None)


async def test_kinds_are_apart(server: Server, games: TypedLog[Move, Board]) -> None:
    """One name in two kinds is two logs, and a kind lists only its own."""
    ana = await server.person("ana")
    chat = TypedLog(server.store, "chat", str, int)
    await move(games, ana, 4)
    for name in ("one", "two"):
        await chat.append(ana, new_request_id(), name, "hello", lambda facts: (facts.state or 0) + 1)
    one, two = (LogRecord(LogId(name), Seq(1), 1) for name in ("one", "two"))
    assert await chat.list(limit=9) == ([one, two], False)
    assert await chat.list(limit=1) == ([one], True)
    assert await chat.list(after="one", limit=1) == ([two], False)
    assert [record.log for record in (await games.list(limit=9))[0]] == ["one"]
    assert chat.kind.name(chat.id("a:b")) == "a:b"
    assert (chat.kind.is_of(chat.id("a:b")), chat.kind.is_of(games.id("one"))) == (True, False)
    for kind in ("", "a:b", "a b"):
        with pytest.raises(ValueError, match="kind of log"):
            TypedLog(server.store, kind, str, int)


async def test_a_caller_that_gives_up_undoes_nothing(
    server: Server, games: TypedLog[Move, Board], caplog: pytest.LogCaptureFixture
) -> None:
    """The entry is on disk, and no error is logged."""
    ana = await server.person("ana")
    waiting = asyncio.ensure_future(move(games, ana, 4))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await server.store.check()  # writes are done in order
    found = await games.find("one")
    assert found is not None
    assert found.head == 1
    assert caplog.records == []


async def test_damage_hides_nothing_but_itself(
    server: Server, games: TypedLog[Move, Board], kit_database: Path
) -> None:
    """One body that can't be read closes no page, and one state no list; the server's log says which."""
    ana, ben = await server.person("ana"), await server.person("ben")
    for number in range(6):
        await move(games, (ana, ben)[number % 2], number)
    with closing(sqlite3.connect(kit_database)) as db:
        db.execute("UPDATE entries SET body = x'7b' WHERE seq IN (2, 3, 6)")
        db.execute("UPDATE logs SET state = x'7b'")
        db.commit()
    numbers = []
    after, more = Seq(0), True
    with captured() as logs:
        while more:
            entries, more = await games.page("one", after=after, limit=1)
            numbers += [entry.seq for entry in entries]
            after = entries[-1].seq if entries else after
        assert (await games.stored.page(games.id("one"), after=Seq(5), limit=9)).until == 6
        assert await games.list(limit=9) == ([], False)
    assert numbers == [1, 4, 5]
    told = [line["seq"] for line in logs if line["event"] == "log_unreadable"]
    assert told == [2, 3, 6, None]


async def test_a_list_goes_on_after_damage(
    server: Server, games: TypedLog[Move, Board], kit_database: Path
) -> None:
    """Whoever asks for what follows the last one gets all, though no state of a whole page can be read."""
    ana = await server.person("ana")
    for name in "abcde":
        await games.append(ana, new_request_id(), name, Move(4), lambda _: Board((4,)))
    with closing(sqlite3.connect(kit_database)) as db:
        db.execute("UPDATE logs SET state = x'7b' WHERE log IN ('game:b', 'game:c', 'game:e')")
        db.commit()
    names: list[str] = []
    with captured():
        for last in ("a", "d", "d"):
            records, more = await games.list(after=names[-1] if names else None, limit=1)
            names += [record.log for record in records]
            assert names[-1:] == [last]
    assert names == ["a", "d"]
    assert not more


async def test_rows_of_the_programs_own_are_stored_with_an_entry(
    server: Server, games: TypedLog[Move, Board]
) -> None:
    """In one transaction: what is refused after a change leaves neither, what is sent again changes once."""
    ana, request = await server.person("ana"), new_request_id()
    made: list[Entry[Move]] = []

    def older(db: WriteConnection, entry: Entry[Move]) -> None:
        made.append(entry)
        db.execute("UPDATE accounts SET created = created + 1 WHERE account = ?", (entry.author,))
        if entry.body.cell > 1:
            raise RefusedError(ErrorCode.FORBIDDEN)

    def keep(_: Facts[Board]) -> None:
        return

    before = await server.store.accounts.find(ana.user)
    assert before is not None
    appended, again = [await games.append(ana, request, "one", Move(1), keep, older) for _ in range(2)]
    assert made == [appended.entry] == [again.entry]
    with pytest.raises(RefusedError):
        await games.append(ana, new_request_id(), "one", Move(2), keep, older)
    await games.append_own("end", "one", Move(0), keep, lambda _db, entry: made.append(entry))
    assert made[-1].author is None
    after = await server.store.accounts.find(ana.user)
    assert after == dataclasses.replace(before, created=Millis(before.created + 1))
    entries, _more = await games.page("one", after=Seq(0), limit=9)
    assert [entry.body.cell for entry in entries] == [1, 0]
