"""Roles of a program on the kit: what someone may do by a role that was taken away, or was not theirs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from parlour_lab.attack import Evidence, Stage, attack
from parlour_protocol.kit.frames import Ok, Push, Request
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.core.connections.peer import Peer
from parlour_server.testing.server import Socket, World, running


class Ban(Request, frozen=True, tag="ban"):
    """For moderators."""


class Watch(Request, frozen=True, tag="watch"):
    """Follow what moderators see."""


class Invite(Request, frozen=True, tag="invite"):
    """Invite someone with a role."""


class Reported(Push, frozen=True, tag="reported"):
    """What moderators see."""


def _program() -> App[None]:
    """Return a program whose handlers look at no role."""
    app: App[None] = App(Wire("desk.v1", requests=Ban | Watch | Invite, pushes=Reported))

    @app.on(Ban, role="moderator")
    def ban(_peer: Peer[None], _ask: Ban) -> None:
        return

    @app.on(Watch, role="moderator")
    def watch(peer: Peer[None], _ask: Watch) -> None:
        peer.add(app.topic("reports"))

    @app.on(Invite, role="moderator")
    async def invite(peer: Peer[None], _ask: Invite) -> None:
        await app.roles.invite(peer, "owner")

    return app


@asynccontextmanager
async def _moderator(folder: Path, seen: Evidence) -> AsyncIterator[tuple[World, Socket]]:
    """Run the program; mallory is connected, and a moderator by her invite."""
    async with running(_program(), folder / "data") as world:
        mallory = await world.person("mallory", "--role", "moderator")
        seen.observed("mallory has registered by an invite for a moderator, and is connected")
        yield world, await mallory.connect()


async def _ask(socket: Socket, seen: Evidence, request: Request) -> bool:
    """Return whether it is refused."""
    seen.sent(type(request).__name__)
    answer: Any = await socket.ask(request)
    seen.received("ok" if isinstance(answer, Ok) else f"{answer.code}: {answer.hint}")
    return not isinstance(answer, Ok)


@attack(
    "A moderator whose role was taken away goes on, on the connection that is open",
    expects="The next request is refused.",
    stage=Stage.NOTHING,
)
def role_taken_away(folder: Path, seen: Evidence) -> bool:
    async def play() -> bool:
        async with _moderator(folder, seen) as (world, socket):
            assert not await _ask(socket, seen, Ban(new_request_id()))
            seen.observed((await world.command("role", "mallory", "member")).strip())
            return await _ask(socket, seen, Ban(new_request_id()))

    return asyncio.run(play())


@attack(
    "A moderator whose role was taken away listens on to what moderators see",
    expects="Within a second the connection gets no more of it.",
    stage=Stage.NOTHING,
)
def followed_by_a_role(folder: Path, seen: Evidence) -> bool:
    async def play() -> bool:
        async with _moderator(folder, seen) as (world, socket):
            assert not await _ask(socket, seen, Watch(new_request_id()))
            seen.observed((await world.command("role", "mallory", "member")).strip())
            topic = world.parts.topics.topic("reports")
            for _ in range(60):
                if len(topic):
                    await asyncio.sleep(0.05)
            seen.observed(f"{len(topic)} connections get reports")
            return not len(topic)

    return asyncio.run(play())


@attack(
    "A moderator makes an invite for an owner, to register with it",
    expects="It is refused: no one gives more than they have.",
    stage=Stage.NOTHING,
)
def invite_of_a_higher_role(folder: Path, seen: Evidence) -> bool:
    async def play() -> bool:
        async with _moderator(folder, seen) as (_, socket):
            return await _ask(socket, seen, Invite(new_request_id()))

    return asyncio.run(play())
