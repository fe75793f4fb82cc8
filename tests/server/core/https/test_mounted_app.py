"""An app of a program's own beside the API: what it gets, what it may answer, and when it is stopped."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.frames import Request as Frame
from parlour_protocol.kit.limits import HTTP_BODY
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.core.https import mounted_app
from parlour_server.core.https.mount import Mount
from parlour_server.core.https.request_guard import RequestGuard, session_of
from parlour_server.testing.server import Person, World, running


class Note(Frame, frozen=True, tag="note"):
    """A request."""


WIRE: Wire[Any, Any] = Wire("beside.v1", requests=Note)
Endpoint = Callable[[Request], Awaitable[Response]]


async def who(request: Request) -> Response:
    """Say who asks, and what came along."""
    body = (await request.body()).decode()
    seen = sorted(name for name in request.headers if name in {"authorization", "cookie"})
    return PlainTextResponse(f"{session_of(request).user} {body} {seen} {request.scope['extensions']}")


def app_with(endpoint: Endpoint, *, session: bool = True, role: str = "member") -> App[None]:
    """Return a program with an app of one endpoint."""
    app: App[None] = App(WIRE)
    app.on(Note, role="member")(lambda *_: None)

    @app.mount("/beside", session=session, role=role if session else None)
    def beside() -> Starlette:
        return Starlette(routes=[Route("/it", endpoint, methods=["GET", "POST"])])

    return app


@asynccontextmanager
async def asking(app: App[Any], folder: Path) -> AsyncIterator[tuple[World, httpx.AsyncClient]]:
    """Run the program, and make requests of it."""
    async with (
        running(app, folder / "data") as world,
        httpx.AsyncClient(verify=world._context(), base_url=f"https://localhost:{world.port}") as client,
    ):
        yield world, client


def bearer(person: Person) -> dict[str, str]:
    """Return the header of a session."""
    return {"Authorization": f"Bearer {person.session}"}


async def test_it_knows_who_asks_and_gets_neither_token_nor_cookie(tmp_path: Path) -> None:
    """And its answer is not to be kept, framed or filled with what others wrote."""
    async with asking(app_with(who), tmp_path) as (world, client):
        anna = await world.person("anna")
        headers = {**bearer(anna), "Cookie": "id=1"}
        answer = await client.post("/beside/it", headers=headers, content=b"hello")
        assert answer.text == "anna hello [] {}"
        assert answer.headers["content-security-policy"] == mounted_app.POLICY
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


async def test_it_needs_a_live_session(tmp_path: Path) -> None:
    """K5: not a ticket; and no session that has ended."""
    async with asking(app_with(who), tmp_path) as (world, client):
        anna = await world.person("anna")
        ticket = {"Authorization": f"Bearer {await anna.ticket()}"}
        assert (await client.get("/beside/it", headers=bearer(anna))).status_code == 200
        await anna.log_out()
        for headers in ({}, ticket, bearer(anna)):
            refused = await client.get("/beside/it", headers=headers)
            assert (refused.status_code, refused.json()["error"]) == (401, "unauthenticated")


async def test_it_needs_the_role_that_it_says(tmp_path: Path) -> None:
    """Which is looked up for each request, and again after its body."""
    read: list[bytes] = []
    called: list[str] = []

    async def endpoint(request: Request) -> Response:
        called.append(request.method)
        read.append(await request.body())
        return Response()

    async with asking(app_with(endpoint, role="owner"), tmp_path) as (world, client):
        anna = await world.person("anna")
        refused = await client.get("/beside/it", headers=bearer(anna))
        assert (refused.status_code, refused.json()["error"], called) == (403, "forbidden", [])
        await world.command("role", "anna", "owner")
        assert (await client.get("/beside/it", headers=bearer(anna))).status_code == 200

        async def body() -> AsyncIterator[bytes]:
            yield b"a"
            await world.command("role", "anna", "member")
            yield b"b"

        headers = {**bearer(anna), "Content-Length": "2"}
        assert (await client.post("/beside/it", headers=headers, content=body())).status_code == 403
        assert read == [b""]


@pytest.mark.parametrize("forgets", [False, True])
async def test_a_session_that_ends_while_the_body_arrives(tmp_path: Path, *, forgets: bool) -> None:
    """S1: the app does not see the end of the body, even if it keeps something else under the same name."""
    read: list[bytes] = []

    async def endpoint(request: Request) -> Response:
        if forgets:
            request.state.session = None
        read.append(await request.body())
        return Response()

    async with asking(app_with(endpoint), tmp_path) as (world, client):
        anna = await world.person("anna")

        async def body() -> AsyncIterator[bytes]:
            yield b"a"
            await anna.log_out()
            yield b"b"

        headers = {**bearer(anna), "Content-Length": "2"}
        refused = await client.post("/beside/it", headers=headers, content=body())
        assert (refused.status_code, read) == (401, [])


async def test_anyone_may_ask_one_that_says_so(tmp_path: Path) -> None:
    """Without a session."""

    async def endpoint(_request: Request) -> Response:
        headers = {"Content-Security-Policy": "default-src 'none'", "Server": "Werkzeug/3.1"}
        return PlainTextResponse("hello", headers=headers)

    async with asking(app_with(endpoint, session=False), tmp_path) as (_, client):
        answer = await client.get("/beside/it")
        assert (answer.text, answer.headers["content-security-policy"]) == ("hello", "default-src 'none'")
        assert "server" not in answer.headers  # H10
        assert (await client.get("/beside/other")).status_code == 404
        assert (await client.get("/besides/it")).status_code == 404


async def test_the_gate_stands_before_it(tmp_path: Path) -> None:
    """H1, H3, K9: Host, Origin and the size of the body, as everywhere."""
    async with asking(app_with(who, session=False), tmp_path) as (_, client):
        for headers, status in (({"Host": "evil.example"}, 421), ({"Origin": "https://evil.example"}, 403)):
            assert (await client.get("/beside/it", headers=headers)).status_code == status
        large = await client.post("/beside/it", content=b"x" * (HTTP_BODY.value + 1))
        assert large.status_code == 413


@pytest.mark.parametrize("name", [b"set-cookie", b"Set-Cookie", b"SET-COOKIE"])
async def test_it_sets_no_cookie(tmp_path: Path, name: bytes) -> None:
    """K8: a browser would send one along with requests of any page. Django writes names in other letters."""

    async def endpoint(_request: Request) -> Response:
        response = Response()
        response.raw_headers.append((name, b"id=1"))
        return response

    async with asking(app_with(endpoint, session=False), tmp_path) as (world, client):
        answer = await client.get("/beside/it")
        assert (answer.status_code, "set-cookie" in answer.headers) == (500, False)
        assert len(world.faults) == 1


async def test_what_it_says_replaces_ours_in_whatever_letters(tmp_path: Path) -> None:
    """One policy, one rule for caches, and no name of a server (H10)."""

    async def endpoint(_request: Request) -> Response:
        response = Response()
        response.raw_headers += [(b"Cache-Control", b"max-age=60"), (b"Server", b"Werkzeug/3.1")]
        return response

    async with asking(app_with(endpoint, session=False), tmp_path) as (_, client):
        answer = await client.get("/beside/it")
        assert answer.headers.get_list("cache-control") == ["max-age=60"]
        assert "server" not in answer.headers


async def test_a_status_of_its_own_and_a_head_that_can_not_be_sent(tmp_path: Path) -> None:
    """The first is sent; the second is a fault with an answer, like others."""
    heads = iter([(299, b"x"), (101, b"x"), (200, b"a\r\nSet-Cookie: id=1")])

    async def endpoint(_request: Request) -> Response:
        status, text = next(heads)
        response = Response(status_code=status)
        response.raw_headers.append((b"x-text", text))
        return response

    async with asking(app_with(endpoint, session=False), tmp_path) as (world, client):
        answers = [await client.get("/beside/it") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [299, 500, 500]
        assert len(world.faults) == 2


@pytest.mark.parametrize("began", [False, True])
async def test_an_answer_that_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, began: bool
) -> None:
    """It is stopped: otherwise it would outlive the session that asked."""
    monkeypatch.setattr(mounted_app, "SECONDS", 0.05)

    async def endpoint(_request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"x"
            await asyncio.Event().wait()

        if not began:
            await asyncio.Event().wait()
        return StreamingResponse(pieces())

    async with asking(app_with(endpoint, session=False), tmp_path) as (_, client):
        if began:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get("/beside/it")
        else:
            refused = await client.get("/beside/it")
            assert (refused.status_code, refused.json()["error"]) == (504, "too_slow")


async def test_an_answer_that_goes_on_when_it_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its next piece is not sent."""
    monkeypatch.setattr(mounted_app, "SECONDS", 0.05)

    async def endpoint(_request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"x"
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            yield b"y"

        return StreamingResponse(pieces())

    async with asking(app_with(endpoint, session=False), tmp_path) as (_, client):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/beside/it")


async def test_its_own_time_limits_are_its_own(tmp_path: Path) -> None:
    """A TimeoutError of the app is a fault like others, not ours."""

    async def endpoint(_request: Request) -> Response:
        raise TimeoutError

    async with asking(app_with(endpoint, session=False), tmp_path) as (world, client):
        assert (await client.get("/beside/it")).status_code == 500
        assert len(world.faults) == 1


async def test_it_gets_no_body_that_nothing_inspects() -> None:
    """Where the operator has what people send inspected, a body would pass by that."""
    called: list[Scope] = []

    async def beside(scope: Scope, _receive: Receive, send: Send) -> None:
        called.append(scope)
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    nothing = cast("Any", None)
    guard = RequestGuard(nothing, nothing, nothing, nothing, cast("Any", object()))
    mounted = mounted_app.MountedApp(Mount("/beside", lambda: beside, session=False), beside, guard)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError

    scope: Scope = {"type": "http", "headers": [(b"content-length", b"0")]}
    await mounted(scope, receive, send)
    assert (len(called), sent[0]["status"]) == (1, HTTPStatus.NO_CONTENT)
    with pytest.raises(mounted_app.RequestRefusedError):
        await mounted({"type": "http", "headers": [(b"content-length", b"1")]}, receive, send)
    assert len(called) == 1


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/pages", "/healthz", "/readyz", "pages", "/", "/a/", "/../a", "/{x}", "/A", "/a//b"]
)
def test_a_path_that_is_none_or_taken(path: str) -> None:
    """The program does not start."""
    with pytest.raises(ProgramError):
        App(WIRE).mount(path, role="member")(Starlette)


@pytest.mark.parametrize("path", ["/beside", "/beside/it", "/v2"])
def test_two_at_one_place(path: str) -> None:
    """Neither hides a part of the other, nor of the WebSocket."""
    app: App[None] = App(Wire("beside.v1", requests=Note, path="/v2/chat"))
    app.mount("/beside", role="member")(Starlette)
    with pytest.raises(ProgramError, match="is taken"):
        app.mount(path, role="member")(Starlette)
    app.mount("/besides", session=False)(Starlette)
    assert [mount.path for mount in app.mounts] == ["/beside", "/besides"]
    assert replace(app.mounts[0], session=False).is_beside("/v1/chat")


@pytest.mark.parametrize("how", [{}, {"role": "king"}, {"role": "member", "session": False}])
def test_a_role_is_said_where_there_is_a_session(how: Any) -> None:
    """As for requests and operations."""
    with pytest.raises(ProgramError):
        App(WIRE).mount("/beside", **how)
