"""Ed25519: what a signature must not be."""

import pytest

from parlour_client.core.e2ee.identity.keys import public_of, sign, verify
from parlour_mls import Secret

SEED = Secret(bytes(range(32)))
SMALL_ORDER = (
    bytes(32),
    b"\1" + bytes(31),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
)


def test_a_signature_holds_for_its_message_and_key_alone():
    """A signature is refused for another message, another key, and with any bit changed."""
    signature = sign(SEED, b"yes")
    assert verify(public_of(SEED), b"yes", signature)
    assert not verify(public_of(SEED), b"no", signature)
    assert not verify(public_of(Secret(bytes(32))), b"yes", signature)
    for bit in range(8 * len(signature)):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        assert not verify(public_of(SEED), b"yes", bytes(changed))


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_of_small_order_signs_nothing(key: bytes):
    """Under a point of small order one signature fits many messages, so none is taken."""
    assert not any(verify(key, b"%d" % number, key + bytes(32)) for number in range(64))


def test_a_signature_is_not_taken_in_a_second_form():
    """Adding the group's order to the scalar gives other bytes for the same signature: refused."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = sign(SEED, b"yes")
    scalar = int.from_bytes(signature[32:], "little") + order
    assert not verify(public_of(SEED), b"yes", signature[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize(("key", "signature"), [(31, 64), (33, 64), (32, 63), (32, 65), (0, 0)])
def test_other_lengths_are_refused(key: int, signature: int):
    """A key or a signature of another length never reaches libsodium, which would read past it."""
    good = sign(SEED, b"yes").ljust(65, b"\0")
    assert not verify(public_of(SEED).ljust(33, b"\0")[:key], b"yes", good[:signature])
