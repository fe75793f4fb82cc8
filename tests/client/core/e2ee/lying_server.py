"""A server that lies to some people about the log of a room, while it serves the others honestly.

``LyingServer`` stands between the server and its wires: events are changed or held back for one person, live
and in pages of history. What it does to the log itself, tests write into the server's rooms.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace
from tests.client.core.client_parts import parts
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.memory_server import Room

from parlour_client.core.client import Client
from parlour_client.core.model import Delivery, Entry, NoteKind
from parlour_protocol.frames import AnyBody, Hello, LogEvent, Ok, RoomSummary
from parlour_protocol.frames.bodies import EncryptedMessage
from parlour_protocol.frames.replies import Entered, Page, RoomEntered, Stored
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import RequestId, Seq
from parlour_protocol.kit.names import UserName

Event = Callable[[LogEvent], LogEvent | None]
Summary = Callable[[RoomSummary], RoomSummary]


@dataclass
class LyingServer:
    """Lies told to single people; None holds an event back."""

    harness: Harness
    events: dict[UserName, Event] = field(default_factory=dict)
    summaries: dict[UserName, Summary] = field(default_factory=dict)
    answers: dict[UserName, Callable[[Stored], Stored]] = field(default_factory=dict)
    kept_from: dict[UserName, Seq] = field(default_factory=dict)
    """Below these numbers, it says, the room's retention removed events."""

    def __post_init__(self) -> None:
        self.harness.server.spoken = self.spoken

    def spoken(  # noqa: PLR0911 - one case for each frame
        self, user: UserName, frame: Frame
    ) -> Frame | None:
        """Return what a person is told instead."""
        event = self.events.get(user, lambda one: one)
        summary = self.summaries.get(user, lambda one: one)
        match frame:
            case LogEvent():
                return event(frame)
            case Ok(result=Page() as page):
                kept = [told for one in page.events if (told := event(one)) is not None]
                kept_from = self.kept_from.get(user, page.kept_from)
                return replace(frame, result=replace(page, events=tuple(kept), kept_from=kept_from))
            case Ok(result=Stored() as stored):
                return replace(frame, result=self.answers.get(user, lambda one: one)(stored))
            case Ok(result=Entered() as entered):
                return replace(frame, result=replace(entered, room=summary(entered.room)))
            case Hello():
                return replace(frame, rooms=tuple(summary(one) for one in frame.rooms))
            case RoomEntered():
                return replace(frame, room=summary(frame.room))
            case _:
                return frame

    def puts(self, user: UserName, seq: Seq, body: AnyBody, author: UserName | None = None) -> None:
        """Show one person another body, or author, at one place."""
        before = self.events.get(user, lambda one: one)

        def lie(event: LogEvent) -> LogEvent | None:
            told = before(event)
            if told is None or told.seq != seq:
                return told
            return replace(told, body=body, author=author or told.author)

        self.events[user] = lie


def sealed_of(room: Room) -> list[LogEvent]:
    """Return the encrypted messages of a room's log."""
    return [event for event in room.log if isinstance(event.body, EncryptedMessage)]


def last_sealed(room: Room) -> tuple[LogEvent, EncryptedMessage]:
    """Return the newest encrypted message."""
    event = sealed_of(room)[-1]
    assert isinstance(event.body, EncryptedMessage)
    return event, event.body


async def rows(client: Client, room: RoomId) -> list[Entry]:
    """Return what is in a timeline."""
    return list(await client.history.timeline(room))


async def words(client: Client, room: RoomId) -> list[str]:
    """Return what the rows say that tell of trouble or of a lie, in words."""
    found = [entry.trouble or (entry.note.detail if entry.note else "") for entry in await rows(client, room)]
    return [one for one in found if one]


async def noted(client: Client, room: RoomId, kind: NoteKind) -> list[str]:
    """Return the words of all rows of one kind."""
    return [e.note.detail for e in await rows(client, room) if e.note is not None and e.note.kind is kind]


async def shown(harness: Harness, client: Client, room: RoomId) -> None:
    """Wait until a client has taken in all that the log has."""
    await harness.until(lambda: harness.head(client, room) >= harness.server.rooms[room].head)
    await parts(client).catch_up.reached(room, harness.server.rooms[room].head)


async def held(harness: Harness, client: Client, room: RoomId, text: str) -> str:
    """Write something that must not leave; return why it waits or was refused, in words."""
    entry = await client.messages.send(room, text)
    assert entry.request is not None
    item = parts(client).outbox._items[entry.request]
    await harness.until(lambda: item.waits is not None or item.error is not None)
    assert text not in repr(harness.server.rooms[room].log)
    mine = next(one for one in await rows(client, room) if one.request == entry.request)
    assert str(mine.text) == text  # it stays, and can be read and taken back
    assert mine.delivery in {Delivery.QUEUED, Delivery.FAILED}
    return mine.problem


async def own(client: Client, request: RequestId, room: RoomId) -> list[Entry]:
    """Return the rows of one request that is on its way."""
    return [entry for entry in await rows(client, room) if entry.request == request]
