"""The servers of examples/patterns/, run in this process from their files, whole or with something left out.

A test's clock stands in the place of ``time.monotonic``, a free port in that of 8443, hashing a password is
made cheap, and the server waits long for tickets and pongs. Nothing else is changed, unless the test says
what.
"""

import asyncio
import json
import logging
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Final

from aiohttp import web
from argon2 import PasswordHasher
from django.conf import empty, settings
from tests.ports import free_port
from tests.server.core.net.conftest import Pair

from parlour_server.standalone import logins
from parlour_server.standalone.https import server_context
from parlour_server.testing.clock import FakeClock
from parlour_server.testing.target import AttackTarget, TargetDescription

FOLDER: Final = Path(__file__).parents[3] / "examples" / "patterns"
CLOCK: Final = FakeClock()
CHEAP: Final = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
MEASURABLE: Final = partial(PasswordHasher, time_cost=1, memory_cost=32_768, parallelism=1)
PASSWORD: Final = "tigress-violin-marble"
SECONDS: Final = "5.0, 20.0"
"""How long each file waits for a ticket, and between pings and for a pong."""
PATIENT: Final = "60.0, 60.0"
HASTY: Final = {"test_stranger_who_waits": "0.3, 60.0", "test_silent_peer": "60.0, 1.0"}
"""What it is for an attack that waits for the end of it; only that one wait is short."""
_NUMBERS: Final = count()

Run = Callable[[ModuleType, ssl.SSLContext], AbstractAsyncContextManager[None]]
Change = tuple[str, str]
Hasher = Callable[[], PasswordHasher]


def monotonic() -> float:
    """Return the test's time."""
    return CLOCK.monotonic()


def say(text: str) -> bytes:
    """Make a frame that says something."""
    return json.dumps({"type": "say", "text": text}, ensure_ascii=False, separators=(",", ":")).encode()


def present(ticket: str) -> bytes:
    """Make the first frame."""
    return json.dumps({"type": "open", "ticket": ticket}).encode()


DESCRIPTION: Final = TargetDescription(
    socket="/chat",
    login="/login",
    tickets="/ticket",
    logout=("POST", "/logout"),
    first_frame=present,
    ask=lambda: say("hello"),
    say=say,
    frame_bytes=16_384,
    no_ticket=4401,
)


@dataclass(frozen=True)
class Pattern:
    """A file of examples/patterns/."""

    name: str
    run: Run
    description: TargetDescription = DESCRIPTION
    api_port: int = 0
    """That of HTTPS in the file, if it is not 8443."""
    cannot: Mapping[str, str] = field(default_factory=dict)
    """Attacks that succeed on this framework, and why."""

    @property
    def source(self) -> str:
        """The file."""
        return (FOLDER / self.name).read_text()


@asynccontextmanager
async def with_uvicorn(module: ModuleType, context: ssl.SSLContext) -> AsyncIterator[None]:
    """Run what `server` returns."""
    server = module.server(context)
    running = asyncio.create_task(server.serve())
    try:
        while not server.started and not running.done():  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def with_aiohttp(module: ModuleType, context: ssl.SSLContext) -> AsyncIterator[None]:
    """Run what `application` returns."""
    runner = web.AppRunner(module.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "localhost", module.PORT, ssl_context=context).start()
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def with_websockets(module: ModuleType, context: ssl.SSLContext) -> AsyncIterator[None]:
    """Run what `run` does, until it is cancelled."""
    running = asyncio.create_task(module.run(context))
    try:
        await _reachable(module.PORT)
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _reachable(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("localhost", port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.01)


_PINGS: Final = {"test_ping_flood": "the program sees no pings"}
_MASKS: Final = {"test_unmasked_frame": "aiohttp takes both"}
WEBSOCKETS: Final = replace(DESCRIPTION, fragments=5_000)
AIOHTTP: Final = replace(DESCRIPTION, silent=1006)
_PIECES: Final = {"test_fragment_flood": "any number of empty pieces"}
PATTERNS: Final = (
    Pattern("fastapi_chat.py", with_uvicorn, cannot=_PINGS | _PIECES),
    Pattern("channels_chat.py", with_uvicorn, cannot=_PINGS | _PIECES),
    Pattern("websockets_chat.py", with_websockets, WEBSOCKETS, api_port=8444, cannot=_PINGS),
    Pattern("aiohttp_chat.py", with_aiohttp, AIOHTTP, cannot=_PIECES | _MASKS),
)


@asynccontextmanager
async def running(
    pattern: Pattern, pair: Pair, *changes: Change, attack: str, hasher: Hasher = CHEAP
) -> AsyncIterator[AttackTarget]:
    """Run a server for an attack, with ``changes`` made in its file, and someone who has an account."""
    ports = {"8443": str(free_port()), "8444": str(free_port())}
    context = server_context(str(pair.certificate), str(pair.key))
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())  # type: ignore[method-assign]
    module = _module(pattern, ports, (*changes, (SECONDS, HASTY.get(attack, PATIENT))), hasher)
    module.accounts["ada"] = hasher().hash(PASSWORD)
    loggers = [logging.getLogger(name) for name in ("", "uvicorn.error", "uvicorn.access")]
    async with pattern.run(module, context):
        for logger in loggers:
            logger.addHandler(handler)
        target = AttackTarget(
            int(ports["8443"]),
            ssl.create_default_context(cafile=str(pair.certificate)),
            pattern.description,
            username="ada",
            password=PASSWORD,
            api_port=int(ports[str(pattern.api_port or 8443)]),
            forward=CLOCK.forward,
            logs=lambda: "\n".join(logged),
        )
        try:
            yield target
        finally:
            await target.close()
            for logger in loggers:
                logger.removeHandler(handler)
            del sys.modules[module.__name__]


def _module(
    pattern: Pattern, ports: Mapping[str, str], changes: tuple[Change, ...], hasher: Hasher
) -> ModuleType:
    source = pattern.source
    for before, after in (("from time import monotonic", f"from {__name__} import monotonic"), *changes):
        assert source.count(before) == 1, f"{pattern.name} has {source.count(before)} of {before!r}"
        source = source.replace(before, after)
    for before, after in ports.items():
        source = source.replace(before, after)
    # Django keeps the URLs of a module by its name: an earlier server would answer for the same name.
    module = ModuleType(f"{Path(pattern.name).stem}_{next(_NUMBERS)}")
    sys.modules[module.__name__] = module
    cheaply, logins.PasswordHasher = logins.PasswordHasher, hasher  # type: ignore[misc,assignment]
    setattr(settings, "_wrapped", empty)  # noqa: B010 - Django has one configuration in a process, and this is another server
    try:
        exec(compile(source, pattern.name, "exec"), module.__dict__)  # noqa: S102 - our own file
    finally:
        logins.PasswordHasher = cheaply  # type: ignore[misc]
    return module
