"""Events of a log as the archive stores them."""

from collections.abc import Sequence

from tests.client.core.core_fake import BEGIN, BOB, LAPTOP, LOBBY

from parlour_client.core.archive import Archive, insertion
from parlour_client.core.archive.insertion import Applied
from parlour_protocol.frames import AnyBody, LogEvent, MessageText
from parlour_protocol.frames.bodies import Message
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq


def event(seq: int, body: AnyBody, room: RoomId = LOBBY) -> LogEvent:
    """Return an event of bobby's."""
    return LogEvent(room=room, seq=Seq(seq), at=Millis(BEGIN + seq), author=BOB, device=LAPTOP, body=body)


def message(seq: int, text: str, room: RoomId = LOBBY) -> LogEvent:
    """Return a message."""
    return event(seq, Message(text=MessageText.parse(text)), room)


async def add(archive: Archive, *new: LogEvent) -> Sequence[Applied]:
    """Store events of one room."""
    return await archive.write(insertion.add, new, [False] * len(new), max(one.seq for one in new))
