"""Every decoder on arbitrary input: only our errors, one encoding, bounded cost."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tests.mls.mls_profile import PROFILE
from tests.mls.mls_world import NOW, World, unchanged
from tests.mls.vectors import OWN, load, unhex

from parlour_mls import Group, KeyPackageStore, MalformedError, MlsError, Secret, add_proposal
from parlour_mls.codec import Reader, decode, optional, u16, u32, vec
from parlour_mls.codec.presentation import header
from parlour_mls.crypto import CLASSIC, SigningKey, aead_decrypt, encrypt_with_label, verify
from parlour_mls.epoch import SecretTree
from parlour_mls.group.group_state import State
from parlour_mls.messages import (
    AuthenticatedContent,
    Commit,
    GroupInfo,
    GroupSecrets,
    KeyPackage,
    LeafNode,
    RequiredCapabilities,
    UpdatePath,
    Welcome,
    decode_external_senders,
    encode_message,
    read_message,
    read_proposal,
)
from parlour_mls.messages.leaf_node import read_extensions
from parlour_mls.tree import ParentNode, RatchetTree

DECODERS: dict[str, Callable[[bytes], Any]] = {
    "message": read_message,
    "ratchet tree": lambda d: decode(RatchetTree.read, d),
    "commit": lambda d: decode(Commit.read, d),
    "proposal": lambda d: decode(read_proposal, d),
    "update path": lambda d: decode(UpdatePath.read, d),
    "leaf": lambda d: decode(LeafNode.read, d),
    "key package": lambda d: decode(KeyPackage.read, d),
    "group info": lambda d: decode(GroupInfo.read, d),
    "group secrets": lambda d: decode(GroupSecrets.read, d),
    "welcome": lambda d: decode(Welcome.read, d),
    "authenticated content": lambda d: decode(AuthenticatedContent.read, d),
    "extensions": lambda d: decode(read_extensions, d),
    "external senders": decode_external_senders,
    "required capabilities": RequiredCapabilities.decode,
    "secret tree": lambda d: decode(SecretTree.read, d),
    "state": lambda d: decode(State.read, d),
    "blob": State.decode,
    "key store": KeyPackageStore.restore,
}
SEEDS = [unhex(value) for value in load(OWN, "messages")[1].values()]


def attempt(read: Callable[[bytes], Any], data: bytes) -> Any:
    """Decode; anything but an error of ours comes through and fails the test."""
    try:
        return read(data)
    except MlsError:
        return None


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """Take a genuine structure and change, cut, double or splice some of it, to something else."""
    genuine = draw(st.sampled_from(SEEDS))
    data = bytearray(genuine)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["set", "cut", "insert", "double"])):
            case "set" if data:
                data[at] = draw(st.integers(0, 255))
            case "cut":
                del data[at : at + draw(st.integers(1, 8))]
            case "insert":
                data[at:at] = draw(st.binary(max_size=8))
            case _:
                data += data[at:]
    assume(data != genuine)  # a genuine key package is taken, and rightly
    return bytes(data)


@pytest.mark.parametrize("name", DECODERS)
@settings(settings.get_profile(PROFILE))
@given(data=st.one_of(st.binary(max_size=600), mutants()))
def test_decoders_raise_only_our_errors(name: str, data: bytes) -> None:
    """Whatever the bytes, a decoder gives a value or an `MlsError`."""
    attempt(DECODERS[name], data)


@settings(settings.get_profile(PROFILE), max_examples=200)
@given(data=mutants())
def test_what_is_read_is_written_the_same(data: bytes) -> None:
    """There is one encoding of each message: what decodes, encodes to the same bytes."""
    message = attempt(read_message, data)
    if message is not None:
        assert encode_message(message) == data


@settings(settings.get_profile(PROFILE), max_examples=200)
@given(data=st.one_of(st.binary(max_size=400), mutants()))
@example(data=b"")
def test_a_group_survives_any_input(data: bytes) -> None:
    """`process`, `unprotect`, `join` and `add` refuse anything with an error of ours, and change nothing."""
    group = _GROUP["m0"]
    with unchanged(group):
        for action in (
            lambda: group.process(data, now=NOW),
            lambda: group.decrypt(data),
            lambda: group.commit([add_proposal(data)], now=NOW),
            lambda: _GROUP.device("m1").join(data),
            lambda: Group.restore(data),
        ):
            with pytest.raises(MlsError):
                action()


_GROUP = World(2)


@settings(settings.get_profile(PROFILE), max_examples=300)
@given(length=st.integers(0, (1 << 30) - 1))
@example(length=63)
@example(length=64)
@example(length=0x3FFF)
@example(length=0x4000)
@example(length=(1 << 30) - 1)
def test_headers_of_vectors(length: int) -> None:
    """Every length has one header, and reads back; the edges are those of section 2.1.2."""
    encoded = header(length)
    assert decode(Reader.length, encoded) == length
    assert len(encoded) == (1 if length < 64 else 2 if length < 0x4000 else 4)


@pytest.mark.parametrize(
    "bad", ["403f", "4000", "80003fff", "80000000", "c0", "c000000100000000", "ffffffff", "40", "800000", ""]
)
def test_bad_headers(bad: str) -> None:
    """Headers longer than needed, with prefix 11, or cut short, are malformed."""
    with pytest.raises(MalformedError):
        decode(Reader.length, bytes.fromhex(bad))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("commit", vec(b"\x03" + vec(bytes(32))) + b"\x00"),
        ("commit", vec(b"\x00" + vec(bytes(32))) + b"\x00"),
        ("commit", vec(b"\x02" + vec(bytes(31))) + b"\x00"),
        ("commit", vec(b"") + b"\x02"),
        ("proposal", u16(0)),
        ("proposal", u16(8)),
        ("proposal", u16(4) + b"\x03\x01" + vec(b"") + bytes(8) + vec(b"")),
        ("proposal", u16(4) + b"\x00" + vec(b"") + vec(b"")),
        ("proposal", u16(4) + b"\x02\x04" + vec(b"") + bytes(8) + vec(b"")),
        ("authenticated content", u16(6)),
        ("authenticated content", u16(1) + vec(b"") + bytes(8) + b"\x05" + vec(b"")),
        ("authenticated content", u16(1) + vec(b"") + bytes(8) + b"\x03" + vec(b"") + b"\x04" + vec(b"")),
        ("leaf", 2 * vec(bytes(32)) + u16(1) + vec(b"") + 5 * vec(b"") + b"\x04" + vec(b"") + vec(b"")),
        ("ratchet tree", vec(b"\x01\x03" + vec(bytes(32)) + vec(b"") + vec(b""))),
        ("ratchet tree", vec(b"\x02\x02" + vec(bytes(32)) + vec(b"") + vec(b""))),
        ("message", u16(1) + u16(0)),
        ("message", u16(0) + u16(1)),
    ],
)
def test_unknown_kinds(name: str, data: bytes) -> None:
    """What RFC 9420 closes is closed: a kind that it does not know is malformed, not ignored."""
    with pytest.raises(MalformedError):
        DECODERS[name](data)


def test_a_key_package_has_the_version_of_its_message() -> None:
    """Section 10: the two versions say the same, or no one believes either."""
    package = World(1).device("x").publish()
    assert read_message(package)
    with pytest.raises(MalformedError, match="another version than its message"):
        read_message(package[:4] + u16(2) + package[6:])


def test_unmerged_leaves_are_sorted() -> None:
    """Section 7.1: in increasing order, none twice."""
    for leaves, good in (((1, 2), True), ((2, 1), False), ((1, 1), False)):
        data = vec(bytes(32)) + vec(b"") + vec(b"".join(map(u32, leaves)))
        if good:
            assert decode(ParentNode.read, data).unmerged_leaves == leaves
        else:
            with pytest.raises(MalformedError, match="increasing"):
                decode(ParentNode.read, data)


def test_codec_limits() -> None:
    """Presence octets are 0 or 1, lists have limits, nothing may follow, nothing too long is written."""
    assert decode(lambda r: r.optional(Reader.u8), optional(b"\x07")) == 7
    for read, data in (
        (lambda r: r.optional(Reader.u8), b"\x02\x07"),
        (lambda r: r.many(Reader.u8, 2), vec(bytes(3))),
        (Reader.u16s, vec(bytes(3))),
        (Reader.u32s, vec(bytes(6))),
        (Reader.u8, b"\x00\x00"),
        (Reader.sub, b"\x05abc"),
    ):
        with pytest.raises(MalformedError):
            decode(read, data)
    assert decode(lambda r: r.many(Reader.u8, 3), vec(bytes(3))) == (0, 0, 0)
    with pytest.raises(MalformedError, match="longer"):
        header(1 << 30)


def test_keys_of_the_wrong_size_never_reach_c_code() -> None:
    """Lengths are checked first, because libsodium reads as many bytes as it expects."""
    unreachable = mock.patch("nacl.bindings.crypto_sign_open", side_effect=SystemError("reached"))
    for key, signature in ((bytes(31), bytes(64)), (bytes(32), bytes(63)), (bytes(33), bytes(64))):
        with unreachable, pytest.raises(MlsError, match="wrong length"):
            verify(key, "label", b"content", signature, "test")
    for bad in (b"", bytes(31), bytes(33)):
        with pytest.raises(MlsError):
            verify(bad, "label", b"content", bytes(64), "test")
        with pytest.raises(MlsError):
            encrypt_with_label(CLASSIC.kem, bad, "label", b"", b"")
        with pytest.raises(MlsError):
            CLASSIC.kem.complete(bad)
        with pytest.raises(MlsError):
            SigningKey(Secret(bad))
    with pytest.raises(MlsError):
        aead_decrypt(bytes(32), bytes(12), b"", b"short", "test")


@pytest.mark.parametrize(
    "point",
    [
        bytes(32),
        b"\x01" + bytes(31),
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ],
    ids=["zero", "one", "order 8", "minus one"],
)
def test_low_order_points_are_refused(point: bytes) -> None:
    """No one can make the group encrypt to a key that everyone knows."""
    with pytest.raises(MlsError, match="low-order"):
        encrypt_with_label(CLASSIC.kem, point, "label", b"", b"")


def test_small_order_signature_keys_are_refused() -> None:
    """A key of small order would accept one signature for many messages."""
    for key in (
        bytes(32),
        b"\x01" + bytes(31),
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    ):
        with pytest.raises(MlsError):
            verify(key, "label", b"content", key + bytes(32), "test")
