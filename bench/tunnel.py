"""Carry a TCP stream through a server with its default limits: `python -m bench.tunnel [--seconds 90]`.

Two people work together: what is written to a TCP port of loopback goes through one account's messages, or
its files, and comes out of a TCP connection at the other's side. Printed are the bytes at once and in the
long run, and how far the same gets with the inspector `tunnel`.
"""

import argparse
import asyncio
import base64
import hashlib
import os
import select
import ssl
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import HTTPSConnection
from pathlib import Path
from typing import Final

from parlour_protocol.frames.bodies import FileRef, Message
from parlour_protocol.frames.fields import FileName, MessageText
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.frames.replies import Entered, Error, LogEvent, Ok, Stored
from parlour_protocol.frames.requests import CreateRoom, Delete, Join, Send
from parlour_protocol.ids import FileId, RoomId
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind
from parlour_server.capabilities.inspection.inspection import InspectionEvent
from parlour_server.chat.capabilities.file_sharing.settings import FileSettings
from parlour_server.chat.program import CHAT
from parlour_server.chat.settings import ChatSettings
from parlour_server.testing.server import Person, Socket, World, running

CHUNK: Final = 6_400
"""Bytes that are a message of 8,000 characters in base85."""
CONNECTIONS: Final = 3
FILE: Final = 8 * 2**20
MOST_FILES: Final = 200

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Stream:
    """A TCP stream that goes in at one port and must come out at another."""

    def __init__(self) -> None:
        self.bytes = 0
        self.times: list[tuple[float, int]] = []

    @asynccontextmanager
    async def ends(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Return what the tunnel reads from and writes to."""
        entrance: asyncio.Future[Ends] = asyncio.get_running_loop().create_future()

        async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            entrance.set_result((reader, writer))

        async def leave(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            while data := await reader.read(2**16):
                self.bytes += len(data)
                self.times.append((time.monotonic(), len(data)))

        front = await asyncio.start_server(enter, "127.0.0.1", 0)
        back = await asyncio.start_server(leave, "127.0.0.1", 0)
        _, source = await asyncio.open_connection(*front.sockets[0].getsockname()[:2])
        _, sink = await asyncio.open_connection(*back.sockets[0].getsockname()[:2])
        pouring = asyncio.ensure_future(self._pour(source))
        entered, other = await entrance
        try:
            yield entered, sink
        finally:
            pouring.cancel()
            for end in (source, sink, other):
                end.transport.abort()
            front.close()
            back.close()

    async def _pour(self, source: asyncio.StreamWriter) -> None:
        while True:
            source.write(os.urandom(2**16))
            await source.drain()

    def rate(self, start: float, end: float) -> float:
        """Return the bytes a second that came out in this time."""
        return sum(size for at, size in self.times if start <= at < end) / (end - start)


async def through_messages(  # noqa: C901 - both ends of one tunnel
    ada: Person, bob: Person, room: RoomId, seconds: float
) -> Stream:
    """Carry it in base85, over several connections of one account."""
    stream, number, took = Stream(), 0, asyncio.Lock()
    chunks: dict[int, bytes] = {}

    async with stream.ends() as (source, sink):

        async def write(socket: Socket) -> None:
            nonlocal number
            while True:
                async with took:
                    mine, data = number, await source.readexactly(CHUNK)
                    number += 1
                while True:
                    text = MessageText(f"{mine} {base64.b85encode(data).decode()}")
                    answer = await socket.ask(Send(id=new_request_id(), room=room, text=text))
                    if isinstance(answer, Ok):
                        break
                    if not isinstance(answer, Error) or answer.retry_after is None:
                        return  # an inspector blocks it
                    await asyncio.sleep(answer.retry_after / 1000)

        async def read(socket: Socket) -> None:
            following = 0
            while True:
                push = await socket.push()
                if isinstance(push, LogEvent) and isinstance(push.body, Message):
                    mine, _, text = push.body.text.partition(" ")
                    chunks[int(mine)] = base64.b85decode(text)
                while following in chunks:
                    sink.write(chunks.pop(following))
                    following += 1
                await sink.drain()

        listening = await bob.connect()
        work = [asyncio.ensure_future(read(listening))]
        work += [asyncio.ensure_future(write(await ada.connect())) for _ in range(CONNECTIONS)]
        await asyncio.sleep(seconds)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
    return stream


async def through_files(world: World, ada: Person, bob: Person, room: RoomId) -> tuple[Stream, float, int]:
    """Carry it in files, each deleted once it was fetched; returns when and for how long it is refused."""
    stream, start = Stream(), time.monotonic()
    socket = await ada.connect()
    async with stream.ends() as (source, sink):
        for _ in range(MOST_FILES):
            data = await source.readexactly(FILE)
            status, answer, wait = await asyncio.to_thread(
                call, world, ada, "POST", f"/v1/rooms/{room}/files", data
            )
            if status == 429:
                return stream, time.monotonic() - start, int(wait)
            file = FileId(answer.split(b'"file":"')[1].split(b'"')[0].decode())
            digest = Digest(hashlib.sha256(data).digest())
            ref = FileRef(file=file, name=FileName("x"), media_type="x/x", size=FILE, sha256=digest)
            sent = await socket.ask(Send(id=new_request_id(), room=room, text=MessageText("x"), file=ref))
            if not isinstance(sent, Ok) or not isinstance(sent.result, Stored):
                raise SystemExit(f"the message was refused: {sent}")
            _, fetched, _ = await asyncio.to_thread(call, world, bob, "GET", f"/v1/files/{file}")
            if fetched != data:
                raise SystemExit("another file came out")
            sink.write(fetched)
            await sink.drain()
            await socket.ask(Delete(id=new_request_id(), room=room, target=sent.result.seq))
    return stream, time.monotonic() - start, 0


def call(
    world: World, who: Person, method: str, path: str, body: bytes | None = None
) -> tuple[int, bytes, str]:
    """Call the HTTPS API with bytes; returns the status, the answer and Retry-After."""
    context = ssl.create_default_context(cafile=str(world.data / "ca.pem"))
    connection = HTTPSConnection("localhost", world.port, context=context, timeout=60)
    head = {"Authorization": f"Bearer {who.session}", "Content-Type": "application/octet-stream"}
    try:
        connection.putrequest(method, path)
        for name, value in {**head, "Content-Length": str(len(body or b""))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        if body and not select.select([connection.sock], [], [], 0.1)[0]:  # it may be refused at once
            connection.send(body)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("Retry-After", "0")
    finally:
        connection.close()


async def people(world: World) -> tuple[Person, Person, RoomId]:
    """Return two people in a room."""
    ada, bob = await world.person("ada"), await world.person("bob")
    socket = await ada.connect()
    made = await socket.ask(CreateRoom(id=new_request_id(), name=parse_room_name("t"), kind=RoomKind.PUBLIC))
    if not isinstance(made, Ok) or not isinstance(made.result, Entered):
        raise SystemExit("no room was made")
    room = made.result.room.room
    other = await bob.connect()
    await other.ask(Join(id=new_request_id(), room=room))
    await socket.abort()
    await other.abort()
    return ada, bob, room


async def main(seconds: float) -> None:
    """Print what gets through."""
    limits = ChatSettings()
    with tempfile.TemporaryDirectory() as name:
        async with running(CHAT, Path(name) / "default") as world:
            ada, bob, room = await people(world)
            start = time.monotonic()
            stream = await through_messages(ada, bob, room, seconds)
            half = start + seconds / 2
            print(
                f"messages: {stream.bytes:,} bytes in {seconds:.0f} s; "
                f"{stream.rate(start, start + 10):,.0f} B/s in the first 10 s, "
                f"{stream.rate(half, start + seconds):,.0f} B/s in the second half "
                f"(limit: {limits.rates.message_bytes_per_minute / 60:,.0f} B/s of frames)"
            )
            stream, took, wait = await through_files(world, ada, bob, room)
            per_hour = FileSettings().upload_bytes_per_hour
            print(
                f"files: {stream.bytes:,} bytes in {took:.0f} s, then {wait} s for each {FILE:,} bytes: "
                f"{FILE / wait if wait else float('inf'):,.0f} B/s (limit: {per_hour / 3600:,.0f} B/s)"
            )
        async with running(CHAT, Path(name) / "found", given={"inspection.tunnel": "block"}) as world:
            ada, bob, room = await people(world)
            stream = await through_messages(ada, bob, room, 10.0)
            findings = len(world.audit(InspectionEvent.INSPECTED))
            print(f"with tunnel = block: {stream.bytes:,} bytes, then blocked ({findings} findings audited)")


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m bench.tunnel", description=__doc__)
    options.add_argument("--seconds", type=float, default=90.0)
    asyncio.run(main(options.parse_args().seconds))
