"""The codec: everything the schema allows goes round, nothing else gets in (M1: parser differentials)."""

import contextlib
import json
import re
from itertools import accumulate
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol.frames.strategies import instances, kinds_of

from parlour_protocol.frames.bodies import AnyBody, Created, Handshake
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.opaque import Ciphertext, HandshakeBytes
from parlour_protocol.frames.replies import AnyServerFrame, Hello, LogEvent, Ok, Page, RoomSummary
from parlour_protocol.frames.requests import AnyRequest, History, ListRooms, MarkRead, Send, SendEncrypted
from parlour_protocol.frames.wire import decode_body, decode_request, decode_server_frame, encode_body
from parlour_protocol.ids import Epoch, GroupId, new_room_id
from parlour_protocol.kit.codec import encode, request_id_of, strict_decoder
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.ids import DeviceId, RequestId, Seq, new_incarnation, new_request_id
from parlour_protocol.kit.limits import FRAME_DEPTH, REQUEST_FRAME
from parlour_protocol.limits import MESSAGE_BYTES, MESSAGE_LINES, SEALED_BYTES
from parlour_protocol.rooms import Role, RoomKind

REQUESTS, SERVER_FRAMES, BODIES = kinds_of(AnyRequest), kinds_of(AnyServerFrame), kinds_of(AnyBody)
ID, ROOM, DEVICE = "A" * 22, "r" * 22, DeviceId("d" * 26)
GOOD = {"type": "send", "id": ID, "room": ROOM, "text": "hi"}


def name_of(kind: type) -> str:
    """Name a case after its frame."""
    return kind.__name__


@pytest.mark.parametrize("kind", REQUESTS, ids=name_of)
@given(data=st.data())
@settings(max_examples=25)
def test_every_request_round_trips(kind: type[msgspec.Struct], data: st.DataObject):
    """What a client encodes, the server reads as the same value."""
    frame = data.draw(instances(kind))
    assert decode_request(encode(frame)) == frame


@pytest.mark.parametrize("kind", SERVER_FRAMES, ids=name_of)
@given(data=st.data())
@settings(max_examples=25)
def test_every_server_frame_round_trips(kind: type[msgspec.Struct], data: st.DataObject):
    """What a server encodes, the client reads as the same value."""
    frame = data.draw(instances(kind))
    assert decode_server_frame(encode(frame)) == frame


@pytest.mark.parametrize("kind", BODIES, ids=name_of)
@given(data=st.data())
@settings(max_examples=25)
def test_every_body_round_trips(kind: type[msgspec.Struct], data: st.DataObject):
    """What a store keeps, it reads back as the same value, from bytes and from text."""
    body = data.draw(instances(kind))
    assert decode_body(encode_body(body)) == body
    assert decode_body(encode_body(body).decode()) == body


@pytest.mark.parametrize("kind", REQUESTS, ids=name_of)
@given(data=st.data(), noise=st.binary(min_size=1, max_size=4))
@settings(max_examples=25)
def test_any_damage_is_refused_or_read_as_another_valid_frame(
    kind: type[msgspec.Struct], data: st.DataObject, noise: bytes
):
    """Bytes cut, inserted or changed: MalformedFrameError and no other error, or again a valid frame."""
    wire = encode(data.draw(instances(kind)))
    at = data.draw(st.integers(0, len(wire) - 1))
    for damaged in (wire[:at], wire[:at] + noise + wire[at:], wire[:at] + noise + wire[at + len(noise) :]):
        with contextlib.suppress(MalformedFrameError):
            frame = decode_request(damaged)
            assert decode_request(encode(frame)) == frame


@given(st.binary(max_size=200))
def test_random_bytes_raise_only_malformed_frame_errors(data: bytes):
    """Whatever the bytes are."""
    for decode in (decode_request, decode_server_frame, decode_body):
        with pytest.raises(MalformedFrameError):
            decode(data)
    request_id_of(data)


@pytest.mark.parametrize("kind", REQUESTS, ids=name_of)
@given(data=st.data())
@settings(max_examples=5)
def test_a_field_too_many_or_too_few_is_refused(kind: type[msgspec.Struct], data: st.DataObject):
    """S5: mass assignment: exactly the fields of the schema."""
    plain: dict[str, Any] = json.loads(encode(data.draw(instances(kind))))
    with pytest.raises(MalformedFrameError):
        decode_request(json.dumps(plain | {"author": "admin"}).encode())
    for name in (field.name for field in msgspec.structs.fields(kind) if field.required):
        with pytest.raises(MalformedFrameError):
            decode_request(json.dumps({k: v for k, v in plain.items() if k != name}).encode())


@pytest.mark.parametrize("kind", [*REQUESTS, *SERVER_FRAMES], ids=name_of)
@given(data=st.data())
@settings(max_examples=5)
def test_no_frame_is_read_by_the_wrong_side(kind: type[msgspec.Struct], data: st.DataObject):
    """A request is not a server frame, and vice versa."""
    decode = decode_server_frame if kind in REQUESTS else decode_request
    with pytest.raises(MalformedFrameError):
        decode(encode(data.draw(instances(kind))))


def send(**fields: Any) -> bytes:
    """Return a message's frame with some fields as they should not be."""
    return json.dumps(GOOD | fields).encode()


REFUSED = {
    "empty": b"",
    "spaces": b"  ",
    "null": b"null",
    "array": b"[]",
    "string": b'"send"',
    "trailing object": send() + b"{}",
    "trailing comma": send()[:-1] + b",}",
    "comment": b"/**/" + send(),
    "BOM": b"\xef\xbb\xbf" + send(),
    "UTF-16": send().decode().encode("utf-16"),
    "single quotes": send().replace(b'"', b"'"),
    "repeated key": send()[:-1] + b',"text":"other"}',
    "repeated tag": b'{"type":"leave",' + send()[1:],
    "repeated key, escaped": send()[:-1] + b',"te\\u0078t":"other"}',
    "unknown key": send(to="all"),
    "unknown tag": send(type="sudo"),
    "tag of a number": send(type=1),
    "no tag": json.dumps({k: v for k, v in GOOD.items() if k != "type"}).encode(),
    "null text": send(text=None),
    "number for a text": send(text=1),
    "list for a text": send(text=["hi"]),
    "empty text": send(text=""),
    "only spaces": send(text=" \n\t"),
    "lone surrogate, escaped": send().replace(b'"hi"', b'"\\ud800"'),
    "surrogates in the wrong order": send().replace(b'"hi"', b'"\\udc00\\ud800"'),
    "lone surrogate, as bytes": send().replace(b'"hi"', b'"\xed\xa0\x80"'),
    "overlong UTF-8": send().replace(b'"hi"', b'"\xc0\xaf"'),
    "bad UTF-8": send().replace(b'"hi"', b'"\xff"'),
    "raw newline in a string": send().replace(b'"hi"', b'"a\nb"'),
    "NUL": send(text="a\0b"),
    "noncharacter": send(text="a\uffffb"),
    "text over the bytes": send(text="é" * (MESSAGE_BYTES.value // 2) + "a"),
    "text over the lines": send(text="\n" * (MESSAGE_LINES.value - 1) + "a\nb"),
    "id too short": send(id="A" * 15),
    "id too long": send(id="A" * 37),
    "id with a newline": send(id="A" * 21 + "\n"),
    "room id too long": send(room="r" * 23),
    "room id with a slash": send(room="/" * 22),
    "reply to nothing": send(reply_to=0),
    "reply to a float": send(reply_to=1.0) if json.dumps(1.0) != "1" else b"",
    "reply to a text": send(reply_to="1"),
    "reply to true": send(reply_to=True),
    "number over 53 bits": send(reply_to=2**53),
    "number of 5,000 digits": send().replace(b'"hi"', b'"hi","reply_to":' + b"9" * 5_000),
    "NaN": send(reply_to=float("nan")),
    "Infinity": send(reply_to=float("inf")),
    "1e999": send().replace(b'"hi"', b'"hi","reply_to":1e999'),
    "1e400 as a text's place": send().replace(b'"hi"', b"1e400"),
    "30,000 brackets": b"[" * 30_000,
    "30,000 braces": b'{"a":' * 6_000,
    "30,000 brackets in a field": send().replace(b'"hi"', b"[" * 30_000),
    "30,000 brackets, closed, in an unknown field": send()[:-1]
    + b',"x":'
    + b"[" * 15_000
    + b"]" * 15_000
    + b"}",
    "user name with a capital look-alike": b'{"type":"open_direct","id":"%s","user":"\\u0410da"}'
    % ID.encode(),
    "history of too many": b'{"type":"history","id":"%s","room":"%s","limit":201}'
    % (ID.encode(), ROOM.encode()),
    "history of none": b'{"type":"history","id":"%s","room":"%s","limit":0}' % (ID.encode(), ROOM.encode()),
    "direct room by name": b'{"type":"create_room","id":"%s","name":"x","kind":"direct"}' % ID.encode(),
    "status offline": b'{"type":"set_status","id":"%s","status":"offline"}' % ID.encode(),
    "mute for no time": b'{"type":"mute","id":"%s","room":"%s","user":"bob","seconds":0}'
    % (ID.encode(), ROOM.encode()),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_what_another_parser_might_take_is_refused(data: bytes):
    """M1: each of these is malformed, and the reason quotes nothing of it."""
    with pytest.raises(MalformedFrameError) as caught:
        decode_request(data)
    reason = str(caught.value)
    assert reason.isascii()
    assert reason.isprintable()
    assert len(reason) < 120


ALLOWED = {
    "spaces between": json.dumps(GOOD, indent=2).encode(),
    "another order": json.dumps(dict(reversed(GOOD.items()))).encode(),
    "escapes": send().replace(b'"hi"', b'"\\u0068\\u0069"'),
    "text at the bytes": send(text="é" * (MESSAGE_BYTES.value // 2)),
    "text at the lines": send(text="\n" * (MESSAGE_LINES.value - 1) + "a"),
    "terminal escapes": send(text="\x1b[31mred\x1b]0;title\x07"),
    "bidi and zero width": send(text="a\u202eb\u200bc"),
    "id at the shortest": send(id="A" * 16),
    "id at the longest": send(id="A" * 36),
    "largest number": send(reply_to=2**53 - 1),
    "a pair of surrogate escapes": send().replace(b'"hi"', b'"\\ud83d\\ude00"'),
}


@pytest.mark.parametrize("data", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_is_at_a_limit_or_merely_ugly_is_taken(data: bytes):
    """Stored bytes are never altered: ugly text is for the client's screen rule, not for the wire."""
    frame = decode_request(data)
    assert isinstance(frame, Send)
    assert frame.text == json.loads(data)["text"]


def test_the_largest_message_fits_into_a_request_frame():
    """Every character of the largest text may be written as an escape of two bytes."""
    frame = Send(id=new_request_id(), room=new_room_id(), text=MessageText('"' * MESSAGE_BYTES.value))
    assert len(encode(frame)) <= REQUEST_FRAME.value


def test_no_frame_nests_deeper_than_the_limit():
    """The deepest frame is a page of events with lists or objects in their bodies."""
    event = LogEvent(
        room=new_room_id(),
        seq=Seq(1),
        at=1,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        author="ada",  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        device="laptop",  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        body=Handshake(group=GroupId("g" * 43), epoch=Epoch(0), data=HandshakeBytes(b"x"), added=(DEVICE,)),
    )
    page = Ok(
        re=new_request_id(),
        result=Page(room=event.room, events=(event,), more=False, incarnation=new_incarnation()),
    )

    def depth(value: Any) -> int:
        if isinstance(value, dict):
            return 1 + max(map(depth, value.values()), default=0)
        return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0

    assert depth(json.loads(encode(page))) == FRAME_DEPTH.value


@pytest.mark.parametrize("kind", [*REQUESTS, *SERVER_FRAMES], ids=name_of)
@given(data=st.data())
@settings(max_examples=10)
def test_no_kind_of_frame_nests_deeper_than_the_limit(kind: type[msgspec.Struct], data: st.DataObject):
    """Whatever the frame, a reader that stops at the limit reads all of it."""
    text = encode(data.draw(instances(kind))).decode()
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    deep = accumulate((c in "{[") - (c in "}]") for c in outside)
    assert max(deep) <= FRAME_DEPTH.value


def test_the_largest_sealed_message_fits_into_a_request_frame():
    """Bytes at their limit, as base64url, with every other field at its longest."""
    largest = Seq(2**53 - 1)
    frame = SendEncrypted(
        id=RequestId("i" * 36),
        room=new_room_id(),
        group=GroupId("g" * 43),
        epoch=Epoch(largest),
        data=Ciphertext(bytes(SEALED_BYTES.value)),
        blanks=largest,
    )
    assert len(encode(frame)) <= REQUEST_FRAME.value
    assert decode_request(encode(frame)) == frame


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (send(text=1), ID),
        (send(type="sudo"), ID),
        (b'{"id":"%s"}' % ID.encode(), ID),
        (send(id="short"), None),
        (send(id=7), None),
        (b"[]", None),
        (b"\xff", None),
        (b"[" * 30_000, None),
    ],
)
def test_the_id_of_a_refused_frame(data: bytes, expected: str | None):
    """An error can name the request if its id can be read."""
    assert request_id_of(data) == expected


def test_a_strict_decoder_is_as_strict_for_other_bodies():
    """The HTTPS API reads its bodies by the same rules."""
    decode = strict_decoder(MarkRead)
    good = b'{"type":"mark_read","id":"%s","room":"%s","seq":3}' % (ID.encode(), ROOM.encode())
    assert decode(good).seq == 3
    for bad in (good.replace(b"3}", b'3,"seq":4}'), good.replace(b"3}", b'3,"x":4}'), b"[" * 30_000):
        with pytest.raises(MalformedFrameError):
            decode(bad)


def test_defaults_are_left_out_and_come_back():
    """A frame contains only its fields."""
    assert b"limit" not in encode(History(id=new_request_id(), room=new_room_id()))
    assert json.loads(encode(ListRooms(id=new_request_id()))).keys() == {"type", "id"}
    summary = RoomSummary(
        room=new_room_id(), kind=RoomKind.PUBLIC, role=Role.OWNER, head=Seq(1), read=Seq(0), members=1
    )
    assert json.loads(msgspec.json.encode(summary)).keys() == {
        "room",
        "kind",
        "role",
        "head",
        "read",
        "members",
    }
    assert decode_body(encode_body(Created(room_kind=RoomKind.DIRECT))) == Created(room_kind=RoomKind.DIRECT)


def test_hello_names_no_server_with_markup_or_control():
    """M2: the server's own name is shown by clients, so its characters are few."""
    plain = json.loads(
        encode(
            Hello(
                server="chat.example:8443",
                user="ada",  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
                device="laptop",  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
                session="s" * 22,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
                now=1,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
                incarnation=new_incarnation(),
                rooms=(),
            )
        )
    )
    decode_server_frame(json.dumps(plain).encode())
    for name in ("", "a b", "\x1b[31m", "a\n", "[red]é"):
        with pytest.raises(MalformedFrameError):
            decode_server_frame(json.dumps(plain | {"server": name}).encode())
