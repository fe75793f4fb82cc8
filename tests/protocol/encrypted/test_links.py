"""Links: read as strictly as the rest of an envelope, and short enough for the first step of padding."""

import msgspec
import pytest

from parlour_mls.epoch import padded_length
from parlour_protocol.encrypted import (
    KeyLogSeen,
    Link,
    Payload,
    TextContent,
    decode_message_payload,
    encode_message_payload,
    folded,
    message_digest,
)
from parlour_protocol.encrypted.links import NOTHING
from parlour_protocol.frames import MessageText
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.kit.errors import MalformedFrameError

MARKS = bytes(range(24))
GOOD = [3, 4, 20, [5, 1], 2, MARKS, [1, 1], [1, 1]]
_MLS = 68
"""Bytes that MLS puts beside the content in front of the padding."""


def envelope(link: object, content: bytes = b'{"kind":"text","text":"hi"}') -> bytes:
    """Return an envelope, whatever its link is."""
    return msgspec.msgpack.encode([2, link, None, content])


@pytest.mark.parametrize("ends", [6, 7, 8])
def test_a_link_round_trips(ends: int) -> None:
    """What is empty at its end is left out."""
    payload = decode_message_payload(envelope(GOOD[:ends]))
    assert payload.link.fields() == [tuple(x) if isinstance(x, list) else x for x in GOOD[:ends]]
    assert decode_message_payload(encode_message_payload(payload)) == payload


@pytest.mark.parametrize(
    "link",
    [
        None,
        [],
        GOOD[:5],
        [*GOOD, 1],
        [0, *GOOD[1:]],
        [5, *GOOD[1:]],
        [-1, *GOOD[1:]],
        [*GOOD[:3], [21, 1], *GOOD[4:]],
        [*GOOD[:3], [5, 4], *GOOD[4:]],
        [*GOOD[:4], 21, *GOOD[5:]],
        [*GOOD[:5], MARKS[1:], *GOOD[6:]],
        [*GOOD[:6], [1]],
        [*GOOD[:6], [2, 1]],
        [*GOOD[:6], [1, 2, 3, 3]],
        [*GOOD[:6], [3, 3, 1, 1]],
        [*GOOD[:6], [n for pair in range(9) for n in (3 * pair + 1, 3 * pair + 1)]],
        [2**53, 2**53, *GOOD[2:]],
    ],
    ids=str,
)
def test_another_link_is_refused(link: object) -> None:
    """Senders are not trusted: numbers are limited, and ranges ascend."""
    with pytest.raises(MalformedFrameError):
        decode_message_payload(envelope(link))


def test_another_content_or_version_is_refused() -> None:
    """Also inside the second version, and with something behind it."""
    good = envelope(GOOD)
    for bad in (
        good + b"\0",
        msgspec.msgpack.encode([3, GOOD, None, b'{"kind":"text","text":"hi"}']),
        msgspec.msgpack.encode([2, GOOD, [1, bytes(31)], b'{"kind":"text","text":"hi"}']),
        msgspec.msgpack.encode([2, GOOD, None, '{"kind":"text","text":"hi"}']),
        envelope(GOOD, b'{"kind":"text","text":"hi","author":"eve"}'),
        envelope(GOOD, b'{"kind":"text","text":"hi","text":"other"}'),
    ):
        with pytest.raises(MalformedFrameError):
            decode_message_payload(bad)


def test_a_usual_message_stays_in_the_first_step_of_padding() -> None:
    """Also in a large and old room."""
    seen = KeyLogSeen(size=40_000, root=Digest(bytes(32)))
    for link in (Link(9, 9, 80, (70, 4), 0, MARKS), Link(9_000, 9_000, 90_000, (5_000, 300), 80_000, MARKS)):
        for length in (1, 40, 70):
            content = TextContent(text=MessageText("x" * length))
            data = encode_message_payload(Payload(content, link, seen))
            assert padded_length(len(data) + _MLS) == 256


def test_the_running_digest_is_over_all_in_order() -> None:
    """Another order, or one less, is another digest."""
    digests = [message_digest(bytes([n])) for n in range(3)]
    whole = folded(NOTHING, digests)
    assert whole == folded(folded(NOTHING, digests[:1]), digests[1:])
    assert len({whole, folded(NOTHING, digests[::-1]), folded(NOTHING, digests[1:]), NOTHING}) == 4
