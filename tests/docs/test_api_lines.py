"""Each name that the API reference lists for programs has a line, and the line runs."""

import ast
import contextlib
import inspect
import sys
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Annotated, Any

import click
import pytest
from textual.app import ComposeResult
from tools.api_lines import files, lines, listed, object_of

import parlour_server
from parlour_client.kit.app import LinkScreen
from parlour_client.kit.testing import joined
from parlour_client.kit.widgets.safe import SafeStatic, own
from parlour_protocol.kit.frames import Ok, Push, Request
from parlour_protocol.kit.id_fields import Count
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.core.config.server_settings import Section
from parlour_server.testing.server import running


class Buy(Request, frozen=True, tag="buy"):
    """Buy something."""

    thing: Count


class Bought(Push, frozen=True, tag="bought"):
    """Something was bought."""

    thing: Count


class NewThing(Payload, frozen=True):
    """A body."""

    name: str


class Shelf(Section, frozen=True):
    """Settings."""

    things: int = 2


WIRE: Wire[Any, Any] = Wire("shop.v1", requests=Buy, pushes=Bought)


class ShopScreen(LinkScreen[Any, Any, Any, Any]):
    """What people see."""

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield SafeStatic(own("shop"))


def program() -> App[None]:
    """Return a program that does nothing."""
    app: App[None] = App(WIRE)
    app.on(Buy, role="member")(lambda _peer, _ask: None)
    return app


def count(facts: Any) -> int:
    """Return how many there were."""
    return (facts.state or 0) + 1


@pytest.mark.parametrize("page", lines())
def test_each_name_has_a_line(page: str) -> None:
    """In the order of its page, so that one that is added is not forgotten."""
    assert [name for _, name in listed(page)] == list(lines()[page])


def test_each_name_is_explained() -> None:
    """A row says what it is, also of what is a value."""
    [text] = files().values()
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == sum(map(len, lines().values()))
    assert [row[0] for row in rows if not row[1].strip()] == []


async def test_the_lines_run(tmp_path: Path) -> None:
    """On a real server, with someone who is connected."""
    shop = program()
    sales: Any = shop.log("sale", body=int, state=int)
    wrong = []
    async with (
        running(shop, tmp_path / "data") as world,
        joined(WIRE, ShopScreen, tmp_path / "home", await world.link(), name="cora") as client,
    ):
        anna = await world.person("anna")
        socket = await anna.connect()
        (peer,) = (one for one in world.parts.connected.all_connections() if one.user == "anna")
        store = world.parts.store
        other: App[None] = App(Wire("other.v1", requests=Buy))
        other.on(Buy, role="member")(lambda _peer, _ask: None)
        there: dict[str, Any] = {
            "Annotated": Annotated, "Any": Any, "Callable": Callable, "HTTPStatus": HTTPStatus, "Ok": Ok,
            "new_request_id": new_request_id, "raises": pytest.raises, "parlour_server": parlour_server,
            "Wire": Wire, "WIRE": WIRE, "Buy": Buy, "Bought": Bought, "NewThing": NewThing, "Shelf": Shelf,
            "click": click, "ShopScreen": ShopScreen, "count": count, "shop": shop, "other": other,
            "sales": sales, "world": world, "anna": anna, "socket": socket, "peer": peer, "client": client,
            "screen": client.screen, "link": client.screen.link, "writer": store._writer,
            "readers": store._readers,
            "http": SimpleNamespace(state=SimpleNamespace(session=SimpleNamespace(user="anna"))),
        }  # fmt: skip
        for page, of_names in lines().items():
            own = {name: object_of(kind, name) for kind, name in listed(page)}
            names = {name.rpartition(".")[2]: found for name, found in own.items()}
            for number, (name, line) in enumerate(of_names.items()):
                here = tmp_path / f"{page}{number}"
                here.mkdir()
                known = {
                    **names,
                    **there,
                    name.rpartition(".")[2]: own[name],
                    "here": here,
                }
                try:
                    await _run(line, known)
                except Exception as error:  # noqa: BLE001 - all are shown
                    wrong.append(f"{name}: {line}: {error!r}")
    assert not wrong, "\n".join(wrong)


async def _run(line: str, known: dict[str, Any]) -> None:
    code: CodeType = compile(line, "line", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    with contextlib.redirect_stdout(sys.stderr):
        result = eval(code, known)  # noqa: S307 - our own documentation
        if inspect.isawaitable(result):
            await result
