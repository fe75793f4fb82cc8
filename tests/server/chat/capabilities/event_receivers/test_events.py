"""The signature and the payload, as the specification of Standard Webhooks has them."""

import base64
import json

from parlour_protocol.frames.bodies import Message
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_server.chat.capabilities.event_receivers.events import payload, signed


def test_what_is_signed() -> None:
    """Its id, its time and its body, with the secret; computed by another program."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', secret)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert headers["webhook-timestamp"] == "1614265330"


def test_what_is_sent_of_a_message() -> None:
    """Hostile text is a string of JSON and nothing else."""
    event = LogEvent(
        room=RoomId("r" * 22),
        seq=Seq(7),
        at=Millis(1_700_000_000_123),
        author=parse_user_name("ada"),
        device=parse_device_name("laptop"),
        body=Message(text=MessageText('"}\x1b[2J\u202e\n')),
    )
    sent = payload(event, "lobby")
    assert sent.count(b"\n") == 0
    assert json.loads(sent) == {
        "type": "message.posted",
        "timestamp": "2023-11-14T22:13:20.123Z",
        "data": {
            "room": "r" * 22,
            "room_name": "lobby",
            "seq": 7,
            "author": "ada",
            "text": '"}\x1b[2J\u202e\n',
        },
    }
