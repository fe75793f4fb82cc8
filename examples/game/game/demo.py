"""`make demo`: a server that lives only for the demo, and robin, who waits at a table and plays at random."""

import sys
from collections.abc import AsyncIterator
from random import Random

from parlour_client.kit.demo import demo_main
from parlour_protocol.kit.ids import Seq, new_request_id

from game.frames import (
    WIRE,
    Changed,
    Follow,
    Listed,
    ListTables,
    Play,
    Played,
    Pushes,
    Steps,
    Table,
    Tables,
)
from game.rules import COLUMNS, ROWS, Act, Drop, Match, Open, Sit, Step, after, replay
from game.screen import MatchLink, MatchScreen

CHANCE = Random()  # noqa: S311 - made-up moves


async def do(link: MatchLink, table: Table, act: Act) -> None:
    """Do something at a table."""
    await link.ask(Play(new_request_id(), table, act))


async def finish(link: MatchLink, table: Table) -> Match:
    """Play at random until the match at a table is over, and return it."""
    pushes = link.pushes()
    match await link.ask(Follow(new_request_id(), table, Seq(0))):
        case Steps((*_, last) as steps) if (match := replay(steps)) is not None:
            seen = last.seq
        case _:
            raise RuntimeError("the table has no match")
    while match.end is None:
        if match.turn == link.account.user:
            free = [column for column in range(COLUMNS) if match.moves.count(column) < ROWS]
            await do(link, table, Drop(CHANCE.choice(free)))
        step = await next_step(pushes, table, seen)
        match, seen = after(match, step), step.seq
    return match


async def next_step(pushes: AsyncIterator[Pushes], table: Table, seen: Seq) -> Step:
    """Wait for the next step at a table."""
    async for push in pushes:
        if isinstance(push, Played) and push.table == table and push.step.seq > seen:
            return push.step
    raise RuntimeError("the connection has ended")


async def robin(link: MatchLink) -> None:
    """Begin a match, again and again, and play it with anyone who sits down."""
    table = Table(link.account.user, 1)
    while True:
        await do(link, table, Open())
        await finish(link, table)


async def play(link: MatchLink) -> str:
    """Sit down at the first table, and play; this is what `--headless` does."""
    pushes = link.pushes()
    match await link.ask(ListTables(new_request_id())):
        case Tables((Listed(table=table), *_), _):
            pass
        case _:
            change = await anext(pushes)
            assert isinstance(change, Changed)  # noqa: S101 - we follow no table yet
            table = change.listed.table
    await do(link, table, Sit())
    match = await finish(link, table)
    return f"a match of {len(match.moves)} moves was played to its end"


if __name__ == "__main__":
    sys.exit(
        demo_main(
            "Game",
            WIRE,
            MatchScreen,
            play,
            server="game.server",
            others={"robin": robin},
        )
    )
