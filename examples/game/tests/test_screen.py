"""The client's screen, with Textual's pilot, against the real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from parlour_client.kit.errors import UnreachableError
from parlour_client.kit.testing import PATIENCE, Client, joined
from parlour_client.kit.unsafe_text import unsafe_lines
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_user_name
from parlour_server.testing.server import World

import game
from game import screen
from game.frames import (
    WIRE,
    Changed,
    Follow,
    ListTables,
    Play,
    Played,
    Requests,
    Results,
    Steps,
    Table,
    Tables,
)
from game.rules import Drop, Open, Sit, Step
from game.screen import MOST_PAGES, MatchScreen, TableList

from .players import ANNA_1, Join, Player

Screen = Client[MatchScreen]


@asynccontextmanager
async def opened(world: World, home: Path, name: str = "anna") -> AsyncIterator[Screen]:
    """Open the client of someone new, at 80x24."""
    link = await world.link()
    async with joined(WIRE, MatchScreen, home, link, name=name, size=(80, 24)) as client:
        await client.shows("connected", "New table")
        yield client


def cut(world: World, name: str) -> None:
    """End someone's connections, as a network does."""
    for peer in world.parts.connected.of(parse_user_name(name)):
        peer.fail()


async def new_table(client: Screen, ben: Player) -> None:
    """Begin a match that ben joins."""
    await client.pilot.press("n")
    await client.shows("anna's table 1", "waiting for another player", "r Resign")
    await ben.do(Sit())
    await client.shows("\nyour turn", "▼")


async def test_a_match_by_keys(join: Join, world: World, tmp_path: Path) -> None:
    """From a new table to a win that is stepped through, with the connection lost in the middle."""
    ben = await join("ben")
    async with opened(world, tmp_path / "home") as client:
        await new_table(client, ben)
        await client.pilot.press("left", "left", "left", "enter")  # column 0
        await client.shows("\nben's turn", "● ", "c Claim the win")
        await client.pilot.press("c")
        await client.shows("That is not possible now. They have")
        cut(world, "anna")
        await ben.do(Drop(0))
        await client.shows("\nyour turn", "TLS 1.3")
        for column in (1, 2):
            await client.pilot.press("right", "enter")
            await client.shows("\nben's turn")
            await ben.do(Drop(column))
            await client.shows("\nyour turn")
        await client.pilot.press("right", "enter")
        await client.shows("you won", "move 7 of 7", "a Play again", "Finished")
        assert [step.act for step in await ben.follow(2)] == [Drop(c) for c in (0, 0, 1, 1, 2, 2, 3)]
        assert client.text.count("○") == 3 + 2  # on the board, and beside the names
        for shown in (6, 5):
            await client.pilot.press("left")
            await client.shows(f"move {shown} of 7")
        assert client.text.count("○") == 2 + 2
        await client.pilot.press("right", "a")
        await client.shows("waiting for another player")
    assert not world.faults


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_move_without_an_answer_is_sent_again(
    *, join: Join, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    """The connection was lost before the server had it, or after: with the next one it is there, once."""
    ben = await join("ben")
    async with opened(world, tmp_path / "home") as client:
        await new_table(client, ben)
        link, ask = client.screen.link, client.screen.link.ask

        async def lose(request: Requests) -> Results | None:
            if arrived:
                await ask(request)
            raise UnreachableError("The connection was lost.")

        monkeypatch.setattr(link, "ask", lose)
        await client.pilot.press("enter")
        await client.shows("It is sent again")
        await client.pilot.press("right", "enter")  # drops nothing meanwhile
        monkeypatch.undo()
        cut(world, "anna")
        await client.shows("\nben's turn")
        async with asyncio.timeout(PATIENCE):
            while client.screen._waits:
                await client.pilot.pause(0.01)
        assert [step.act for step in await ben.follow(2)] == [Drop(3)]
        assert "not possible" not in client.text  # it was not a second move


async def test_a_step_before_the_list_of_tables_has_come(
    join: Join, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is sent once: it isn't one of an earlier connection that is still without an answer."""
    ben = await join("ben")
    async with opened(world, tmp_path / "home") as client:
        link, ask = client.screen.link, client.screen.link.ask
        asked, opening, answered = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def late(request: Requests) -> Results | None:
            if isinstance(request, ListTables):
                asked.set()
                await opening.wait()
                return await ask(request)
            if isinstance(request, Play):
                opening.set()
                await answered.wait()
            return await ask(request)

        monkeypatch.setattr(link, "ask", late)
        cut(world, "anna")
        async with asyncio.timeout(PATIENCE):
            await asked.wait()
        await client.pilot.press("n", "n")
        async with asyncio.timeout(PATIENCE):
            await opening.wait()
            await link.connected()
        answered.set()
        await client.shows("anna's table 1", "waiting for another player")
        await ben.do(Sit())
        await client.shows("\nyour turn", "▼")
        assert "anna's table 2" not in client.text
    assert not world.faults


async def test_watching_and_sitting_down(join: Join, world: World, tmp_path: Path) -> None:
    """A spectator sees steps live, none that break the rules, and gets no keys to play with."""
    anna, ben = await join("anna"), await join("ben")
    await anna.do(Open())
    async with opened(world, tmp_path / "home", "cleo") as client:
        await client.shows("Open", "● anna  ○ …")
        await client.pilot.press("enter")
        await client.shows("anna's table 1", "s Sit down")
        await ben.do(Sit())
        await anna.do(Drop(3))
        await client.shows("\nben's turn")
        assert not any(words in client.text for words in ("Sit down", "Drop", "Claim", "Resign", "▼"))
        client.screen.pushed(Played(ANNA_1, Step(Seq(4), Millis(0), parse_user_name("anna"), Drop(3))))
        await client.shows("The server sent a wrong step", "It is not your turn")
        client.screen.tell_problem(None)
        await ben.do(Drop(3))  # what the server really has for number 4
        await client.shows("\nanna's turn")
        client.screen.pushed(Played(ANNA_1, Step(Seq(4), Millis(0), parse_user_name("ben"), Drop(3))))
        await client.pilot.pause()
        assert "wrong step" not in client.text  # it is there already, from a page
        client.screen._state, client.screen._last = None, 0  # a push that comes before its page
        await anna.do(Drop(0))
        await client.shows("\nben's turn")
        assert client.text.count("● ") == 2 + 2  # the board's, and those beside the names
        await client.pilot.press("escape")
        assert isinstance(client.screen.focused, TableList)
        for number in (1, 2, 3):
            await client.pilot.press("n")
            await client.shows(f"cleo's table {number}")
        await client.pilot.press("n")
        await client.shows("Finish one first")
        await client.pilot.press("r", "r")
        await client.shows("withdrawn")


async def test_a_server_that_misbehaves(
    join: Join, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client asks for a few pages, has room for so many tables, and tells of steps that are left out."""
    anna = await join("anna")
    await anna.do(Open())
    async with opened(world, tmp_path / "home", "cleo") as client:
        await client.shows("Open")
        [one] = client.screen._listed.values()
        asked: list[Requests] = []

        async def ask(request: Requests) -> Results:
            asked.append(request)
            if isinstance(request, Follow) and request.table != ANNA_1:
                return Steps(())
            if isinstance(request, Follow):
                opened = Step(Seq(1), Millis(0), ANNA_1.host, Open())
                return Steps((opened, replace(opened, seq=Seq(3))))
            return Tables((one,), more=True)

        monkeypatch.setattr(client.screen.link, "ask", ask)
        await client.screen._catch_up()
        assert len(asked) == MOST_PAGES
        monkeypatch.setattr(screen, "MOST_TABLES", 2)
        for number in (2, 3):
            client.screen.pushed(Changed(replace(one, table=Table(ANNA_1.host, number))))
        assert list(client.screen._listed) == ["anna 1", "anna 2"]
        client.screen._enter(ANNA_1)
        await client.shows("anna's table 1", "The server left out steps")
        client.screen._enter(Table(ANNA_1.host, 2))  # the other table's match is not shown, nor its keys
        await client.shows("anna's table 2")


def test_no_text_is_taken_for_markup() -> None:
    """Titles and tooltips would; the linter knows the widgets that do."""
    assert unsafe_lines(game) == []
