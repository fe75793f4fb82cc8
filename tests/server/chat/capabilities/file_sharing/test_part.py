"""Which files a message may name."""

from typing import Any

import pytest

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import FileRef, Message
from parlour_protocol.frames.fields import FileName, MessageText
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.ids import FileId, RoomId
from parlour_protocol.kit.ids import Millis, new_request_id
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_server.chat.capabilities.file_sharing.part import refuse_wrong_file
from parlour_server.chat.capabilities.file_sharing.types import FileRecord
from parlour_server.chat.store.types import AppendEvent
from parlour_server.core.errors import RefusedError

ADA, BOB = parse_user_name("ada"), parse_user_name("bob")
ROOM = RoomId("r" * 22)
NOW, LATER = Millis(1_000), Millis(2_000)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ({}, None),
        (None, ErrorCode.NOT_FOUND),
        ({"owner": BOB}, ErrorCode.NOT_FOUND),
        ({"room": RoomId("x" * 22)}, ErrorCode.NOT_FOUND),
        ({"expires": NOW}, ErrorCode.NOT_FOUND),
        ({"expires": LATER}, None),
        ({"size": 2}, ErrorCode.MALFORMED),
        ({"sha256": Digest(b"1" * 32)}, ErrorCode.MALFORMED),
    ],
)
def test_a_message_names_a_file_of_its_author_in_this_room(
    held: dict[str, Any] | None, expected: ErrorCode | None
) -> None:
    """As it was uploaded, and while it is there: else a file of another room would be shown to this one."""
    fields: dict[str, Any] = {
        "room": ROOM,
        "owner": ADA,
        "size": 1,
        "sha256": Digest(bytes(32)),
        "created": NOW,
    }
    file = None if held is None else FileRecord(FileId("f" * 22), **{**fields, **held})
    ref = FileRef(
        file=FileId("f" * 22),
        name=FileName("a.txt"),
        media_type="text/plain",
        size=1,
        sha256=Digest(bytes(32)),
    )
    body = Message(text=MessageText("look"), file=ref)
    event = AppendEvent(ROOM, ADA, parse_device_name("laptop"), new_request_id(), NOW, body, None)
    code = None
    try:
        refuse_wrong_file(event, ref, file)
    except RefusedError as error:
        code = error.code
    assert code == expected
