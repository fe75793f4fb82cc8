"""What is written of an encrypted room's events, and which of them are rows of the timeline."""

from tests.client.core.e2ee.group_world import ROOM, Device

from parlour_client.core.e2ee.group.run import Received
from parlour_client.core.e2ee.messages.incoming import store_items
from parlour_client.core.model import BEFORE_JOIN, Note, NoteKind
from parlour_protocol.frames import AnyBody, LogEvent, MessageText
from parlour_protocol.frames.bodies import Joined, Left, Message
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_device_name, parse_user_name

_SAID = Message(text=MessageText.parse("x"))


def event(seq: int, body: AnyBody = _SAID) -> LogEvent:
    """Return an event of bobby's."""
    return LogEvent(
        room=ROOM,
        seq=Seq(seq),
        at=Millis(seq),
        author=parse_user_name("bobby"),
        device=parse_device_name("laptop"),
        body=body,
    )


def unread(seq: int) -> Received:
    """Return a message from before this device was in the group."""
    return Received(event(seq), sealed=True, trouble=BEFORE_JOIN)


def begins(seq: int) -> Received:
    """Return the event with which this device came into the group."""
    return Received(event(seq, Joined()), sealed=True, note=Note(NoteKind.HISTORY_STARTS))


def test_joining_leaves_one_divider() -> None:
    """Whatever happens between the messages that can't be read, and in however many pieces it arrives."""
    device = Device("alice")
    pieces = [
        [Received(event(1, Joined())), unread(2), unread(3), Received(event(4, Left())), unread(5)],
        [Received(event(6, Joined())), unread(7), begins(8)],
        [Received(event(9), sealed=True), unread(10), begins(11)],
    ]
    for items in pieces:
        device.run(store_items, items, lambda _: False, Seq(0))
    rows = "SELECT seq FROM events WHERE is_row AND (trouble != '' OR note IS NOT NULL) ORDER BY seq"
    assert [seq for (seq,) in device.connection.execute(rows)] == [2, 10]
