"""What the operator's commands about people do to a server that runs."""

import asyncio
from pathlib import Path

from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import Error, Hello, Ok
from parlour_protocol.frames.requests import Send
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.rooms import Role
from parlour_server.chat_program import CHAT
from parlour_server.kit.testing.server import PASSWORD, PATIENCE, World, running


async def until_limits_are(world: World, count: int) -> None:
    """Wait until the server has read so many limits of connections."""
    async with asyncio.timeout(PATIENCE):
        while len(world.parts.limits.named("connections.per_user")) != count:  # noqa: ASYNC110 - of a command
            await asyncio.sleep(0.01)


async def test_roles_of_invites_and_limits_of_accounts_on_a_running_server(tmp_path: Path) -> None:
    """A newcomer moderates the lobby; a limit is there within a second, and gone again."""
    async with running(CHAT, tmp_path / "data") as world:
        invite = await world.invite("--role", "moderator")
        await world.api("POST", "/v1/accounts", {"username": "ada", "password": PASSWORD, "invite": invite})
        ada = await world.log_in("ada")
        here = await ada.connect()
        hello = here.greeted
        assert isinstance(hello, Hello)
        [lobby] = hello.rooms
        assert lobby.role is Role.MODERATOR
        limits = ("--set", "connections.per_user=1", "--set", "rates.messages_per_minute=1")
        await world.command("user", "limits", "ada", *limits)
        await until_limits_are(world, 1)
        assert await world.refused(ticket=await ada.ticket()) == 503
        answers = [await here.ask(Send(new_request_id(), lobby.room, MessageText("hello"))) for _ in range(2)]
        assert isinstance(answers[0], Ok)
        assert isinstance(answers[1], Error)
        assert answers[1].code == "rate_limited"
        await world.command("user", "limits", "ada", "--reset", "connections.per_user")
        await until_limits_are(world, 0)
        await ada.connect()
