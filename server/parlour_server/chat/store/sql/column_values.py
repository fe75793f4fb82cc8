"""Converts between the chat's values and database columns.

Stored values were validated before, so they are not validated again: newer Unicode tables must not make an
old message unreadable. Nothing else in the server creates names or texts without validation.
"""

from typing import Any, Final, get_args

import msgspec

from parlour_protocol.frames.bodies import AnyBody, Unreadable
from parlour_protocol.frames.fields import TopicText
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.frames.wire import encode_body
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.chat.store.types import Membership
from parlour_server.core.store.engine.column_values import UNREADABLE, as_stored, device_name, user_name

ROLES: Final = {role.value: role for role in Role}
ROOM_KINDS: Final = {kind.value: kind for kind in RoomKind}
GIVEN: Final = "given"
ASKED: Final = "asked"
REFUSED: Final = "refused"
"""Whether someone wants to be in a room: in a direct one that the other person opened they are asked."""
EXPIRED: Final = "expired"
"""The ``was`` of the blank of an expired event."""
BODY_KINDS: Final[dict[type, str]] = {kind: kind.__struct_config__.tag for kind in get_args(AnyBody)}


_bodies: Final = msgspec.json.Decoder(AnyBody, dec_hook=as_stored)


def room_name(raw: str | None) -> RoomName | None:
    """Return a stored name as its type; direct rooms have none."""
    return None if raw is None else str.__new__(RoomName, raw)


def topic_text(raw: str) -> TopicText:
    """Return a stored topic as its type."""
    return str.__new__(TopicText, raw)


def read_body(raw: bytes) -> AnyBody:
    """Return a stored body."""
    body: AnyBody = _bodies.decode(raw)
    return body


def write_body(body: AnyBody) -> bytes:
    """Return a body as stored bytes."""
    return encode_body(body)


_UNREADABLE_BODY: Final = encode_body(Unreadable())
EVENT_COLUMNS: Final = "seq, at, author, device, body"


def read_event(room: RoomId, row: tuple[Any, ...]) -> LogEvent:
    """Return an event from its ``EVENT_COLUMNS``."""
    seq, at, author, device, body = row
    return LogEvent(
        room=room,
        seq=seq,
        at=at,
        author=user_name(author),
        device=device_name(device),
        body=read_body(body),
    )


def read_event_if_possible(room: RoomId, row: tuple[Any, ...]) -> LogEvent:
    """Return an event from its ``EVENT_COLUMNS``; a damaged body becomes ``Unreadable``."""
    try:
        return read_event(room, row)
    except UNREADABLE:
        return read_event(room, (*row[:-1], _UNREADABLE_BODY))


def read_membership(
    account: UserName, role: str | None, muted_until: Millis | None, consent: str | None
) -> Membership | None:
    """Return a membership from its columns; None without a role."""
    return None if role is None else Membership(account, ROLES[role], muted_until, consent != GIVEN)
