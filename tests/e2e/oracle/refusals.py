"""Texts that the wire must refuse, sent raw by a server without scruples: the client survives and says so.

Each goes out in a frame that no honest server could build; the client must drop the connection, put a
sentence of its own into the status line, draw nothing of the text, and come back. Ticket refusals and close
reasons with the texts of the corpus come between. The client here waits a moment only before it connects
again.
"""

import asyncio
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from tests.e2e.oracle.hostile_server import BEGIN, BOB, LAPTOP, PATIENCE, HostileServer, raw
from tests.e2e.oracle.places import device_name, fits, room_name, user_name
from tests.e2e.oracle.run import Failure, Run, client_on
from tests.protocol.kit.text.corpus import Entry

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import AnyBody, Error, LogEvent
from parlour_protocol.frames.bodies import Created, Joined, Message, TopicSet
from parlour_protocol.frames.fields import MessageText, TopicText
from parlour_protocol.frames.replies import TypingUpdate
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.api import Problem, encode_payload
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

COMMAND = (str(Path(__file__).with_name("launch.py")), "impatient")
SIZE = ((60, 16), (100, 20))
MARK = "m4rk"
SAID = "The server sent a frame that cannot be read"
CLOSED, CLOSE_WORDS = 4999, "The connection was lost."
SAMPLE = 8
"""Ticket refusals and close reasons in a run: each costs a connection."""


def frames(room: RoomId, head: int) -> dict[str, Frame]:
    """Return a frame for each place that the wire guards, with a mark where the text goes."""

    def event(body: AnyBody, author: str = BOB, device: str = LAPTOP) -> LogEvent:
        names = parse_user_name(author), parse_device_name(device)
        return LogEvent(room, Seq(head + 1), Millis(BEGIN), *names, body)

    return {
        "message": event(Message(MessageText(MARK))),
        "topic": event(TopicSet(TopicText(MARK))),
        "hint": Error(ErrorCode.FORBIDDEN, None, ReasonText(MARK)),
        "author": event(Joined(), MARK),
        "device": event(Joined(), device=MARK),
        "typing line": TypingUpdate(room, parse_user_name(MARK), on=True),
        "room name": event(Created(RoomKind.PUBLIC, parse_room_name(MARK))),
    }


def _refused(entries: Sequence[Entry]) -> list[tuple[int, str]]:
    """Return the number of each text that the wire refuses, and a place in which it does."""
    names = cycle(("author", "typing line", "room name"))
    found: list[tuple[int, str]] = []
    for number, entry in enumerate(entries):
        if not fits(MessageText, entry.text):
            found.append((number, "message"))
        if entry.context == "name" and user_name(entry.text) is None and room_name(entry.text) is None:
            found.append((number, next(names)))
        if entry.context == "name" and device_name(entry.text) is None:
            found.append((number, "device"))
    return found


async def show(entries: Sequence[Entry], part: int, folder: Path, command: Sequence[str]) -> list[Failure]:
    """Send them; return what was wrong."""
    server = HostileServer()
    room = server.room("lobby")
    refused = [one for count, one in enumerate(_refused(entries)) if count % 2 == part]
    async with client_on(server, folder, SIZE[part], entries, command) as run:
        await run.terminal.shows("connected")
        for number, place in refused:
            await _greeted(run)
            text = entries[number].text
            if len(text) > 100_000:
                text = text[:100_000]
            server.admits.clear()  # else it would come back before it drew why it went
            run.terminal.forget()  # the sentence about the last one
            await server.say_raw(raw(frames(room, len(server.logs[room]))[place], MARK, text))
            await run.terminal.wrote(SAID[:30])
            await server.ended()
            server.admits.set()
            run.blame(f"raw {place}", number)
        for number, entry in list(enumerate(entries))[part :: max(1, len(entries) // SAMPLE)]:
            await _greeted(run)
            server.problem = encode_payload(Problem("unavailable", str.__new__(str, _sendable(entry.text))))
            reason = _sendable(entry.text).encode()[:120].decode("utf-8", "ignore")
            await server.close(CLOSED, reason)
            await server.ended()
            await _greeted(run)
            run.blame("close reason, ticket refusal", number)
    return run.failures


def _sendable(text: str) -> str:
    return text.encode("utf-8", "ignore").decode()[:400]


async def _greeted(run: Run) -> None:
    async with asyncio.timeout(PATIENCE):
        await run.server.ready.wait()
    await run.terminal.until(lambda _text: not run.terminal.has("not connected"), "the connection")
