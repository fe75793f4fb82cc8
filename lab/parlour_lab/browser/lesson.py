"""What a web page can do with the browser of someone who opens it: six steps, each with a picture.

Each attack is played twice: on a server with a mistake that is common, where it must succeed, and on Parlour,
where it must fail because Parlour refused it, which its log says.
"""

import asyncio
import base64
import hashlib
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from parlour_lab.attack import Attack, Evidence, Outcome, Stage, Verdict
from parlour_lab.browser.chromium import Chromium, Page, chromium, find_chromium
from parlour_lab.browser.servers import SECRET, TICKET, Relay, careless
from parlour_lab.explain import ending, steps
from parlour_lab.impostor import make
from parlour_lab.target import LOOPBACK, SETTINGS, LabServer, prepare
from parlour_lab.wire import ALLOWED_ORIGIN

_SETTINGS: Final = SETTINGS.replace("[listen]", '[listen]\nnames = ["localhost", "chat.example:443"]', 1)
_OPENED: Final = 101
_UNAUTHORIZED: Final = 401
"""Chromium says of it that authentication failed, and of other answers their status."""
_EVIL: Final = "https://evil.example"
_PROTOCOL: Final = "parlour.v1"


@dataclass(frozen=True)
class Place:
    """What a step is played with."""

    page: Page
    other: Page
    """A second tab of the same browser."""
    parlour: LabServer
    shop: Relay
    """The proxy in front of the shop."""
    chat: Relay
    """The proxy in front of Parlour."""
    rebound: Relay
    """The attacker's name, without TLS."""
    rebound_tls: Relay
    """The same name for TLS."""
    tool: int
    """The port of a tool on this machine."""


@dataclass(frozen=True)
class Step:
    """One attack on one server."""

    name: str
    attack: Attack
    ends: Verdict
    """How it must end."""


@dataclass(frozen=True)
class Played:
    """A step, how it ended, and the picture of the page at the end."""

    step: Step
    outcome: Outcome
    picture: Path

    @property
    def ok(self) -> bool:
        """Whether it ended as it must."""
        return self.outcome.verdict is self.step.ends

    @property
    def text(self) -> str:
        """All of it, for a terminal."""
        against = "Parlour" if self.step.ends is Verdict.HELD else "a server with the mistake"
        lines = [self.step.attack.title, f"    Against {against}: {ending(self.outcome)}"]
        return "\n".join([*lines, *steps(self.outcome), f"    picture  {self.picture}\n"])


async def _read(page: Page, seen: Evidence, address: str, *protocols: str) -> str:
    """Have a page open a WebSocket; return the first message that it reads."""
    arguments = ", ".join(f'"{one}"' for one in (address, *protocols))
    seen.sent(f"the page runs new WebSocket({arguments})")
    read = str(await page.run(f"read({arguments})"))
    seen.received(read or f"nothing: {', '.join(page.errors())}")
    return read


async def _refuses(page: Page, seen: Evidence, status: int, address: str) -> bool:
    """Have a page open a WebSocket of Parlour; say whether it read nothing.

    Raises RuntimeError if something else than this answer was in the way: that would prove nothing.
    """
    read = await _read(page, seen, address, _PROTOCOL)
    said = "HTTP Authentication failed" if status == _UNAUTHORIZED else f"response code: {status}"
    if not read and said not in seen.steps[-1].text:
        raise RuntimeError(f"not Parlour's {status} was in the way: {seen.steps[-1].text}")
    return not read


async def _by_cookie(place: Place, seen: Evidence) -> bool:
    read = []
    for login, page, seen_as in (
        ("login", _EVIL, "a cookie that is for pages of its own site only, and opens a foreign page"),
        ("login", "https://reviews.shop.example", "the same cookie, and opens a page of the same site"),
        ("login-for-frames", _EVIL, "a cookie with SameSite=None, and opens a foreign page"),
    ):
        await place.other.open(f"https://shop.example/{login}")
        seen.observed(f"ada logs in at the shop, gets {seen_as}: {page}")
        await place.page.open(page)
        read.append(await _read(place.page, seen, "wss://shop.example/by-cookie"))
    return SECRET not in read[1:]


async def _without_cookies(place: Place, seen: Evidence) -> bool:
    address = f"wss://localhost:{place.parlour.port}/v1/chat"
    await place.page.open(ALLOWED_ORIGIN)
    seen.observed(f"a page of {ALLOWED_ORIGIN}, which the operator allows: it has no ticket")
    is_refused = await _refuses(place.page, seen, _UNAUTHORIZED, address)
    await place.page.open(_EVIL)
    seen.observed("the attacker's page")
    return await _refuses(place.page, seen, 403, address) and is_refused


async def _rebinding(place: Place, seen: Evidence) -> bool:
    await place.page.open("http://rebind.example")
    seen.observed("ada opens http://rebind.example, which is the attacker's server")
    place.rebound.leads_to = place.tool
    seen.observed("now the attacker's DNS says that rebind.example is 127.0.0.1, ada's own machine")
    return await _read(place.page, seen, "ws://rebind.example/same-origin") != SECRET


async def _rebinding_parlour(place: Place, seen: Evidence) -> bool:
    await place.page.open("https://rebind.example")
    seen.observed("ada opens https://rebind.example, which is the attacker's server")
    place.rebound_tls.leads_to = place.parlour.port
    seen.observed("now the name leads to Parlour; this browser takes its certificate for any name")
    return await _refuses(place.page, seen, 421, "wss://rebind.example/v1/chat")


async def _in_the_url(place: Place, seen: Evidence) -> bool:
    await place.page.open("https://shop.example")
    address = f"wss://shop.example/by-address?ticket={TICKET}"
    await _read(place.page, seen, address)
    ticket = _logged(place.shop, seen)
    await place.page.open(_EVIL)
    seen.observed("someone who reads the log has a page of their own")
    return await _read(place.page, seen, address.replace(TICKET, ticket)) != SECRET


async def _in_the_url_of_parlour(place: Place, seen: Evidence) -> bool:
    parlour = place.parlour
    await place.page.open(ALLOWED_ORIGIN)
    issued = await asyncio.to_thread(lambda: parlour.ticket(parlour.session("ada")))
    read = not await _refuses(place.page, seen, _UNAUTHORIZED, f"wss://chat.example/v1/chat?ticket={issued}")
    ticket = _logged(place.chat, seen)
    seen.observed("someone who reads the log sends the ticket as a good client does, in a header")
    answers = await asyncio.to_thread(_answers, parlour, ticket)
    seen.received(f"{answers[0]}; for a ticket that was in no URL: {answers[1]}")
    if answers[1] != _OPENED:
        raise RuntimeError("no ticket is good here, so this one proves nothing")
    return not read and answers[0] != _OPENED


def _logged(proxy: Relay, seen: Evidence) -> str:
    """Return the ticket of the last line that a proxy's log has with one."""
    line = next(one for one in reversed(proxy.log) if "ticket=" in one)
    seen.observed(f"the proxy's log has: {line}")
    return line.partition("ticket=")[2].partition(" ")[0]


def _answers(parlour: LabServer, ticket: str) -> list[int]:
    """Return the status of a handshake with this ticket, and of one with a new one."""
    found = []
    for one in (ticket, parlour.ticket(parlour.session("ada"))):
        with parlour.wire() as wire:
            found.append(wire.ask(parlour.head(authorization=f"Bearer {one}")).status)
    return found


def _step(name: str, title: str, expects: str, run: Callable[[Place, Evidence], Awaitable[bool]]) -> Step:
    ends = Verdict.HELD if name.endswith("parlour") else Verdict.BROKEN
    return Step(name, Attack(f"browser.{name}", title, expects, Stage.NOTHING, run), ends)


STEPS: Final = (
    _step(
        "1-cookie",
        "A foreign page opens the WebSocket of a shop that logs people in by a cookie",
        "The shop looks at Origin, or lets in by a ticket.",
        _by_cookie,
    ),
    _step(
        "2-cookie-parlour",
        "The same page opens Parlour's, and so does a page of an Origin that is allowed",
        "The foreign page is answered 403. The other one has no ticket: nothing that a browser sends is one.",
        _without_cookies,
    ),
    _step(
        "3-rebinding",
        "A page makes its own name point at this machine, and opens the WebSocket of a tool that runs here",
        "The tool compares Host with the names that it has.",
        _rebinding,
    ),
    _step(
        "4-rebinding-parlour",
        "The same with Parlour, in a browser that is told to take Parlour's certificate for any name",
        "It is answered 421: Host is not a name of this server.",
        _rebinding_parlour,
    ),
    _step(
        "5-url",
        "A page sends its ticket in the URL, which a proxy writes into its log",
        "A ticket that was in a URL is not good any more.",
        _in_the_url,
    ),
    _step(
        "6-url-parlour",
        "A page sends a ticket of Parlour's in the URL, and someone uses it who reads the proxy's log",
        "The page is answered 401, and the ticket is burned: it is not good in a header afterwards.",
        _in_the_url_of_parlour,
    ),
)


def play_lesson(pictures: Path, told: Callable[[Played], None] = lambda _: None) -> list[Played]:
    """Play all steps, and save a picture of each. Raises NotTriedError where there is no Chromium."""
    find_chromium()  # before anything takes time
    pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="parlour-lesson-") as name:
        folder = Path(name)
        prepared = folder / "prepared"
        prepared.mkdir()
        prepare(prepared)
        parlour = LabServer(folder / "server", prepared, _SETTINGS, as_command=True)
        parlour.start()
        try:
            return asyncio.run(_play(folder, parlour, pictures, told))
        finally:
            parlour.kill()


async def _play(
    folder: Path, parlour: LabServer, pictures: Path, told: Callable[[Played], None]
) -> list[Played]:
    found = []
    async with _place(folder, parlour) as place:
        for step in STEPS:
            outcome = await step.attack.play_async(place)
            picture = pictures / f"{step.name}.png"
            await asyncio.to_thread(picture.write_bytes, await place.page.picture())
            found.append(Played(step, outcome, picture))
            told(found[-1])
    return found


@asynccontextmanager
async def _place(folder: Path, parlour: LabServer) -> AsyncIterator[Place]:
    made = make(names=("localhost",))
    context = made.context(folder)
    pem = await asyncio.to_thread(ssl.get_server_certificate, (LOOPBACK, parlour.port))
    trusted = [_key_digest(made.certificate), _key_digest(x509.load_pem_x509_certificate(pem.encode()))]
    async with AsyncExitStack() as open_:
        secure = await open_.enter_async_context(careless(context))
        plain = await open_.enter_async_context(careless())
        shop = Relay(secure, context, ssl.create_default_context(cadata=made.pem))
        chat = Relay(parlour.port, context, parlour.trusting)
        rebound, rebound_tls = Relay(plain), Relay(secure)
        for relay in (shop, chat, rebound, rebound_tls):
            await open_.enter_async_context(relay.listening())
        names = {
            "shop.example:443": shop.port,
            "chat.example:443": chat.port,
            "rebind.example:80": rebound.port,
            "rebind.example:443": rebound_tls.port,
            "evil.example:443": secure,
            "reviews.shop.example:443": secure,
            "app.example:443": secure,
        }
        browser: Chromium = await open_.enter_async_context(chromium(names, trusted))
        pages = [await browser.page(), await browser.page()]
        yield Place(pages[1], pages[0], parlour, shop, chat, rebound, rebound_tls, plain)


def _key_digest(certificate: x509.Certificate) -> str:
    """Return how a browser is told of a key that it shall trust."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()
