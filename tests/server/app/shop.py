"""A program that adds to everything: a setting, a table, an HTTPS operation, a command, background work."""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.frames import Push, Request
from parlour_protocol.kit.id_fields import Count
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.app.log.log import Facts
from parlour_server.app.program_store import ProgramStore
from parlour_server.core.config.server_settings import Section, Settings, setting
from parlour_server.core.errors import RefusedError
from parlour_server.core.https.operations import Operation
from parlour_server.core.https.problems import answer
from parlour_server.core.https.request_guard import RequestGuard, session_of
from parlour_server.core.store.engine.connection import Connection, WriteConnection
from parlour_server.host.cli.command_options import data_option, with_store

if TYPE_CHECKING:
    from starlette.requests import Request as HttpsRequest
    from starlette.responses import Response


class Buy(Request, frozen=True, tag="buy"):
    """Buy something."""

    thing: Count


class Bought(Push, frozen=True, tag="bought"):
    """Something was bought."""

    seq: Count
    thing: Count


class NewThing(Payload, frozen=True):
    """Something to sell."""

    thing: str


class Things(Payload, frozen=True):
    """What there is."""

    names: tuple[str, ...]
    by: str


class Shelf(Section, frozen=True):
    """The shelf."""

    things: Annotated[int, setting("things", "a shelf is finite", reloads=True)] = 2
    boards: Annotated[int, setting("boards", "they are nailed on")] = 1


class ShopSettings(Settings, frozen=True):
    """With a shelf."""

    shelf: Shelf = Shelf()


class ShopStore(ProgramStore):
    """With a table of things."""

    revisions = Path(__file__).with_name("shop_revisions")
    version = "shop0001"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.things = ThingStore(self._writer, self._readers)

    @staticmethod
    def find_damage(db: Connection, _tables: frozenset[str]) -> Iterator[str]:
        """Find a thing without a name."""
        for _ in db.execute("SELECT 1 FROM things WHERE name = ''"):
            yield "a thing has no name"


class ThingStore:
    """The things on the shelf."""

    def __init__(self, writer: Any, readers: Any) -> None:
        self._writer = writer
        self._readers = readers

    async def add(self, name: str, most: int) -> None:
        """Put something on the shelf. Raises RefusedError."""

        def write(db: WriteConnection) -> None:
            if db.execute("SELECT count(*) FROM things").fetchone() >= (most,):
                raise RefusedError(ErrorCode.LIMIT_REACHED, "the shelf is full")
            db.execute("INSERT INTO things (name) VALUES (?)", (name,))

        await self._writer.submit(write)

    async def all(self) -> tuple[str, ...]:
        """Return the names, in order."""
        found: tuple[str, ...] = await self._readers.run(
            lambda db: tuple(name for (name,) in db.execute("SELECT name FROM things ORDER BY name"))
        )
        return found


@click.command()
@data_option
@click.argument("thing")
def add(data: Path, thing: str) -> None:
    """Put something on the shelf, and sell it."""

    async def work(store: ShopStore) -> None:
        await store.things.add(thing, 9)
        await sales.of(store).append_own(f"add {thing}", "till", len(thing), count)

    with_store(data, work, did="shop.add", thing=thing)


def count(facts: Facts[int]) -> int:
    """Return how many were sold."""
    return (facts.state or 0) + 1


app: App[None] = App(
    Wire("shop.v1", requests=Buy, pushes=Bought), settings=ShopSettings, store=ShopStore, commands=(add,)
)
sales = app.log("sale", body=int, state=int, push=lambda entry: Bought(seq=entry.seq, thing=entry.body))
rung = asyncio.Semaphore(0)
"""Released after each ring."""


@app.on(Buy, role="member")
async def buy(peer: Any, ask: Buy) -> None:
    """Look on while others buy."""
    await sales.follow(peer, "till", after=Seq(ask.thing))


@app.background
async def ring() -> None:
    """Sell something every hour."""
    hours = 0
    while True:
        await app.clock.sleep(3600)
        hours += 1
        await sales.append_own(f"hour {hours}", "till", hours, count)
        rung.release()


@app.operation(
    Operation(
        "add_thing",
        "POST",
        "/v1/things",
        "Put something on the shelf.",
        HTTPStatus.CREATED,
        takes=NewThing,
        gives=Things,
    ),
    role="member",
)
async def add_thing(request: "HttpsRequest", guard: RequestGuard) -> "Response":
    """Answer with all things."""
    body = await guard.body(request, NewThing)
    things = app.store(ShopStore).things
    await things.add(body.thing, app.settings(ShopSettings).shelf.things)
    return answer(Things(await things.all(), session_of(request).user), HTTPStatus.CREATED)
