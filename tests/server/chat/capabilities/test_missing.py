"""A server without the chat's capabilities: what it does not offer is refused, and everything else works."""

from pathlib import Path
from typing import Any

import pytest

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import FileRef
from parlour_protocol.frames.fields import FileName, MessageText
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.frames.replies import Error, Members, Ok
from parlour_protocol.frames.requests import (
    ListMembers,
    OptionalRequest,
    Report,
    Send,
    SetRetention,
    SetStatus,
)
from parlour_protocol.ids import RoomId, new_file_id
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_protocol.kit.unions import members
from parlour_protocol.reports import ReportReason
from parlour_protocol.rooms import Status
from parlour_server.chat.program import ChatApp
from parlour_server.testing.server import Socket, World, running

BARE = ChatApp(own=())


async def joined(world: World) -> tuple[Socket, RoomId]:
    """Return someone's connection, and the lobby."""
    socket = await (await world.person("ada")).connect()
    assert socket.greeted is not None
    hello: Any = socket.greeted
    return socket, hello.rooms[0].room


@pytest.mark.parametrize("kind", members(OptionalRequest))
async def test_what_a_server_does_not_offer_is_not_found(kind: type, tmp_path: Path) -> None:
    """With a sentence, and the connection goes on."""
    async with running(BARE, tmp_path / "data") as world:
        socket, room = await joined(world)
        quote = MessageText("hello")
        asked = {
            Report: Report(new_request_id(), room, Seq(1), ReportReason.SPAM, quote),
            SetStatus: SetStatus(new_request_id(), Status.AWAY),
            SetRetention: SetRetention(new_request_id(), room, 7),
        }
        answer = await socket.ask(asked[kind])
        assert isinstance(answer, Error)
        assert (answer.code, answer.hint) == (ErrorCode.NOT_FOUND, "this server does not offer that")
        assert isinstance(await socket.ask(Send(id=new_request_id(), room=room, text=quote)), Ok)


async def test_a_message_with_a_file_is_not_found(tmp_path: Path) -> None:
    """Nothing would vouch for the file; an upload has no address."""
    async with running(BARE, tmp_path / "data") as world:
        socket, room = await joined(world)
        ref = FileRef(
            file=new_file_id(),
            name=FileName("a.txt"),
            media_type="text/plain",
            size=1,
            sha256=Digest(bytes(32)),
        )
        answer = await socket.ask(Send(id=new_request_id(), room=room, text=MessageText("look"), file=ref))
        assert isinstance(answer, Error)
        assert (answer.code, answer.hint) == (ErrorCode.NOT_FOUND, "this server does not offer that")


async def test_without_presence_everyone_is_shown_as_offline(tmp_path: Path) -> None:
    """Also who is connected."""
    async with running(BARE, tmp_path / "data") as world:
        socket, room = await joined(world)
        answer = await socket.ask(ListMembers(id=new_request_id(), room=room))
        assert isinstance(answer, Ok)
        assert isinstance(answer.result, Members)
        assert {member.status for member in answer.result.members} == {Status.OFFLINE}
