"""Pages of listed Origins as clients, and those of others: what a server answers them."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import httpx
import pytest
import pytest_asyncio
from msgspec.structs import replace
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from parlour_server.app.app import App
from parlour_server.capabilities.browser_pages.cross_origin import PREFLIGHT_SECONDS, CrossOrigin
from parlour_server.core.errors import SetupError
from parlour_server.core.https.operations import Operation, Operations
from parlour_server.testing.server import PASSWORD, Person, World, running

from ticker.frames import WIRE
from ticker.server import app

PAGE, OTHER_PAGE = "https://app.example", "http://localhost:8000"
FOREIGN = ("https://evil.example", "null", "https://app.example.evil", "https://app.example:8443")


def listing(settings: Any) -> Any:
    """Return these settings with two Origins."""
    return replace(settings, listen=replace(settings.listen, origins=(PAGE, OTHER_PAGE)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Run the ticker with two listed Origins."""
    async with running(app, tmp_path_factory.mktemp("ticker") / "data", change=listing) as world:
        await world.person("anna")
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def anna(world: World) -> Person:
    """Return someone who is logged in."""
    return await world.log_in("anna")


async def ask(world: World, method: str, path: str, origin: str, **headers: str) -> httpx.Response:
    """Make a request as a page of this Origin."""
    fields = {"Origin": origin, **{name.replace("_", "-"): text for name, text in headers.items()}}
    body = {"username": "anna", "password": PASSWORD, "device": "browser"} if path == "/v1/sessions" else None
    async with httpx.AsyncClient(verify=world._context()) as client:
        json = body if method == "POST" else None
        return await client.request(
            method, f"https://localhost:{world.port}{path}", headers=fields, json=json
        )


def cors(answer: httpx.Response) -> dict[str, str]:
    """Return the headers that are about reading by pages of other Origins."""
    return {name: text for name, text in answer.headers.items() if name.startswith("access-control")}


async def ticket_for(world: World, anna: Person, origin: str) -> str:
    """Get a ticket as a page does."""
    answer = await ask(world, "POST", "/v1/tickets", origin, Authorization=f"Bearer {anna.session}")
    assert answer.status_code == 201
    ticket: str = answer.json()["ticket"]
    return ticket


async def opened(world: World, ticket: str, origin: str, **how: Any) -> int:
    """Open a WebSocket as a page does; return the status of the answer."""
    headers = {"Origin": origin, "Sec-WebSocket-Protocol": f"{WIRE.subprotocol}, ticket.{ticket}"}
    return await world.refused(headers=headers, **how)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_page_logs_in_connects_and_logs_out(world: World) -> None:
    """It may read each answer, and no cookie is set or allowed."""
    made = await ask(world, "POST", "/v1/sessions", PAGE)
    session = made.json()["session"]
    bearer = f"Bearer {session}"
    ticket = await ask(world, "POST", "/v1/tickets", PAGE, Authorization=bearer)
    assert await opened(world, ticket.json()["ticket"], PAGE) == 101
    left = await ask(world, "DELETE", "/v1/sessions/current", PAGE, Authorization=bearer)
    refused = await ask(world, "POST", "/v1/tickets", PAGE, Authorization=bearer)
    assert [answer.status_code for answer in (made, ticket, left, refused)] == [201, 201, 204, 401]
    for answer in (made, ticket, left, refused):
        assert cors(answer) == {"access-control-allow-origin": PAGE}
        assert answer.headers["vary"] == "Origin"
        assert "set-cookie" not in answer.headers


@pytest.mark.asyncio(loop_scope="module")
async def test_a_page_may_read_what_it_needs_and_no_more(world: World, anna: Person) -> None:
    """Of what every server has, neither the list of sessions nor the health checks."""
    bearer = f"Bearer {anna.session}"
    for path in ("/v1/sessions", "/healthz", "/nothing", "/page/"):
        answer = await ask(world, "GET", path, PAGE, Authorization=bearer)
        assert cors(answer) == {}
    described = await ask(world, "GET", "/v1/openapi.json", PAGE)  # added by another capability
    assert cors(described) == {"access-control-allow-origin": PAGE}


@pytest.mark.asyncio(loop_scope="module")
async def test_a_preflight_of_a_listed_origin(world: World) -> None:
    """It names the one method that was asked for, and is forgotten soon."""
    answer = await ask(world, "OPTIONS", "/v1/tickets", PAGE, Access_Control_Request_Method="POST")
    assert (answer.status_code, answer.content) == (204, b"")
    assert PREFLIGHT_SECONDS <= 600
    assert cors(answer) == {
        "access-control-allow-origin": PAGE,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "Authorization, Content-Type",
        "access-control-max-age": str(PREFLIGHT_SECONDS),
    }
    for path, method in (("/v1/tickets", "PUT"), ("/v1/password", "POST"), ("/v1/nothing", "GET")):
        answer = await ask(world, "OPTIONS", path, PAGE, Access_Control_Request_Method=method)
        assert answer.status_code in {404, 405}
        assert cors(answer) == {}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_page_of_another_origin(world: World, anna: Person, origin: str) -> None:
    """H1, K8: it gets no preflight, no session, no ticket and no socket, and can read none of the answers."""
    answers = [
        await ask(world, "OPTIONS", "/v1/sessions", origin, Access_Control_Request_Method="POST"),
        await ask(world, "POST", "/v1/sessions", origin),
        await ask(world, "POST", "/v1/tickets", origin, Authorization=f"Bearer {anna.session}"),
    ]
    assert [(answer.status_code, cors(answer)) for answer in answers] == [(403, {})] * 3
    ticket = await ticket_for(world, anna, PAGE)
    assert await opened(world, ticket, origin) == 403
    assert await opened(world, ticket, PAGE) == 101


@pytest.mark.asyncio(loop_scope="module")
async def test_a_ticket_of_another_page(world: World, anna: Person) -> None:
    """H12: it opens a socket for the Origin that asked for it: not for another one that is listed."""
    ticket = await ticket_for(world, anna, PAGE)
    assert await opened(world, ticket, OTHER_PAGE) == 401
    assert await world.refused(ticket=ticket) == 401
    assert await world.refused(ticket=ticket, headers={"Origin": PAGE}) == 401
    assert await opened(world, ticket, PAGE) == 101
    assert await opened(world, ticket, PAGE) == 401  # K3: once


@pytest.mark.asyncio(loop_scope="module")
async def test_a_ticket_that_was_not_for_a_page(world: World, anna: Person) -> None:
    """H12: a page of a listed Origin can't use what a native client asked for."""
    ticket = await anna.ticket()
    assert await opened(world, ticket, PAGE) == 401
    assert await world.refused(ticket=ticket) == 101


@pytest.mark.asyncio(loop_scope="module")
async def test_the_ticket_of_a_page_in_a_url(world: World, anna: Person) -> None:
    """K1: it opens nothing, and is used up."""
    ticket = await ticket_for(world, anna, PAGE)
    headers = {"Origin": PAGE, "Sec-WebSocket-Protocol": WIRE.subprotocol}
    assert await world.refused(query=f"?ticket={ticket}", headers=headers) == 401
    assert await opened(world, ticket, PAGE) == 401
    assert ticket not in str(world.logs)


@pytest.mark.asyncio(loop_scope="module")
async def test_preflights_count(world: World) -> None:
    """R1: they count for their address like any other request."""
    limit = world.parts.settings.rates.http_burst
    async with httpx.AsyncClient(verify=world._context()) as client:
        for _ in range(2 * limit):
            answer = await client.options(
                f"https://localhost:{world.port}/v1/tickets",
                headers={"Origin": PAGE, "Access-Control-Request-Method": "POST"},
            )
            if answer.status_code == 429:
                return
    pytest.fail("no preflight was too much")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_server_without_the_capability_does_not_start(tmp_path: Any) -> None:
    """Rather than refusing everyone who was listed."""
    bare: App[None] = App(WIRE, capabilities=())
    bare._handlers = app._handlers
    with pytest.raises(SetupError, match=r"listen.origins is set"):
        async with running(bare, tmp_path / "data", change=listing):
            pytest.fail("it started")


async def test_an_operation_that_could_have_the_path_of_another_opens_nothing() -> None:
    """K8: the first that fits has the request, and says whether it is for pages."""
    row = Operation("own", "POST", "/v1/{id}", "Do something.", HTTPStatus.NO_CONTENT)

    async def api(scope: Scope, receive: Receive, send: Send) -> None:
        await Response()(scope, receive, send)

    pages = CrossOrigin(api, rows=Operations([row]).rows, origins=frozenset({PAGE}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(pages), base_url="https://chat") as client:
        answers = [await client.post(path, headers={"Origin": PAGE}) for path in ("/v1/own", "/v1/password")]
    assert [bool(cors(answer)) for answer in answers] == [True, False]
