"""What a room is set to already, or what is announced."""

import pytest

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import RetentionSet
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, new_request_id
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_server.chat.capabilities.message_retention.store import refuse_same
from parlour_server.chat.store.retention_policy import RetentionPolicy
from parlour_server.chat.store.types import AppendEvent
from parlour_server.core.errors import RefusedError

EARLIER, NOW, LATER = Millis(1_000), Millis(2_000), Millis(3_000)


@pytest.mark.parametrize(
    ("known", "days", "expected"),
    [
        (RetentionPolicy(), 30, None),
        (RetentionPolicy(), None, ErrorCode.ALREADY),
        (RetentionPolicy(30), 30, ErrorCode.ALREADY),
        (RetentionPolicy(30), 31, None),
        (RetentionPolicy(30), None, None),
        (RetentionPolicy(None, 30, LATER), 30, ErrorCode.ALREADY),
        (RetentionPolicy(None, 30, LATER), None, None),
        (RetentionPolicy(None, 30, EARLIER), 30, ErrorCode.ALREADY),
    ],
)
def test_a_retention_that_is_set_or_announced_already(
    known: RetentionPolicy, days: int | None, expected: ErrorCode | None
) -> None:
    """What changes nothing writes no line into the room, and moves no announced day."""
    body = RetentionSet(days, Millis(NOW + 1000))
    event = AppendEvent(
        RoomId("r" * 22),
        parse_user_name("ada"),
        parse_device_name("laptop"),
        new_request_id(),
        NOW,
        body,
        None,
    )
    code = None
    try:
        refuse_same(event, known)
    except RefusedError as error:
        code = error.code
    assert code == expected
