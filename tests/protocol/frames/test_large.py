"""L27: large bodies are read as strictly as small ones, in steps that are all small."""

import json
from typing import Any

import pytest

from parlour_protocol.delivery import Commit
from parlour_protocol.frames.opaque import HandshakeBytes, TreeBytes, WelcomeBytes
from parlour_protocol.ids import Epoch, GroupId
from parlour_protocol.kit.api import decode_large_payload, decode_payload, encode_payload
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.ids import RequestId

LARGEST = Commit(
    request=RequestId("r" * 22),
    group=GroupId("g" * 43),
    epoch=Epoch(7),
    data=HandshakeBytes(bytes(256 * 1024)),
    added=(),
    welcome=WelcomeBytes(bytes(2**20)),
    tree=TreeBytes(bytes(4 * 2**20)),
)


def test_both_ways_read_the_same() -> None:
    """What is read in steps is what would be read at once."""
    data = encode_payload(LARGEST)
    assert len(data) > 7 * 10**6
    assert decode_large_payload(Commit, data) == decode_payload(Commit, data) == LARGEST


def _plain() -> dict[str, Any]:
    return {"request": "r" * 22, "group": "g" * 43, "epoch": 1, "data": "A" * 4000}


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(_plain()).replace('"epoch": 1', '"epoch": 1, "epoch": 2'),
        json.dumps(_plain()).replace('"data"', '"data": "AAAA", "data"'),
        json.dumps({**_plain(), "x" * 2000: 1}),
        json.dumps({**_plain(), "data": "A" * 3999 + "é"}),
        json.dumps({**_plain(), "data": "A" * 4001}),
        json.dumps(_plain()).replace("AAAA", "\\u0041AAA", 1),
        json.dumps(_plain()).replace('"r', '"\\u0072', 1),
        json.dumps({**_plain(), "added": ["a" * 26] * 5000}),
        json.dumps(_plain())[:-1],
        json.dumps(_plain()) + "{}",
        json.dumps([_plain()]),
        json.dumps({**_plain(), "epoch": "NaN"}).replace('"NaN"', "NaN"),
        "[" * 50_000,
        '"' * 50_000,
        "",
    ],
    ids=[
        "repeated key",
        "repeated key of a long string",
        "unknown long key",
        "not ASCII",
        "spare bits",
        "an escape in a long string",
        "an escape in a short string",
        "many strings",
        "cut off",
        "two bodies",
        "an array",
        "NaN",
        "deep",
        "quotes only",
        "nothing",
    ],
)
def test_what_is_not_exactly_a_body_is_refused(body: str) -> None:
    """M1: the long way has no other reading."""
    with pytest.raises(MalformedFrameError):
        decode_large_payload(Commit, body.encode())


def test_not_utf_8() -> None:
    """M1: bytes that are not text."""
    data = encode_payload(LARGEST)
    with pytest.raises(MalformedFrameError):
        decode_large_payload(Commit, data.replace(b"AAAA", b"\xff\xfeAA", 1))
