"""Logs of an ``App``: what is appended is answered, published after its commit, and read from anywhere."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import pytest
from msgspec import Meta, structs
from tests.server.core.store.world import FakeClock, KitWorld, log_in

from parlour_protocol.kit.errors import ErrorCode, ProgramError
from parlour_protocol.kit.frames import Push, Request
from parlour_protocol.kit.id_fields import Count
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.app.hooks import Hooks
from parlour_server.app.log.log import Appended, Entry, Facts
from parlour_server.app.parts import Parts
from parlour_server.app.program_log import ProgramLog
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.connections.peer import Peer
from parlour_server.core.connections.topics import Topics
from parlour_server.core.errors import RefusedError
from parlour_server.core.program import Pending
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.core.store.records import TicketGrant
from parlour_server.host.setup import migrate


class Take(Request, frozen=True, tag="take"):
    """Take a cell."""

    cell: Count


class Taken(Push, frozen=True, tag="taken"):
    """A cell was taken."""

    seq: Count
    cell: Count


class Score(Push, frozen=True, tag="score"):
    """A game has so many cells taken."""

    game: Annotated[str, Meta(max_length=9)]
    cells: Count


class Game:
    """A running program whose logs are games."""

    def __init__(self, app: App[None], games: ProgramLog[int, list[int]], world: KitWorld) -> None:
        self.app = app
        self.games = games
        self.store = world.store
        self._world = world
        self._number = 0
        self.handle: Callable[[Any, Any], Any]

    async def player(self, name: str) -> "Player":
        """Log someone in."""
        self._number += 1
        session = self._world.session(await self._world.account(name), self._number)
        await log_in(self._world.store, session, cap=9)
        return Player(self._world.grant(session))

    async def take(self, player: "Player", ask: Take) -> Appended[Entry[int]]:
        """Handle a request as the dispatcher does, until it is told."""
        pending = self.handle(player, ask)
        assert isinstance(pending, Pending)
        appended: Appended[Entry[int]] = await pending
        assert pending.result(appended) is None
        return appended


class Player:
    """A peer that keeps what is written to it."""

    closed = False

    def __init__(self, grant: TicketGrant) -> None:
        self.grant = grant
        self.user = grant.user
        self.got: list[bytes] = []

    def write_unchecked(self, wire: bytes) -> None:
        """Keep the frames."""
        self.got.append(wire)

    def add(self, topic: Any) -> None:
        """Follow a topic."""
        topic.add(self)


def _decide(cell: int) -> Callable[[Facts[list[int]]], list[int]]:
    def decide(facts: Facts[list[int]]) -> list[int]:
        taken = facts.state or []
        if cell in taken:
            raise RefusedError(ErrorCode.CONFLICT, "the cell is taken")
        return [*taken, cell]

    return decide


@pytest.fixture
async def game(tmp_path: Path) -> AsyncIterator[Game]:
    """Start a program with logs, without a network."""
    app: App[None] = App(Wire("game.v1", requests=Take, pushes=Taken | Score))
    games = app.log(
        "game",
        body=int,
        state=list[int],
        push=lambda entry: Taken(seq=entry.seq, cell=entry.body),
        summary=lambda record: Score(record.log, len(record.state or ())) if record.head % 2 else None,
    )

    @app.on(Take, role="member")
    def take(peer: Peer[None], ask: Take) -> Pending[Appended[Entry[int]]]:
        return games.append(peer, ask, "one", ask.cell, _decide(ask.cell))

    clock = FakeClock()
    folder = app.folder(tmp_path)
    migrate.create(folder.database, app.schema)
    store = app.make_store(SqliteEngine(folder.database), clock, tells_by_bus=True)
    await store.open()
    topics = Topics(asyncio.get_running_loop(), 0.0, frozenset({Taken, Score}), LocalBus())
    fields = {field.name: cast("Any", None) for field in dataclasses.fields(Parts)}
    async with AsyncExitStack() as stack:
        background = BackgroundTasks()
        stack.push_async_callback(background.close)
        own = {
            "hooks": Hooks(),
            "store": store,
            "topics": topics,
            "stack": stack,
            "bus": LocalBus(),
            "clock": clock,
            "background": background,
            "run": lambda work: background.start("work", work, lambda: None),
        }
        parts = Parts(**fields | own)
        running = await app.start(parts)
        made = Game(app, games, KitWorld(store, clock))
        made.handle = running.handle
        yield made
    await store.close()
    with pytest.raises(ProgramError, match="does not run"):
        _ = games.list_topic


async def test_an_entry_is_answered_and_then_published_to_its_followers(game: Game) -> None:
    """Once: the same request sent again is answered alike and published to no one."""
    ana, ben, eve = [await game.player(name) for name in ("ana", "ben", "eve")]
    assert await game.games.follow(cast("Any", ben), "one", after=Seq(0)) == ([], False)
    assert await game.games.follow(cast("Any", eve), "two", after=Seq(0)) == ([], False)
    ask = Take(new_request_id(), 4)
    first = await game.take(ana, ask)
    again = await game.take(ana, ask)
    assert again == structs.replace(first, replay=True, state=None)
    await asyncio.sleep(0)
    assert [msgspec.json.decode(wire[2:]) for wire in ben.got] == [{"type": "taken", "seq": 1, "cell": 4}]
    assert eve.got == []


async def test_a_refused_entry_is_published_to_no_one(game: Game) -> None:
    """The refusal is the answer; the log and its followers do not change."""
    ana, ben = await game.player("ana"), await game.player("ben")
    await game.take(ana, Take(new_request_id(), 4))
    found, more = await game.games.follow(cast("Any", ben), "one", after=Seq(0))
    assert ([(entry.seq, entry.body) for entry in found], more) == ([(1, 4)], False)
    with pytest.raises(RefusedError):
        await game.take(ana, Take(new_request_id(), 4))
    assert ben.got == []
    record = await game.games.find("one")
    assert record is not None
    assert (record.head, record.state) == (1, [4])


async def test_who_follows_while_others_append_misses_nothing(
    game: Game, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is appended after the page was read, and before its reader has it, comes by the topic."""
    ana, ben = await game.player("ana"), await game.player("ben")
    await game.take(ana, Take(new_request_id(), 4))
    read = game.games.page

    async def page(*what: Any, **limits: Any) -> Any:
        found = await read(*what, **limits)
        await game.take(ana, Take(new_request_id(), 5))
        return found

    monkeypatch.setattr(game.games, "page", page)
    found, _ = await game.games.follow(cast("Any", ben), "one", after=Seq(0))
    await asyncio.sleep(0)
    assert [entry.body for entry in found] == [4]
    assert [msgspec.json.decode(wire[2:])["cell"] for wire in ben.got] == [5]


async def test_what_is_appended_by_the_store_in_a_running_server_is_told(game: Game) -> None:
    """Work of the program may get the logs from the store, as its commands do."""
    ben = await game.player("ben")
    await game.games.follow(cast("Any", ben), "one", after=Seq(0))
    appended = await game.games.of(cast("Any", game.store)).append_own("a job", "one", 4, _decide(4))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [msgspec.json.decode(wire[2:])["seq"] for wire in ben.got] == [appended.entry.seq]


async def test_who_follows_the_list_sees_which_logs_change(game: Game) -> None:
    """It brings the state after the entry, without the entries; a request sent again brings nothing."""
    ana, ben = await game.player("ana"), await game.player("ben")
    await game.take(ana, first := Take(new_request_id(), 4))
    [record], more = await game.games.follow_list(cast("Any", ben))
    assert (record.log, record.head, record.state, more) == ("one", 1, [4], False)
    await game.take(ana, Take(new_request_id(), 5))  # has no summary
    await game.take(ana, Take(new_request_id(), 6))
    await game.take(ana, first)
    await asyncio.sleep(0)
    assert [msgspec.json.decode(wire[2:]) for wire in ben.got] == [
        {"type": "score", "game": "one", "cells": 3}
    ]


def test_a_kind_of_log_is_made_once() -> None:
    """Two parts of a program cannot write different things into one log by mistake."""
    app: App[None] = App(Wire("game.v1", requests=Take))
    app.log("game", body=int, state=int)
    with pytest.raises(ProgramError, match="kind game already"):
        app.log("game", body=str, state=int)
