"""What is sent of an event, as Standard Webhooks 1.0.0 has it: type, timestamp, data, and the signature."""

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from parlour_protocol.frames.bodies import (
    Added,
    AnyBody,
    Banned,
    Deleted,
    Edited,
    Joined,
    Kicked,
    Left,
    Message,
    concerned,
)
from parlour_protocol.frames.replies import LogEvent
from parlour_server.chat.store.sql.column_values import BODY_KINDS

_BODIES: Final[Mapping[str, tuple[type[AnyBody], ...]]] = {
    "message.posted": (Message,),
    "message.edited": (Edited,),
    "message.deleted": (Deleted,),
    "member.joined": (Joined, Added),
    "member.left": (Left, Kicked, Banned),
}
KINDS: Final = {BODY_KINDS[body]: name for name, bodies in _BODIES.items() for body in bodies}
"""The events that can be sent: their names, by the kinds of the log."""


def payload(event: LogEvent, room_name: str | None) -> bytes:
    """Return the body of a post about an event."""
    body = event.body
    data: dict[str, Any] = {"room": event.room, "room_name": room_name, "seq": event.seq}
    data["author"] = event.author
    if isinstance(body, Message | Edited):
        data["text"] = body.text
    if isinstance(body, Edited | Deleted):
        data["target"] = body.target
    if (who := concerned(body, event.author)) is not None:
        data["user"] = who
    at = datetime.fromtimestamp(event.at / 1000, UTC).isoformat(timespec="milliseconds")
    kind = KINDS[BODY_KINDS[type(body)]]
    sent = {"type": kind, "timestamp": at.replace("+00:00", "Z"), "data": data}
    return json.dumps(sent, separators=(",", ":")).encode()  # ASCII: text of people does nothing to a log


def signed(message: str, seconds: int, body: bytes, secret: bytes) -> Mapping[str, str]:
    """Return the headers of an attempt at this time: neither it nor the message can be changed."""
    digest = hmac.digest(secret, f"{message}.{seconds}.".encode() + body, "sha256")
    return {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
