"""The ticker's page in a real browser: on its own server, and on another Origin that is listed or not."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from msgspec.structs import replace

from parlour_lab.attack import NotTriedError
from parlour_lab.browser.chromium import Chromium, Page, chromium
from parlour_server.testing.server import PASSWORD, World, running

import ticker
from ticker.server import app

FILES: Final = Path(ticker.__file__).parents[1] / "ticker_page" / "static"
LOGGED_IN: Final = """
document.querySelector("[role=status]").textContent === "connected"
&& document.querySelectorAll("td").length >= 8
"""
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


@asynccontextmanager
async def serving(files: Mapping[str, bytes]) -> AsyncIterator[str]:
    """Serve a page of someone's own over plain HTTP, as for developing; yields its Origin."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode().strip("/") or "index.html"
        kind = "text/html" if path.endswith(".html") else "text/javascript"
        body = files.get(path, b"")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close"
        writer.write(f"{head}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}"


@dataclass(frozen=True, slots=True)
class Scene:
    """A server, a browser, and pages elsewhere."""

    world: World
    browser: Chromium
    own: str
    listed: str
    foreign: str

    def drop_connections(self) -> None:
        """End every connection, as a server does that stops."""
        for peer in self.world.parts.connected.all_connections():
            peer.fail()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """Run the ticker, a browser, and a copy of its page on two other Origins, one of which is listed."""
    port = free_port()
    own = f"https://localhost:{port}"
    files = {path.name: path.read_bytes() for path in FILES.iterdir()}
    files["index.html"] = files["index.html"].replace(b"<html", f'<html data-server="{own}"'.encode())
    async with serving(files) as listed, serving(files) as foreign:

        def change(settings: Any) -> Any:
            listen = replace(settings.listen, address=f"127.0.0.1:{port}", origins=(own, listed))
            return replace(settings, listen=listen)

        async with running(app, tmp_path_factory.mktemp("ticker") / "data", change=change) as world:
            await world.person("anna")
            trusted = base64.b64encode(world._server_key()).decode()
            try:
                async with chromium({}, [trusted]) as browser:
                    yield Scene(world, browser, own, listed, foreign)
            except NotTriedError as error:
                pytest.skip(str(error))


async def until(page: Page, condition: str) -> None:
    """Wait until it holds in the page."""
    look = f"const look = () => (({condition}) ? done(true) : setTimeout(look, 20)); look()"
    await page.run(f"new Promise(done => {{ {look} }})")


async def log_in(page: Page) -> None:
    """Fill in the form and send it."""
    await page.run(
        f"""(() => {{
            document.querySelector("[name=username]").value = "anna";
            document.querySelector("[name=password]").value = {PASSWORD!r};
            document.querySelector("form button").click();
        }})()"""
    )


async def opened(page: Page, scene: Scene, ticket: str) -> bool:
    """Open a WebSocket in the page with this ticket; return whether it opened."""
    url = f"wss://localhost:{scene.world.port}{app.wire.path}"
    found: bool = await page.run(
        f"""new Promise(done => {{
            const socket = new WebSocket({url!r}, ["{app.wire.subprotocol}", "ticket.{ticket}"]);
            socket.onopen = () => {{ done(true); socket.close(); }};
            socket.onerror = () => done(false);
        }})"""
    )
    return found


async def test_the_page_logs_in_shows_prices_and_logs_out(scene: Scene) -> None:
    """Nothing of the session is left in what the browser keeps, and no script can write markup."""
    page = await scene.browser.page()
    assert await page.open(f"{scene.own}/page/") == ""
    await log_in(page)
    await until(page, LOGGED_IN)
    assert await page.run("document.title") == "Ticker"
    assert await page.run("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    assert await page.run("document.querySelector('[name=password]').value") == ""
    refused = await page.run(
        "(() => { try { document.body.innerHTML = '' } catch (why) { return why.name } })()"
    )
    assert refused == "TypeError"
    await page.run("document.querySelector('#leave').click()")
    await until(page, "!document.querySelector('form').hidden")


async def test_a_form_of_a_page_beside_the_api_has_an_origin(scene: Scene) -> None:
    """It is the page's own, which is listed: not `null`, as under a policy that sends no referrer."""
    page = await scene.browser.page()
    await page.open(f"{scene.own}/page/")
    await page.run(
        "(() => { const form = document.querySelector('form'); form.method = 'POST'; form.submit(); })()"
    )
    async with asyncio.timeout(20):
        answer = ""
        while "error" not in answer:
            with suppress(RuntimeError):  # while it goes to the answer
                answer = await page.run("document.body.textContent")
    assert "method_not_allowed" in answer  # says the app, behind the gate


async def test_it_connects_again_by_itself_and_resumes(scene: Scene) -> None:
    """With a new ticket, from the last number that it had; each request still has one answer."""
    page = await scene.browser.page()
    await page.open(f"{scene.own}/page/")
    await page.run(
        f"""import("/page/parlour.js").then(async ({{ Link }}) => {{
            window.lasts = [];
            window.held = [];
            window.WebSocket = class extends WebSocket {{
                constructor(...how) {{ super(...how); window.socket = this; }}
            }};
            const pushed = () => new Promise(done => window.socket.addEventListener("message", done));
            window.link = new Link({{
                protocol: "ticker.v1",
                onConnected: async (_, last) => {{
                    await window.link.ask({{ type: "watch", symbols: ["ACME"] }});
                    await pushed(); // and held back
                    window.lasts.push(last);
                }},
                onPush: () => window.held.push(window.lasts.length),
            }});
            await window.link.logIn("anna", {PASSWORD!r});
        }})"""
    )
    await until(page, "window.held.length")
    assert await page.run("[link.isNew(7), link.isNew(7), link.isNew(6)]") == [True, False, False]
    scene.drop_connections()
    await until(page, "window.lasts.length === 2 && window.held.includes(2)")
    assert await page.run("[window.lasts, window.held.includes(0)]") == [[0, 7], False]
    refusal = "link.ask({ type: 'watch', symbols: ['ENRON'] }).catch(why => [why.code, why.message])"
    assert await page.run(refusal) == ["not_found", "there is no ENRON"]
    ask = "link.ask({ type: 'watch', symbols: [] })"
    answers = await page.run(f"Promise.all([...Array(5)].map(() => {ask})).then(all => all.length)")
    assert answers == 5


async def test_a_session_that_was_ended_elsewhere(scene: Scene) -> None:
    """S1: the page is told at once, and asks for the password instead of trying for ever."""
    page = await scene.browser.page()
    await page.open(f"{scene.own}/page/")
    await log_in(page)
    await until(page, LOGGED_IN)
    await scene.world.command("session", "end", "anna", "--all")
    await until(page, "document.querySelector('[role=status]').textContent.startsWith('logged out')")


async def test_a_page_on_another_origin_that_is_listed(scene: Scene) -> None:
    """It reads the answers (CORS), and its ticket is its own (H12)."""
    page = await scene.browser.page()
    await page.open(scene.listed)
    await log_in(page)
    await until(page, LOGGED_IN)
    anna = await scene.world.log_in("anna")
    assert not await opened(page, scene, await anna.ticket())
    ticket = f"""fetch("{scene.own}/v1/tickets", {{
        method: "POST", headers: {{ Authorization: "Bearer {anna.session}" }}
    }}).then(answer => answer.json()).then(answer => answer.ticket)"""
    first, second = [await page.run(ticket) for _ in range(2)]
    other = await scene.browser.page()
    await other.open(f"{scene.own}/page/")
    assert not await opened(other, scene, first)
    assert [await opened(page, scene, one) for one in (first, second, first)] == [True, True, False]


async def test_a_page_on_an_origin_that_is_not_listed(scene: Scene) -> None:
    """H1: neither it nor a frame without an Origin logs in, reads, or uses a ticket up."""
    anna = await scene.world.log_in("anna")
    page = await scene.browser.page()
    await page.open(scene.foreign)
    await log_in(page)
    await until(page, "document.querySelector('[role=status]').textContent.includes(\"can't be reached\")")
    ticket = await anna.ticket()
    assert not await opened(page, scene, ticket)
    url = f"wss://localhost:{scene.world.port}{app.wire.path}"
    told = await page.run(
        rf"""new Promise(done => {{
            onmessage = ({{ data }}) => done(data);
            const frame = document.createElement("iframe");
            frame.sandbox = "allow-scripts";
            frame.srcdoc = `<script>
                const socket = new WebSocket({url!r}, ["{app.wire.subprotocol}", "ticket.{ticket}"]);
                socket.onopen = () => parent.postMessage([origin, "open"], "*");
                socket.onerror = () => parent.postMessage([origin, "refused"], "*");
            <\/script>`;
            document.body.append(frame);
        }})"""
    )
    assert told == ["null", "refused"]
    assert await scene.world.refused(ticket=ticket) == 101
