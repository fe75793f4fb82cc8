"""Group L: what advisories of other programs, from 2024 to 2026, are about."""

import asyncio
import base64
import hashlib
import json
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from parlour_client.kit.errors import ParlourClientError, ServerMisbehavedError
from parlour_client.kit.transport.session import Session
from parlour_client.kit.transport.trust import CaFile, Verifier
from parlour_client.kit.transport.websocket import open_socket
from parlour_client.ui.chat.message_actions import MessageActions
from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.impostor import Answer, make, recording
from parlour_lab.target import LabServer
from parlour_lab.wire import ServerAddress, frame
from parlour_protocol.frames.wire import WIRE
from parlour_protocol.kit.api import TicketIssued, decode_payload
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.secret import Secret

_TARGETS: Final = ("@evil.example/v1/chat", "https://evil.example/v1/chat", ":443/v1/chat")
_RACERS: Final = 8
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_SECONDS: Final = 3
_MASKED: Final = b"\x81\x82\0\0\0\0{}"
_COMPRESSED: Final = b"\xc1\x04\xaa\xae\x05\x00"  # `{}`, deflated


@attack(
    "Targets that an application would take for another host",
    expects="Each is answered 400 before anything reads it.",
    remote=True,
)
def poisoned_targets(server: ServerAddress, seen: Evidence) -> bool:
    found = []
    for target in _TARGETS:
        with server.wire() as wire:
            head = server.head(f"GET {target} HTTP/1.1", connection="close", upgrade=None)
            seen.sent(head)
            answer = wire.ask(head)
        seen.received(answer)
        found.append(answer.status)
    return found == [400] * len(_TARGETS)


@attack(
    "A frame in the same packet as the handshake",
    expects="The handshake is answered 400, and its ticket is not looked up.",
    remote=True,
)
def bytes_behind_the_handshake(server: ServerAddress, seen: Evidence) -> bool:
    ticket = f"Bearer {server.ticket(server.session())}"
    with server.wire() as wire:
        data = server.head(authorization=ticket) + frame(1, b'{"type":"rooms","id":"probe-0000000001"}')
        seen.sent(data)
        answer = wire.ask(data)
        seen.received(answer)
    return answer.status == 400


@attack(
    "A server compresses frames, though the client offered nothing",
    expects="The client refuses the handshake, or closes with 1002, and reads no message.",
    stage=Stage.NOTHING,
)
def compression_that_nobody_offered(folder: Path, seen: Evidence) -> bool:
    extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
    held = []
    for extra, data in ((extension, _COMPRESSED), ("", _COMPRESSED), ("", _MASKED)):
        seen.sent(f"{extra.strip() or 'no extension'}; then {data.hex()}")
        read = asyncio.run(_read(folder, extra, data))
        seen.received(read)
        held.append(isinstance(read, ServerMisbehavedError))
    return all(held)


@attack(
    "A server announces a frame of 2^62 bytes",
    expects="The client closes with 1009 when it has seen the length.",
    stage=Stage.NOTHING,
)
def absurd_length(folder: Path, seen: Evidence) -> bool:
    data = struct.pack("!BBQ", 0x81, 127, 2**62)
    seen.sent(data)
    read = asyncio.run(_read(folder, "", data))
    seen.received(repr(read))
    return isinstance(read, ServerMisbehavedError)


@attack(
    "A server issues a ticket with a line break and a header in it",
    expects="The client takes the answer for malformed.",
    stage=Stage.UNIT,
)
def header_in_a_ticket(folder: Path, seen: Evidence) -> bool:
    del folder
    body = json.dumps({"ticket": "x" * 43 + "\r\nX-Evil: 1", "expires_in": 30}).encode()
    seen.sent(body)
    try:
        found = decode_payload(TicketIssued, body)
    except MalformedFrameError as error:
        seen.received(f"refused: {error}")
        return True
    seen.received(repr(found.ticket.reveal()))
    return False


@attack(
    "Many people use an invite for one person at the same moment",
    expects="One of them gets an account.",
    stage=Stage.OWN_SERVER,
)
def race_for_an_invite(server: LabServer, seen: Evidence) -> bool:
    status, said = server.operate("invite", "create", "--json")
    code = said.partition("code=")[2].partition("&")[0]
    seen.sent(f"an invite for one (status {status}), and {_RACERS} accounts with it at once")
    with ThreadPoolExecutor(_RACERS) as threads:
        answers = threads.map(lambda number: server.create_account(f"racer{number}", code), range(_RACERS))
        found = sorted(answer.status for answer in answers)
    seen.received(f"the answers: {found}")
    return found.count(201) == 1


@attack(
    "A message with the end of a bracketed paste is copied",
    expects="The clipboard gets the text as it is shown.",
    stage=Stage.UNIT,
)
def end_of_paste(folder: Path, seen: Evidence) -> bool:
    del folder
    copied: list[str] = []

    def copy(text: Any) -> None:
        copied.append(text if isinstance(text, str) else text.plain)

    interaction = SimpleNamespace(copy=copy, toast=lambda _: None)
    nothing = cast("Any", None)
    pane = cast("Any", SimpleNamespace(client=nothing, interaction=interaction))
    actions = MessageActions(pane, nothing, nothing, nothing, nothing)
    text = "ls\x1b[201~\rreboot\r"
    seen.sent(text)
    actions.copy(cast("Any", SimpleNamespace(text=text)))
    seen.observed(f"the clipboard: {copied}")
    return not any("\x1b" in one or "\r" in one for one in copied)


@attack(
    "HTTP/2 by ALPN and by prior knowledge, h2c, and extended CONNECT",
    expects="HTTP/2 is not negotiated, and each request is refused.",
    remote=True,
)
def other_protocols(server: ServerAddress, seen: Evidence) -> bool:
    context = server.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with server.wire(context=context) as wire:
        negotiated = wire.socket.selected_alpn_protocol()
    seen.sent("TLS that offers h2 and http/1.1")
    seen.received(f"the server chose {negotiated}")
    found = []
    for head in (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        server.head("CONNECT /v1/chat HTTP/1.1", extra=":protocol: websocket\r\n"),
        server.head(upgrade="h2c", connection="Upgrade, HTTP2-Settings", http2_settings="AAMAAABk"),
    ):
        with server.wire() as wire:
            seen.sent(head)
            answer = wire.ask(head)
        seen.received(answer)
        found.append(answer.status)
    return negotiated == "http/1.1" and all(400 <= status < 600 for status in found)


async def _read(folder: Path, extra: str, data: bytes) -> object:
    """Open the client's WebSocket at an impostor that sends ``data``; return a message, or its error."""
    authority = make(ca=True)
    async with recording(make(issuer=authority).context(folder), _upgrading(extra, data)) as server:
        try:
            async with asyncio.timeout(_SECONDS):
                verifier = Verifier(server.address, CaFile(authority.pem))
                wire = await open_socket(WIRE, verifier, Session(Secret("s" * 43)), Secret("t" * 43))
                return await wire.receive()
        except (ParlourClientError, TimeoutError) as error:
            return error


def _upgrading(extra: str, data: bytes) -> Answer:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = [line.partition(b": ") for line in head.split(b"\r\n")]
        key = next(value for name, _, value in lines if name.lower() == b"sec-websocket-key")
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()  # noqa: S324 - RFC 6455
        answer = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {WIRE.subprotocol}\r\n{extra}\r\n"
        )
        writer.write(answer.encode() + data)
        await reader.read()

    return serve
