"""Groups F and M: frames and requests of someone who has logged in."""

import asyncio
import json
from pathlib import Path

from parlour_client.kit.errors import ParlourClientError
from parlour_client.kit.transport.https import Api
from parlour_client.kit.transport.trust import CaFile, Verifier
from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.impostor import make, recording
from parlour_lab.wire import ServerAddress, frame, request
from parlour_protocol.kit.api import Login
from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.kit.secret import Secret


@attack(
    "A message in five thousand empty fragments",
    expects="The connection is closed with 1009 before the message is whole.",
    remote=True,
)
def fragment_flood(server: ServerAddress, seen: Evidence) -> bool:
    message = json.dumps({"type": "rooms", "id": "probe-0000000001"}).encode()
    with server.chatting(server.session()) as (wire, _):
        flood = frame(1, message, fin=False) + frame(0, b"", fin=False) * 5_000 + frame(0, b"")
        seen.sent(flood[:120])
        seen.sent(f"5,002 frames in {len(flood):,} bytes")
        wire.send(flood)
        while True:
            try:
                opcode, payload = wire.frame()
            except EOFError:
                seen.received("the connection ended without a close frame")
                return True
            seen.received(payload)
            if opcode == 8:
                return int.from_bytes(payload[:2], "big") == 1009
            if opcode == 1 and json.loads(payload).get("re") == "probe-0000000001":
                return False


def _is_closed(server: ServerAddress, seen: Evidence, code: int, data: bytes) -> bool:
    """Send a frame as someone who has logged in; say whether it is answered by a close with this code."""
    with server.chatting(server.session()) as (wire, _):
        seen.sent(data[:80])
        wire.send(data)
        wire.socket.settimeout(3)
        try:
            opcode, payload = wire.frame()
        except TimeoutError:
            seen.received("nothing: the server waits for more")
            return False
        except EOFError:
            seen.received("the connection ended without a close frame")
            return False
        seen.received(payload)
        return opcode == 8 and int.from_bytes(payload[:2], "big") == code


@attack(
    "A request in a frame that is not masked",
    expects="The connection is closed with 1002, and the request is not read.",
    remote=True,
)
def unmasked(server: ServerAddress, seen: Evidence) -> bool:
    message = json.dumps({"type": "rooms", "id": "probe-0000000001"}).encode()
    return _is_closed(server, seen, 1002, frame(1, message, mask=False))


@attack(
    "Frames that no client may send: a reserved bit, an unknown opcode, a ping that is too long",
    expects="Each connection is closed with 1002.",
    remote=True,
)
def forbidden_frames(server: ServerAddress, seen: Evidence) -> bool:
    frames = (
        frame(9, b"x" * 126),
        frame(9, b"x", rsv=0x40),
        frame(3, b"x"),
        frame(0, b"x"),
    )
    return all(_is_closed(server, seen, 1002, one) for one in frames)


@attack(
    "Text that is not UTF-8",
    expects="The connection is closed with 1007, and nothing of it reaches the chat.",
    remote=True,
)
def not_utf8(server: ServerAddress, seen: Evidence) -> bool:
    return _is_closed(server, seen, 1007, frame(1, b'{"type":"\xff\xfe"}'))


@attack(
    "A frame that announces four exabytes",
    expects="The connection is closed with 1009 when the length has come, before any of the data.",
    remote=True,
)
def exabytes(server: ServerAddress, seen: Evidence) -> bool:
    return _is_closed(server, seen, 1009, b"\x81\xff" + (2**62).to_bytes(8, "big") + b"\0\0\0\0")


@attack(
    "A client that asks for compression, and sends a compressed frame whatever the answer is",
    expects="The server agrees to no extension, and closes with 1002 when the frame comes.",
    remote=True,
)
def compression(server: ServerAddress, seen: Evidence) -> bool:
    head = server.head(
        authorization=f"Bearer {server.ticket(server.session())}",
        sec_websocket_extensions="permessage-deflate; client_max_window_bits",
    )
    with server.wire() as wire:
        seen.sent(head)
        answer = wire.ask(head)
        seen.received(answer)
    assert answer.status == 101, answer
    is_closed = _is_closed(server, seen, 1002, frame(1, b"\xaa\x02\x00", rsv=0x40))  # `{}` by RFC 7692
    return answer.header("sec-websocket-extensions") == "" and is_closed


@attack(
    "A server that answers a login with megabytes",
    expects="The client hangs up when the answer is longer than any honest one.",
    stage=Stage.NOTHING,
)
def hostile_answer(folder: Path, seen: Evidence) -> bool:
    return asyncio.run(_hostile_answer(folder, seen))


async def _hostile_answer(folder: Path, seen: Evidence) -> bool:
    made, size, sent = make(), 8 * 2**20, 0
    login = Login(username="alice", password=Secret("tigress-violin-marble"), device=parse_device_name("x"))

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 201 Created\r\ncontent-length: {size}\r\n\r\n".encode())
        while sent < size:
            writer.write(b" " * 65_536)
            await writer.drain()
            sent += 65_536

    async with recording(made.context(folder), flood) as server:
        try:
            async with asyncio.timeout(10):
                await Api(Verifier(server.address, CaFile(made.pem))).log_in(login)
        except (ParlourClientError, TimeoutError) as error:
            seen.received(str(error))
    seen.sent(f"{sent:,} bytes of an answer of {size:,}")
    return sent < size


@attack(
    "A message that names another author and a number of its own",
    expects="It is refused: only the server sets them.",
    remote=True,
)
def another_author(server: ServerAddress, seen: Evidence) -> bool:
    with server.chatting(server.session()) as (wire, room):
        forged = request("send", 1, room=room, text="Send me your passwords.", author="ada", seq=1)
        seen.sent(forged)
        wire.send(forged)
        answer = wire.told("probe-0000000001")
        seen.received(answer)
    return bool(answer["type"] == "error")


@attack(
    "Requests that break a careless reader: too deep, a name twice, NaN, a lone surrogate, huge numbers",
    expects="Each costs its sender one error, and nobody else notices.",
    remote=True,
)
def poison(server: ServerAddress, seen: Evidence) -> bool:
    messages = (
        b"",
        b"[" * 30_000,
        b'{"type":"rooms","id":"probe-0000000001","id":"probe-0000000002"}',
        b'{"type":"history","id":"probe-0000000001","room":"ROOM","limit":NaN}',
        b'{"type":"history","id":"probe-0000000001","room":"ROOM","limit":' + b"9" * 5000 + b"}",
        b'{"type":"send","id":"probe-0000000001","room":"ROOM","text":"\\ud800"}',
        b'{"type":"send","id":"probe-0000000001","room":"ROOM","text":7}',
    )
    with server.chatting(server.session("ben")) as (other, _):
        with server.chatting(server.session()) as (wire, room):
            for message in messages:
                seen.sent(message[:100])
                wire.send(frame(1, message.replace(b"ROOM", room.encode())))
                try:
                    answer = json.loads(wire.frame()[1])
                except (EOFError, ValueError):
                    seen.received("the connection is broken")
                    return False
                seen.received(answer)
                if answer.get("code") != "malformed":
                    return False
        other.send(request("rooms", 1))
        return bool(other.told("probe-0000000001")["type"] == "ok")
