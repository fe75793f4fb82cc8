"""Bytes in frames have one text each: whatever is not that text is refused (M1: parser differentials)."""

import base64
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour_protocol.frames.opaque import (
    OPAQUE_TYPES,
    Ciphertext,
    HandshakeBytes,
    PublicKey,
    Signature,
    TreeBytes,
)
from parlour_protocol.frames.requests import SendEncrypted
from parlour_protocol.frames.wire import decode_request
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit import opaque
from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.ids import RequestId
from parlour_protocol.kit.opaque import Opaque

FIXED = [kind for kind in OPAQUE_TYPES if kind.min_bytes == kind.max_bytes]


@given(st.binary(min_size=1, max_size=100))
def test_bytes_go_round(data: bytes) -> None:
    """What is written as text is read as the same bytes, and there is no padding in it."""
    text = Ciphertext(data).text
    assert Ciphertext.parse(text) == data
    assert "=" not in text


@pytest.mark.parametrize("kind", OPAQUE_TYPES, ids=lambda kind: kind.__name__)
def test_each_kind_has_its_size(kind: type[Opaque]) -> None:
    """At the limits it is taken, one byte past them it is not."""
    least, most = kind.min_bytes, kind.max_bytes
    assert kind.parse(kind(bytes(least)).text) == bytes(least)
    assert kind.parse(kind(bytes(most)).text) == bytes(most)
    for size in (least - 1, most + 1):
        with pytest.raises(ValueError, match="too"):
            kind.parse(kind(bytes(size)).text)


def test_keys_signatures_and_digests_have_one_size() -> None:
    """No shorter signature is a signature: a truncated one would be compared with less."""
    assert {kind.__name__ for kind in FIXED} == {"PublicKey", "Signature", "Digest", "FileKey"}


@given(st.binary(min_size=1, max_size=60), st.data())
def test_equal_bytes_are_equal_text(data: bytes, draw: st.DataObject) -> None:
    """Any text with one character changed is refused or stands for other bytes."""
    text = Ciphertext(data).text
    at = draw.draw(st.integers(0, len(text) - 1))
    other = draw.draw(st.characters(max_codepoint=0x17F))
    changed = text[:at] + other + text[at + 1 :]
    try:
        read = Ciphertext.parse(changed)
    except ValueError:
        return
    assert (read == data) == (changed == text)


REFUSED = {
    "padding": "AA==",
    "standard alphabet": "+/+/",
    "spare bits": "AB",
    "spare bits of a two-byte rest": "AAB",
    "a length that no bytes have": "AAAAA",
    "a space before": " AAAA",
    "a newline after": "AAAA\n",
    "a newline inside": "AA\nAA",
    "a NUL": "AA\0A",
    "a letter beyond ASCII": "AAAÀ",
    "full-width letters": "\uff21\uff21\uff21\uff21",
    "empty": "",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_another_decoder_might_take_is_refused(text: str) -> None:
    """Lenient decoders skip, pad or ignore: the same bytes would then have many texts."""
    with pytest.raises(ValueError):  # noqa: PT011 - which of the reasons is no promise
        Ciphertext.parse(text)


def test_a_huge_text_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """R1: what is too long costs no decoding."""

    def never(_text: str) -> bytes:
        raise AssertionError("decoded")

    monkeypatch.setattr(base64, "urlsafe_b64decode", never)
    with pytest.raises(ValueError, match="too long"):
        PublicKey.parse("A" * 10_000_000)


def test_no_content_is_shown() -> None:
    """A log or a traceback shows how many bytes there are, not which (K7)."""
    assert repr(Signature(b"secret!!" * 8)) == "Signature(64 bytes)"


def test_a_frame_with_bytes_in_another_form_is_refused() -> None:
    """The codec applies the rule to every field."""
    frame = SendEncrypted(
        id=RequestId("A" * 22),
        room=RoomId("r" * 22),
        group=GroupId("g" * 43),
        epoch=Epoch(3),
        data=Ciphertext(b"sealed"),
    )
    plain = json.loads(encode(frame))
    assert decode_request(json.dumps(plain).encode()) == frame
    for data in (plain["data"] + "=", plain["data"] + "\n", [1, 2], 7, None, ""):
        with pytest.raises(MalformedFrameError):
            decode_request(json.dumps(plain | {"data": data}).encode())


@pytest.mark.parametrize("size", [49_150, 49_151, 49_152, 49_153, 49_154, 98_304, 98_305, 200_000])
def test_long_bytes_are_read_in_slices(size: int) -> None:
    """L27: where the slices meet nothing is lost, and what is refused in a short text is refused in each."""
    data = hashlib.shake_128(b"slices").digest(size)
    text = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert HandshakeBytes(data).text == text
    assert HandshakeBytes.parse(text) == data
    for at in (0, 65_535, 65_536 % len(text), len(text) - 1):
        for wrong in ("+", "=", "é", " "):
            with pytest.raises(ValueError, match="base64url"):
                HandshakeBytes.parse(text[:at] + wrong + text[at + 1 :])


def test_no_step_reads_much_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """L27: a step holds the interpreter, and with it every other thread."""
    steps: list[int] = []
    decoded, encoded = opaque._decoded, opaque._encoded
    monkeypatch.setattr(opaque, "_decoded", lambda text: (steps.append(len(text)), decoded(text))[1])
    monkeypatch.setattr(opaque, "_encoded", lambda value: (steps.append(len(value)), encoded(value))[1])
    text = TreeBytes(bytes(4 * 2**20)).text
    assert TreeBytes.parse(text) == bytes(4 * 2**20)
    assert max(steps) <= 64 * 1024
