"""Groups F and M over the wire: a hostile frame ends its own connection with a code, and no one else's."""

import json
import re

import pytest
from tests.attacks.raw import RunningServer

from parlour_lab.wire import frame, request

FRAMES = [
    ("F1 unmasked", 1002, frame(1, b"{}", mask=False)),
    ("F2 reserved opcode", 1002, frame(3, b"x")),
    ("F2 long ping", 1002, frame(9, b"x" * 126)),
    ("F2 continuation of nothing", 1002, frame(0, b"x")),
    ("F3 bad UTF-8", 1007, frame(1, b"\xff\xfe")),
    ("F3 bad UTF-8 in a close", 1007, frame(8, b"\x03\xe8\xff")),
    ("F4 declared 2^62", 1009, b"\x81\xff" + (2**62).to_bytes(8, "big") + b"\0\0\0\0"),
    ("F4 one byte too many", 1009, frame(1, b"x" * (32 * 1024 + 1))),
    ("F5 compressed", 1002, frame(1, b"x", rsv=0x40)),
    ("F7 fragments", 1009, frame(1, b"{", fin=False) + frame(0, b"", fin=False) * 5000),
    ("M1 binary", 1003, frame(2, b"\0\1")),
    ("R1 flood of pings", 4004, frame(9, b"") * 5000),
]


@pytest.mark.parametrize(("code", "sent"), [row[1:] for row in FRAMES], ids=[row[0] for row in FRAMES])
def test_a_hostile_frame(server: RunningServer, session: str, code: int, sent: bytes) -> None:
    """F1, F2, F3, F4, F5, F7, M1: closed with its code; who else is connected goes on talking."""
    with server.chatting(session) as (other, _), server.chatting(session) as (wire, _):
        wire.send(sent)
        assert wire.close_code() == code
        other.send(request("rooms", 1))
        assert other.told("probe-0000000001")["type"] == "ok"


POISON = [
    b"",
    b"[" * 30_000,
    b'{"type":"send","type":"join"}',
    b'{"type":"rooms","id":"probe-0000000001","id":"probe-0000000002"}',
    b'{"type":"history","id":"probe-0000000001","room":"ROOM","limit":NaN}',
    b'{"type":"history","id":"probe-0000000001","room":"ROOM","limit":1e999}',
    b'{"type":"history","id":"probe-0000000001","room":"ROOM","limit":' + b"9" * 5000 + b"}",
    b'{"type":"history","id":"probe-0000000001","room":"ROOM","limit":1.5}',
    b'{"type":"send","id":"probe-0000000001","room":"ROOM","text":"\\ud800"}',
    b'{"type":"send","id":"probe-0000000001","room":"ROOM","text":"x","author":"ada"}',
    b'{"type":"send","id":"probe-0000000001","room":"ROOM","text":"x","seq":1}',
    b'{"type":"send","id":"probe-0000000001","room":"ROOM","text":7}',
    b'{"type":"send","id":"probe-0000000001","room":"ROOM"}',
    b'{"type":"stored","id":"probe-0000000001"}',
    b'{"type":"\\u001b]0;PWN\\u0007"}',
]


def test_poison_kills_no_one(server: RunningServer, session: str) -> None:
    """R4, M1, S5: each of a corpus is an error to its sender alone; a listener hears the next message."""
    with server.chatting(session) as (ear, _), server.chatting(session) as (wire, room):
        for sent in POISON:
            wire.send(frame(1, sent.replace(b"ROOM", room.encode())))
            answer = json.loads(wire.frame()[1])
            assert (answer["type"], answer["code"]) == ("error", "malformed"), sent[:60]
        wire.send(request("send", 2, room=room, text="still here"))
        assert wire.told("probe-0000000002")["type"] == "ok"
        heard = [json.loads(ear.frame()[1])]
        while heard[-1]["type"] != "event":
            heard.append(json.loads(ear.frame()[1]))
        assert heard[-1]["body"]["text"] == "still here"
    log = server.log.read_text()
    assert "Traceback" not in log
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", log)  # M5


def test_a_replayed_send_is_stored_once(server: RunningServer, session: str) -> None:
    """M6: a request sent again on another connection is one event with one number."""
    numbers = set()
    for _ in range(2):
        with server.chatting(session) as (wire, room):
            wire.send(request("send", 9, room=room, text="once"))
            numbers.add(wire.told("probe-0000000009")["result"]["seq"])
    assert len(numbers) == 1
