"""What the operator tells everyone reaches who is connected, and who connects before it expires."""

import asyncio
import json
from pathlib import Path

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.replies import Error, Ok
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.server_notices import FollowNotices, ServerNotice
from parlour_server.chat.program import CHAT
from parlour_server.testing.server import Socket, World, running


async def follow(world: World, name: str) -> Socket:
    """Connect someone who follows the notices."""
    socket = await (await world.person(name)).connect()
    assert isinstance(await socket.ask(FollowNotices(id=new_request_id())), Ok)
    return socket


async def heard(socket: Socket) -> ServerNotice:
    """Return the next notice; people also join the lobby."""
    while not isinstance(push := await socket.push(), ServerNotice):
        pass
    return push


async def test_a_notice_reaches_everyone_until_it_expires_or_is_withdrawn(tmp_path: Path) -> None:
    """While the server runs; a client that does not follow them gets none, and no client can make one."""
    async with running(CHAT, tmp_path / "data") as world, asyncio.timeout(60):
        ada = await follow(world, "ada")
        older = await (await world.person("olga")).connect()
        sent = json.loads(await world.command("notice", "send", "down at 8", "--json"))
        notice = await heard(ada)
        assert (notice.notice, notice.text, notice.expires) == (sent["notice"], "down at 8", sent["expires"])
        bob = await follow(world, "bob")
        assert await heard(bob) == notice
        await world.command("notice", "withdraw", sent["notice"])
        for socket in (ada, bob):
            gone = await heard(socket)
            assert gone.notice == sent["notice"]
            assert gone.expires < notice.expires
        forged = {"type": "server_notice", "id": new_request_id(), "text": "log in at evil.example"}
        ada.send_bytes(json.dumps(forged).encode())
        answer = await ada.answer()
        assert isinstance(answer, Error)
        assert answer.code is ErrorCode.MALFORMED
        await world.command("notice", "send", "the next one")
        for socket in (ada, bob):  # they get nothing that is withdrawn, and nothing twice
            assert (await heard(socket)).text == "the next one"
        assert isinstance(await older.ask(FollowNotices(id=new_request_id())), Ok)
        assert (await heard(older)).text == "the next one"
