"""What a session's key signs: one byte string for each request, whoever computes it."""

import dataclasses

import pytest

from parlour_protocol.kit.session_key import Proof, Redemption, SessionKey

HERE = Redemption(bytes(range(32)), "chat.example:8443", bytes(range(32, 64)), "/v1/chat")


def test_the_bytes() -> None:
    """As the specification describes them (section 4)."""
    assert HERE.to_be_signed() == (
        b"\0\0\0\x17parlour ticket proof v1"
        b"\0\0\0\x20" + bytes(range(32)) + b"\0\0\0\x11chat.example:8443"
        b"\0\0\0\x20" + bytes(range(32, 64)) + b"\0\0\0\x03GET\0\0\0\x08/v1/chat"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"ticket": bytes(32)},
        {"host": "chat.example:844", "server_key": b"3" + bytes(range(32, 64))},
        {"server_key": bytes(32)},
        {"path": "/v1/chat2"},
        {"method": "GE", "path": "T/v1/chat"},
    ],
)
def test_no_two_requests_have_the_same(change: dict[str, bytes | str]) -> None:
    """Also when bytes move from one part to the next."""
    assert dataclasses.replace(HERE, **change).to_be_signed() != HERE.to_be_signed()  # type: ignore[arg-type]


def test_keys_and_proofs_have_one_size() -> None:
    """Longer and shorter ones are refused where they are read."""
    for kind, size in ((SessionKey, 32), (Proof, 64)):
        assert kind.parse(kind(bytes(size)).text) == bytes(size)
        for wrong in (size - 1, size + 1):
            with pytest.raises(ValueError, match="too"):
                kind.parse(kind(bytes(wrong)).text)
