"""What capabilities do at the places that a server has for them."""

import asyncio
import json
from pathlib import Path
from typing import Any, ClassVar, Final, cast

import pytest

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.frames import Error, Ok, Request
from parlour_protocol.kit.ids import ConnectionId, new_request_id
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.app.capability import Capability, Served
from parlour_server.app.hooks import Opened
from parlour_server.app.parts import Parts
from parlour_server.core.accounts.after_password import AfterPassword
from parlour_server.core.accounts.registration import Registration
from parlour_server.core.audit import AuditEvent
from parlour_server.core.errors import NameTakenError, SetupError
from parlour_server.testing.server import PASSWORD, running


class Ring(Request, frozen=True, tag="ring"):
    """Ring the bell, if the shop has one."""

    answered_by_server: ClassVar[bool] = True


WIRE: Final = Wire("shop.v1", requests=Ring)


async def test_one_that_answers_a_request_knows_which_connections_ended(tmp_path: Path) -> None:
    """It can forget whoever asked."""
    asked, ended = asyncio.Queue[ConnectionId](), asyncio.Queue[ConnectionId]()

    async def start(parts: Parts[Any, Any]) -> None:
        hooks = parts.hooks
        hooks.answers[Ring] = lambda peer, _request: asked.put_nowait(peer.id)
        hooks.closed.append(lambda peer: ended.put_nowait(peer.id))

    app = App[None](WIRE, capabilities=(Capability(name="bell", served=lambda: Served(start=start)),))
    async with running(app, tmp_path / "data") as world, asyncio.timeout(30):
        socket = await (await world.person("ada")).connect()
        assert isinstance(await socket.ask(Ring(id=new_request_id())), Ok)
        assert ended.empty()
        await socket.abort()
        assert await ended.get() == await asked.get()


async def test_two_that_ask_for_more_than_the_password_are_refused(tmp_path: Path) -> None:
    """P20: one of them would not be asked."""

    async def start(parts: Parts[Any, Any]) -> None:
        parts.hooks.set_after_password(cast("AfterPassword", object()))

    app = App[None](
        WIRE,
        capabilities=[
            Capability(name=name, served=lambda: Served(start=start)) for name in ("codes", "keys")
        ],
    )
    with pytest.raises(SetupError, match="two capabilities"):
        async with running(app, tmp_path / "data"):
            pass


class Kept:
    """Keeps the events of the audit log in memory."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def is_writable(self) -> bool:
        """Return True."""
        return True

    def append(self, line: str, *, or_lose: bool = True) -> bool:  # noqa: ARG002
        """Keep what it is about."""
        self.events.append(json.loads(line)["event"])
        return True

    def sync(self) -> None:
        """Do nothing: there is no disk."""


async def test_what_keeps_the_audit_log_gets_its_first_line_and_its_last(tmp_path: Path) -> None:
    """In whichever order the capabilities stand; it is closed before the store that it may write to."""
    kept = Kept()

    async def prepare(opened: Opened) -> None:
        async def close() -> None:
            await opened.store.accounts.list()
            kept.events.append("closed")

        opened.hooks.keepers.append(kept)
        opened.last.push_async_callback(close)

    async def start(parts: Parts[Any, Any]) -> None:
        parts.audit.record(AuditEvent.RELOADED)

    bell, keeper = (
        Capability(name="bell", served=lambda: Served(start=start)),
        Capability(name="keeper", served=lambda: Served(prepare=prepare)),
    )
    async with running(App[None](WIRE, capabilities=(bell, keeper)), tmp_path / "data"):
        assert kept.events[:2] == [AuditEvent.RELOADED, AuditEvent.SERVER_STARTED]
    assert kept.events[-2:] == [AuditEvent.SERVER_STOPPED, "closed"]


async def test_a_request_that_no_capability_answers_is_refused(tmp_path: Path) -> None:
    """As something that is not there, each time: it counts as a read, and not as a message."""
    app = App[None](WIRE, capabilities=(), messages_per_minute=1)
    async with running(app, tmp_path / "data") as world:
        socket = await (await world.person("ada")).connect()
        for _ in range(3):
            answer = await socket.ask(Ring(id=new_request_id()))
            assert isinstance(answer, Error)
            assert answer.code == ErrorCode.NOT_FOUND
            assert "does not offer" in answer.hint


async def test_one_that_vouches_for_people_creates_their_accounts(tmp_path: Path) -> None:
    """By the rules of names, without an invite; each reload hands over what creates them again."""
    made: list[Registration] = []

    async def start(parts: Parts[Any, Any]) -> None:
        parts.hooks.registration.append(made.append)

    app: App[Any] = App(WIRE, capabilities=(Capability(name="guild", served=lambda: Served(start=start)),))
    async with running(app, tmp_path / "data") as world:
        (registration,) = made
        await registration.make(parse_user_name("anna"), Secret(PASSWORD), invite=None)
        assert (await world.log_in("anna")).name == "anna"
        with pytest.raises(NameTakenError):
            await registration.make(parse_user_name("anna"), Secret.random(), invite=None)
