"""The server, over real connections."""

import asyncio
from pathlib import Path

import pytest

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.frames import Answer, Error, Ok
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import parse_user_name
from parlour_server.app.app import App
from parlour_server.core.audit import AuditEvent
from parlour_server.testing.server import World, running

from game import server
from game.frames import Changed, ListTables, Play, Table, Tables
from game.rules import Drop, End, Open, Resign, Sit, Step, replay

from .players import ANNA_1, Join, Player, take_turns

WIN = "0011223"


async def at_table(join: Join) -> tuple[Player, Player]:
    """Return anna and ben, who play at anna's first table."""
    anna, ben = await join("anna"), await join("ben")
    await anna.do(Open())
    await ben.do(Sit())
    return anna, ben


async def test_a_match_with_someone_who_watches(join: Join, world: World) -> None:
    """A spectator sees each step once and in order, and the log replays to the state that the server has."""
    anna, ben = await at_table(join)
    cleo = await join("cleo")
    seen = await cleo.follow()
    await take_turns(anna, ben, WIN)
    seen += [await cleo.step() for _ in WIN]
    assert [step.seq for step in seen] == list(range(1, 10))
    assert [step.act for step in seen[2:]] == [Drop(int(column)) for column in WIN]
    record = await server.tables.find(ANNA_1.name)
    assert record is not None
    assert record.state == replay(seen)
    assert record.state is not None
    assert (record.state.end, record.state.winner) == (End.FOUR, "anna")
    assert not world.faults


async def test_what_is_refused_changes_nothing(join: Join, world: World) -> None:
    """Each refusal says why; only what someone may never do is in the audit log."""
    anna, ben = await at_table(join)
    cleo = await join("cleo")
    assert await ben.refused(Drop(0)) == "It is not your turn."
    assert await cleo.refused(Drop(0)) == "You don't play in this match."
    assert await cleo.refused(Open()) == "Only its host begins a match at a table."
    await take_turns(anna, ben, "000000")
    assert await anna.refused(Drop(0)) == "This column is full."
    await take_turns(anna, ben, "16263")
    assert await ben.refused(Drop(5)) == "The match is over."
    assert [step.seq for step in await cleo.follow()] == list(range(1, 14))
    [line] = world.audit(AuditEvent.REQUEST_REFUSED)
    assert (line["user"], line["code"]) == ("cleo", "forbidden")


@pytest.mark.parametrize("rivals", ["same player", "two people"])
async def test_of_two_at_once_one_is_stored(join: Join, rivals: str) -> None:
    """Two moves from two devices, or two who want the same seat."""
    anna, ben = await join("anna"), await join("ben")
    await anna.do(Open())
    if rivals == "same player":
        await ben.do(Sit())
        other = Player(anna.person, await anna.person.connect())
        answers: tuple[Answer, Answer] = await asyncio.gather(anna.ask(Drop(1)), other.ask(Drop(2)))
    else:
        cleo = await join("cleo")
        answers = await asyncio.gather(ben.ask(Sit()), cleo.ask(Sit()))
    assert sorted(type(answer).__name__ for answer in answers) == ["Error", "Ok"]
    assert len(await ben.follow()) == (3 if rivals == "same player" else 2)


async def test_a_step_sent_again_is_stored_once(join: Join) -> None:
    """It is answered as before; another step with the same id is refused."""
    anna, ben = await at_table(join)
    play = Play(new_request_id(), ANNA_1, Drop(3))
    first = await anna.socket.ask(play)
    await ben.do(Drop(3))
    await anna.reconnect()
    assert await anna.socket.ask(play) == first
    answer = await anna.socket.ask(Play(play.id, ANNA_1, Drop(4)))
    assert isinstance(answer, Error)
    assert answer.code == ErrorCode.CONFLICT
    assert [step.act for step in await ben.follow(2)] == [Drop(3), Drop(3)]


async def test_after_a_drop_only_what_was_missed_is_sent(join: Join) -> None:
    """The rest comes as it happens: nothing is lost, and nothing comes twice."""
    anna, ben = await at_table(join)
    cleo = await join("cleo")
    seen = await cleo.follow()
    await take_turns(anna, ben, "01")
    seen += [await cleo.step(), await cleo.step()]
    await cleo.socket.abort()
    await take_turns(anna, ben, "23")
    await cleo.reconnect()
    seen += await cleo.follow(seen[-1].seq)
    await take_turns(anna, ben, "45")
    seen += [await cleo.step(), await cleo.step()]
    assert [step.seq for step in seen] == list(range(1, 9))
    again = await cleo.follow(999)  # from before a backup that was restored
    assert again == seen


async def test_the_next_match_at_a_table(join: Join) -> None:
    """Someone who comes now gets its steps only."""
    anna, ben = await at_table(join)
    await anna.do(Drop(0), Resign(), Open())
    assert await ben.follow() == await ben.follow(2) == await ben.follow(4)
    [step] = await ben.follow()
    assert (step.seq, step.act) == (5, Open())


async def test_the_list(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes in pages, and then each change."""
    monkeypatch.setattr(server, "TABLES_PAGE", 2)
    anna, ben = await join("anna"), await join("ben")
    for number in (1, 2, 3):
        assert isinstance(await anna.ask(Open(), Table(ANNA_1.host, number)), Ok)
    names: list[str] = []
    after, more = None, True
    while more:
        answer = await ben.socket.ask(ListTables(new_request_id(), after))
        assert isinstance(answer, Ok)
        assert isinstance(answer.result, Tables)
        names += [table.table.name for table in answer.result.tables]
        after, more = answer.result.tables[-1].table, answer.result.more
    assert names == ["anna 1", "anna 2", "anna 3"]
    await ben.do(Sit())
    push = await ben.socket.push()
    assert isinstance(push, Changed)
    assert (push.listed.table, push.listed.yellow, push.listed.turn) == (ANNA_1, "ben", "anna")


async def test_no_such_table(join: Join) -> None:
    """A table that no one opened can't be followed, and no one has a fourth one."""
    anna = await join("anna")
    answer = await anna.ask(Open(), Table(ANNA_1.host, 4))
    assert isinstance(answer, Error)
    assert answer.code == ErrorCode.MALFORMED
    with pytest.raises(AssertionError, match="There is no such table"):
        await anna.follow(table=Table(parse_user_name("zoe"), 1))


async def test_a_match_goes_on_after_a_restart(program: App[None], tmp_path: Path) -> None:
    """What was answered is on disk."""
    before: list[Step] = []
    for moves in ("01", "23"):
        async with running(program, tmp_path / "data") as world:
            people = [await (world.log_in if before else world.person)(name) for name in ("anna", "ben")]
            anna, ben = [Player(person, await person.connect()) for person in people]
            if not before:
                await anna.do(Open())
                await ben.do(Sit())
            assert (await anna.follow())[: len(before)] == before
            await take_turns(anna, ben, moves)
            before = await anna.follow()
    assert [step.act for step in before[2:]] == [Drop(column) for column in range(4)]
