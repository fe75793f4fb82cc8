"""Plays the cases of `tests/data/rfc6455.jsonl` against one end of a WebSocket that echoes what it gets.

A case says what is sent, what comes back by RFC 6455, and with which code the end closes. Parlour refuses
more than the RFC does: binary messages, long ones, many fragments. ``Limits`` says what it answers then.
"""

import asyncio
import json
import os
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

OPCODES: Final = {"cont": 0, "text": 1, "binary": 2, "close": 8, "ping": 9, "pong": 10}
FILE: Final = Path(__file__).parent / "data" / "rfc6455.jsonl"
_TEXT, _CONT, _BINARY, _CLOSE = 1, 0, 2, 8
_NORMAL: Final = 1000
_KNOWN: Final = {"7.1.5": frozenset({1002})}
"""websockets takes a close frame within a fragmented message for an error; its documentation says so."""
_TOO_BIG: Final = 1009


@dataclass(frozen=True)
class Frame:
    """A frame that is sent."""

    opcode: int
    payload: bytes
    fin: bool
    rsv: int

    def encode(self, *, masked: bool) -> tuple[bytes, bytes]:
        """Return its header and its payload, as a client sends it, or as a server does."""
        bit, size = 0x80 if masked else 0, len(self.payload)
        head = struct.pack("!B", (0x80 if self.fin else 0) | self.rsv << 4 | self.opcode)
        if size < 126:
            head += struct.pack("!B", bit | size)
        elif size < 65536:
            head += struct.pack("!BH", bit | 126, size)
        else:
            head += struct.pack("!BQ", bit | 127, size)
        if not masked:
            return head, self.payload
        key = os.urandom(4)
        pad = (key * (size // 4 + 1))[:size]
        mixed = int.from_bytes(self.payload) ^ int.from_bytes(pad)
        return head + key, mixed.to_bytes(size)


@dataclass(frozen=True)
class Case:
    """One case."""

    id: str
    section: str
    """Of RFC 6455: what it is about."""
    sent: tuple[Frame, ...]
    answers: tuple[tuple[int, bytes], ...]
    codes: frozenset[int]
    """Of the close frame; empty if the other end closes, which is then answered."""
    how: int | list[int] | str | None
    """None: all at once; "frames": one by one; n: n bytes at a time; a list: these parts of each payload."""


@dataclass(frozen=True)
class Limits:
    """What an end of Parlour's refuses, and how."""

    binary: int
    """The close code for a binary message."""
    size: int
    fragments: int

    def apply(self, case: Case) -> Case:
        """Return the case with what this end answers: up to what it refuses, and then its code."""
        answers, size, fragments = 0, 0, 0
        for frame in case.sent:
            code = 0
            if frame.rsv or frame.opcode not in OPCODES.values() or frame.opcode == _CLOSE:
                return case
            if frame.opcode in {_TEXT, _CONT, _BINARY}:
                size, fragments = size + len(frame.payload), fragments + 1
                if size > self.size or fragments > self.fragments:
                    code = _TOO_BIG
                elif frame.opcode == _BINARY:
                    code = self.binary
                elif frame.fin:
                    size = fragments = 0
                    answers += 1
            else:
                answers += frame.opcode == OPCODES["ping"]
            if code:
                return replace(case, answers=case.answers[:answers], codes=frozenset({code}))
        return case


def load() -> list[Case]:
    """Return all cases."""
    cases = [_read(json.loads(line)) for line in FILE.read_text("utf-8").splitlines()]
    return [replace(case, codes=case.codes | _KNOWN.get(case.id, frozenset())) for case in cases]


def _read(found: dict[str, Any]) -> Case:
    return Case(
        found["id"],
        found["rfc"],
        tuple(_frame(*one) for one in found["send"]),
        tuple((OPCODES[name], _payload(payload)) for name, payload in found.get("answer", ())),
        frozenset(found.get("close", ())),
        found.get("how"),
    )


def _frame(opcode: str | int, payload: object, flags: dict[str, Any] | None = None) -> Frame:
    flags = flags or {}
    number = OPCODES[opcode] if isinstance(opcode, str) else opcode
    return Frame(number, _payload(payload), flags.get("fin", True), flags.get("rsv", 0))


def _payload(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if "hex" in value:
        return bytes.fromhex(value["hex"])
    one = bytes.fromhex(value["repeat_hex"]) if "repeat_hex" in value else str(value["repeat"]).encode()
    return one * int(value["times"])


@dataclass(frozen=True)
class Peer:
    """The other end of the connection: it sends any bytes and reads frames."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    masked: bool
    """Whether it plays the client."""
    may_cut: bool = False
    """The other end may leave out answers to what came together with the end."""

    async def send(self, case: Case) -> None:
        """Send a case's frames; an end that has hung up meanwhile is none of its failures."""
        frames = [frame.encode(masked=self.masked) for frame in case.sent]
        whole = b"".join(head + payload for head, payload in frames)
        match case.how:
            case None:
                parts = [whole]
            case int(size):
                parts = [whole[at : at + size] for at in range(0, len(whole), size)]
            case [int(first), int(second)]:
                [(head, payload)] = frames
                rest = first + second
                parts = [head + payload[:first], payload[first:rest], payload[rest:]]
            case _:
                parts = [head + payload for head, payload in frames]
        try:
            for part in parts:
                self.writer.write(part)
                await self.writer.drain()
        except ConnectionError:
            return

    async def frame(self) -> tuple[int, bytes]:
        """Read one frame. Raises IncompleteReadError at the end."""
        first, second = await self.reader.readexactly(2)
        assert first & 0x70 == 0, "reserved bits"
        assert first & 0x80, "Parlour sends whole messages"
        assert bool(second & 0x80) != self.masked, "only a client masks"
        size = second & 0x7F
        if size > 125:
            size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8))
        key = await self.reader.readexactly(4) if second & 0x80 else bytes(4)
        payload = await self.reader.readexactly(size)
        pad = (key * (size // 4 + 1))[:size]
        return first & 0x0F, (int.from_bytes(payload) ^ int.from_bytes(pad)).to_bytes(size)

    async def play(self, case: Case) -> None:
        """Play a case to its end. Raises AssertionError if the end answers otherwise."""
        sending = asyncio.create_task(self.send(case))
        answers: list[tuple[int, bytes]] = []
        code = None
        while code is None:
            if not case.codes and len(answers) == len(case.answers):
                await sending
                closing = Frame(_CLOSE, _NORMAL.to_bytes(2), fin=True, rsv=0)
                self.writer.write(b"".join(closing.encode(masked=self.masked)))
                answers.append((_CLOSE, b""))  # once
            try:
                opcode, payload = await self.frame()
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            if opcode == _CLOSE:
                code = int.from_bytes(payload[:2]) if payload else 1005
            elif opcode != OPCODES["ping"]:  # its own pings, whenever it sends them
                answers.append((opcode, payload))
        sending.cancel()
        await asyncio.wait([sending])
        found = tuple(answer for answer in answers if answer[0] != _CLOSE)
        # When pings are answered is left open (5.5.2), so a pong may come after a message that ended later.
        due = case.answers[: len(found)] if self.may_cut and case.codes else case.answers
        assert _by_kind(found) == _by_kind(due), _shown(case, found, code)
        assert code in (case.codes or {_NORMAL}), _shown(case, found, code)


def _by_kind(answers: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    return sorted(answers, key=itemgetter(0))


def _shown(case: Case, found: tuple[tuple[int, bytes], ...], code: int | None) -> str:
    short = [(opcode, payload[:40], len(payload)) for opcode, payload in found]
    return f"{case.id} (RFC 6455, {case.section}): answers {short}, close code {code}, not {set(case.codes)}"


Open = Callable[[], Awaitable[Peer]]


async def failures(cases: list[Case], limits: Limits, open_peer: Open, seconds: float) -> list[str]:
    """Play the cases, some at a time; return what went wrong."""
    slots = asyncio.Semaphore(8)
    found: list[str] = []

    async def one(case: Case) -> None:
        async with slots:
            peer = await open_peer()
            try:
                async with asyncio.timeout(seconds):
                    await peer.play(limits.apply(case))
            except AssertionError as error:
                found.append(str(error))
            except TimeoutError:
                found.append(f"{case.id}: nothing happened any more")
            finally:
                peer.writer.transport.abort()

    await asyncio.gather(*(one(case) for case in cases))
    return found
