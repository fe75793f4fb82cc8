"""D20, D21: every way by which someone's text or file comes to the chat's server is looked at."""

import asyncio
import hashlib
import ssl
import time
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import FileRef
from parlour_protocol.frames.fields import FileName, MessageText, Reaction, TopicText
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.frames.replies import Entered, Error, LogEvent, Ok, Stored
from parlour_protocol.frames.requests import CreateRoom, Edit, Join, Kick, React, Report, Send, SetTopic
from parlour_protocol.ids import RoomId, new_file_id
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.reports import ReportReason
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.capabilities.inspection.inspection import InspectionEvent
from parlour_server.capabilities.prometheus.text import PrometheusText
from parlour_server.chat.capabilities.message_reports.queue import Reports
from parlour_server.chat.capabilities.message_reports.submission import ReportEvent
from parlour_server.chat.program import CHAT
from parlour_server.testing.server import Person, Socket, World, running

CARD = "4111 1111 1111 1111"


async def upload(world: World, ada: Person, room: RoomId, data: bytes) -> tuple[int, bytes]:
    """Upload a file; return the status and the answer."""

    def call() -> tuple[int, bytes]:
        context = ssl.create_default_context(cafile=str(world.data / "ca.pem"))
        connection = HTTPSConnection("localhost", world.port, context=context, timeout=20)
        head = {"Authorization": f"Bearer {ada.session}", "Content-Type": "application/octet-stream"}
        connection.request("POST", f"/v1/rooms/{room}/files", data, head)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found

    return await asyncio.to_thread(call)


def named(name: str, data: bytes, file: str) -> FileRef:
    """Return how a message names a file."""
    digest = Digest(hashlib.sha256(data).digest())
    return FileRef(file=file, name=FileName(name), media_type="image/png", size=len(data), sha256=digest)  # type: ignore[arg-type]


async def test_every_place_of_text_and_every_file(tmp_path: Path) -> None:
    """D20, D21: messages, edits, topics, names, reactions, reasons, files, and the name of a device."""
    data, words = tmp_path / "data", tmp_path / "words.txt"
    words.write_text("falcon\n", encoding="utf-8")
    given = {
        "inspection.cards": "block",
        "inspection.words": "redact",
        "inspection.files": "block",
        "inspection.word_list": str(words),
    }
    async with running(CHAT, data, given=given) as world:
        ada = await world.person("ada")
        await world.person("bob")
        socket = await ada.connect()
        made = await socket.ask(
            CreateRoom(id=new_request_id(), name=parse_room_name("den"), kind=RoomKind.PUBLIC)
        )
        assert isinstance(made, Ok)
        assert isinstance(made.result, Entered)
        room = made.result.room.room

        async def ask(kind: Any, **fields: Any) -> Any:
            return await socket.ask(kind(id=new_request_id(), room=room, **fields))

        first = await ask(Send, text=MessageText("the falcon flies"))
        assert isinstance(first.result, Stored)
        assert first.redacted.endswith("was removed before it was stored")
        stored = await world.parts.store.log.page(room, after=Seq(1), before=None, limit=1, max_bytes=9999)
        assert "falcon" not in str(stored[0][0].body)
        target = first.result.seq
        refused = [
            await ask(Send, text=MessageText(f"card {CARD}")),
            await ask(Send, text=MessageText("x"), file=named(f"{CARD}.png", b"x", new_file_id())),
            await ask(Edit, target=target, text=MessageText(CARD)),
            await ask(SetTopic, topic=TopicText(CARD)),
            await ask(React, target=target, reaction=Reaction(CARD)),
            await ask(Kick, user=parse_user_name("bob"), reason=ReasonText(CARD)),
            await socket.ask(
                CreateRoom(
                    id=new_request_id(), name=parse_room_name("4111111111111111"), kind=RoomKind.PUBLIC
                )
            ),
            await socket.ask(
                CreateRoom(
                    id=new_request_id(),
                    name=parse_room_name("attic"),
                    kind=RoomKind.PUBLIC,
                    topic=TopicText(CARD),
                )
            ),
        ]
        assert all(isinstance(one, Error) and one.code is ErrorCode.CONTENT_REFUSED for one in refused)
        assert len(world.audit(InspectionEvent.INSPECTED)) == len(refused) + 1
        await _files(world, ada, socket, room)
        await _report(world, socket, room)
        with pytest.raises(RuntimeError, match="422"):
            await world.log_in("bob", CARD)  # the name of a device is in each of its messages
        whole = (data / "parlour.db").read_bytes() + (data / "parlour.db-wal").read_bytes()
        assert CARD.encode() not in whole
        assert CARD not in str(world.logs)


async def _files(world: World, ada: Person, socket: Socket, room: RoomId) -> None:
    """Upload files of all kinds, and name one wrongly."""
    lines = b"a line of a table\n" * 20_000
    for content in (b"\x7fELF\x02\x01\x01", f"name,card\nada,{CARD}\n".encode(), lines + CARD.encode()):
        status, answer = await upload(world, ada, room, content)
        assert status == 422, answer
        assert b"content_refused" in answer
    content = b"PK\x03\x04" + bytes(100)
    status, answer = await upload(world, ada, room, content)
    assert status == 201
    file = answer.split(b'"file":"')[1].split(b'"')[0].decode()
    lying = Send(
        id=new_request_id(), room=room, text=MessageText("look"), file=named("cat.png", content, file)
    )
    answered = await socket.ask(lying)
    assert isinstance(answered, Error)
    assert answered.hint.startswith("a ZIP archive whose name says something else was found")
    honest = Send(
        id=new_request_id(), room=room, text=MessageText("look"), file=named("cats.zip", content, file)
    )
    assert isinstance(await socket.ask(honest), Ok)
    again = await socket.ask(honest)
    assert isinstance(again, Ok)
    assert isinstance(again.result, Stored)
    assert isinstance(await socket.push(), LogEvent)


async def _report(world: World, socket: Socket, room: RoomId) -> None:
    """Report a message: what the operator's inspectors look for must not keep a report from the operator."""
    bob = await (await world.log_in("bob", "laptop")).connect()
    assert isinstance(await bob.ask(Join(id=new_request_id(), room=room)), Ok)
    sent = await bob.ask(Send(id=new_request_id(), room=room, text=MessageText("hi")))
    assert isinstance(sent, Ok)
    assert isinstance(sent.result, Stored)
    answer = await socket.ask(
        Report(
            id=new_request_id(),
            room=room,
            target=sent.result.seq,
            reason=ReportReason.THREAT,
            quote=MessageText("your falcon dies"),
        )
    )
    assert isinstance(answer, Ok)
    assert not answer.redacted
    (report,) = await Reports(world.parts.store, world.parts.clock).list(closed=False)
    assert (report.quote, report.logged) == ("your falcon dies", "hi")
    (line,) = world.audit(ReportEvent.MESSAGE_REPORTED)
    assert (line["report"], line["user"], line["subject"]) == (report.id, "ada", "bob")
    assert "falcon" not in str(line)


async def test_without_inspectors_there_is_no_inspection(tmp_path: Path) -> None:
    """Off by default: nothing is looked at, measured or counted."""
    async with running(CHAT, tmp_path / "data") as world:
        assert world.parts.hooks.content_filter is None
        assert b"inspection" not in PrometheusText("toy", world.parts.metrics).text()


async def test_no_message_stops_everybody(tmp_path: Path) -> None:
    """D22: a dozen messages full of card numbers cost the server less than a second of its own."""
    async with running(CHAT, tmp_path / "data", given={"inspection.cards": "block"}) as world:
        mallory = await (await world.person("mallory")).connect()
        bob = await (await world.person("bob")).connect()
        rooms = []
        for socket, name in ((mallory, "den"), (bob, "attic")):
            made = await socket.ask(
                CreateRoom(id=new_request_id(), name=parse_room_name(name), kind=RoomKind.PUBLIC)
            )
            assert isinstance(made, Ok)
            assert isinstance(made.result, Entered)
            rooms.append(made.result.room.room)
        text = MessageText("4111111111111111\u00e9 " * 420)
        before = time.process_time()
        for _ in range(12):
            mallory.send(Send(id=new_request_id(), room=rooms[0], text=text))
        answer = await bob.ask(Send(id=new_request_id(), room=rooms[1], text=MessageText("hello")))
        assert isinstance(answer, Ok)
        for _ in range(12):
            assert isinstance(await mallory.answer(), Error)
        assert time.process_time() - before < 1.0
