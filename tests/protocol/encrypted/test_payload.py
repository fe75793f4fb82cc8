"""The envelope inside a sealed message: every kind goes round, and no other version is guessed at."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol.frames.strategies import instances, kinds_of

from parlour_protocol.encrypted import (
    CONSENT_BYTES,
    CONSENT_PER_MESSAGE,
    AnyContent,
    Consent,
    KeyLogSeen,
    Link,
    Payload,
    TextContent,
    decode_message_payload,
    encode_message_payload,
)
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.opaque import Digest, FileKey
from parlour_protocol.ids import FileId
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.ids import RequestId, Seq
from parlour_protocol.limits import MESSAGE_BYTES, SEALED_BYTES

CONTENTS = kinds_of(AnyContent)
ID = "A" * 22
GOOD: dict[str, Any] = {"kind": "text", "text": "hi"}
LINK = Link(number=1, top=1, seen=0, epoch=(0, 0), base=0, marks=bytes(24))


def envelope(content: object, version: object = 2, key_log: object = None) -> bytes:
    """Return an envelope around a content, whatever it is."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return msgspec.msgpack.encode([version, LINK.fields(), key_log, data])


@pytest.mark.parametrize("kind", CONTENTS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=25)
def test_every_content_round_trips(kind: type[msgspec.Struct], data: st.DataObject) -> None:
    """What one device encodes, another reads as the same value."""
    payload = Payload(data.draw(instances(kind)), LINK, data.draw(instances(KeyLogSeen)))
    assert decode_message_payload(encode_message_payload(payload)) == payload


@pytest.mark.parametrize("kind", CONTENTS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=5)
def test_a_field_too_many_or_too_few_is_refused(kind: type[msgspec.Struct], data: st.DataObject) -> None:
    """A message cannot name an author: the MLS sender is the author (Marmot #45)."""
    payload = Payload(data.draw(instances(kind)), LINK)
    plain = json.loads(msgspec.msgpack.decode(encode_message_payload(payload))[3])
    for more in ({"author": "eve"}, {"sender": "eve"}, {"at": 1}, {"seq": 7}):
        with pytest.raises(MalformedFrameError):
            decode_message_payload(envelope(plain | more))
    for name in (field.name for field in msgspec.structs.fields(kind) if field.required):
        content = {key: value for key, value in plain.items() if key != name}
        with pytest.raises(MalformedFrameError):
            decode_message_payload(envelope(content))


REFUSED = {
    "version 1": envelope(GOOD, 1),
    "version 3": envelope(GOOD, 3),
    "version as a text": envelope(GOOD, "2"),
    "version true": envelope(GOOD, True),
    "JSON": json.dumps({"content": GOOD}).encode(),
    "JSON with a version": json.dumps({"v": 1, "content": GOOD}).encode(),
    "an unknown kind": envelope({"kind": "poll", "text": "hi"}),
    "no kind": envelope({"text": "hi"}),
    "a frame": envelope({"type": "send", "id": ID, "room": "r" * 22, "text": "hi"}),
    "a target by the server's number": envelope({"kind": "edit", "target": 7, "text": "hi"}),
    "a short root of the key log": envelope(GOOD, key_log=[1, bytes(31)]),
    "a root as a text": envelope(GOOD, key_log=[1, "A" * 43]),
    "a file name with a path": envelope(
        {
            "kind": "text",
            "text": "hi",
            "file": {
                "file": ID,
                "key": FileKey(bytes(32)).text,
                "sha256": Digest(bytes(32)).text,
                "name": "../../.ssh/authorized_keys",
                "media_type": "text/plain",
                "size": 1,
            },
        }
    ),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_of_this_version_is_refused(data: bytes) -> None:
    """Senders are not trusted: a payload is read as strictly as a frame, and none has no link."""
    with pytest.raises(MalformedFrameError):
        decode_message_payload(data)


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b"[" * 20_000, b'{"content":', b"\xff\xfe"])
def test_bytes_that_are_no_payload(data: bytes) -> None:
    """Nothing else is raised, whatever was sealed."""
    with pytest.raises(MalformedFrameError):
        decode_message_payload(data)


def linked(consent: tuple[Consent, ...] = ()) -> Payload:
    """Return a payload."""
    return Payload(TextContent(text=MessageText("hi")), LINK, consent=consent)


def test_statements_about_members_travel_with_a_message() -> None:
    """As many as fit; none takes no byte, and what is not in its one form is refused."""
    entries = (Consent(Seq(212), b"signed"), Consent(None, b"signed as well"))
    data = encode_message_payload(linked(entries))
    assert decode_message_payload(data) == linked(entries)
    plain = msgspec.msgpack.decode(encode_message_payload(linked()))
    assert len(plain) == 4
    for wrong in ([[0, b"x"]], [[1, b""]], [[1]], [[1, b"x", 2]], [[None, "x"]], [[1, b"x"]] * 5, None, []):
        with pytest.raises(MalformedFrameError):
            decode_message_payload(msgspec.msgpack.encode([*plain, wrong]))
    with pytest.raises(MalformedFrameError):
        decode_message_payload(msgspec.msgpack.encode([*plain, [[1, b"x"]], 1]))


def test_trailing_bytes_and_repeated_keys_are_refused() -> None:
    """Only one interpretation (M1): otherwise two clients could show different texts for one message."""
    good = json.dumps(GOOD).encode()
    assert decode_message_payload(envelope(good)).content == TextContent(text=MessageText("hi"))
    with pytest.raises(MalformedFrameError):
        decode_message_payload(envelope(good) + b"\0")
    for bad in (
        good + b"{}",
        good + b"\0",
        good[:-1] + b',"text":"other"}',
        good.replace(b'"hi"', b'"hi","text":"other"'),
    ):
        with pytest.raises(MalformedFrameError):
            decode_message_payload(envelope(bad))


def test_the_longest_message_with_everything_leaves_room_for_mls() -> None:
    """Text, file, key log and statements at their longest: padded by 12 % and sealed it fits."""
    file = {
        "file": FileId("f" * 22),
        "key": FileKey(bytes(32)).text,
        "sha256": Digest(bytes(32)).text,
        "name": "n" * 255,
        "media_type": "a" * 63 + "/" + "b" * 63,
        "size": 26_214_400,
    }
    text = '"' * MESSAGE_BYTES.value  # each becomes two bytes
    content = {"kind": "text", "text": text, "reply_to": RequestId("i" * 36), "file": file}
    read = decode_message_payload(envelope(content, key_log=[2**53 - 1, bytes(32)]))
    size = len(encode_message_payload(read)) + CONSENT_BYTES + 16 * CONSENT_PER_MESSAGE
    assert size * 1.12 + 512 <= SEALED_BYTES.value
