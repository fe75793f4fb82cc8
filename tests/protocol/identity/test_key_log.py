"""The key log: one form for each entry, and a head that commits to all of them in order."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.identity.signing import ADA, NOW, SERVER, certificate, public, revocation, signed

from parlour_protocol.identity import AccountEntry, DeviceEntry, Head, RevocationEntry, StatementError
from parlour_protocol.identity.key_log import decode_entry, encode_entry
from parlour_protocol.kit.merkle import Tree
from parlour_protocol.limits import CERTIFICATE_BYTES

ENTRIES = (
    AccountEntry(NOW, ADA, public("account")),
    DeviceEntry(NOW, signed(certificate())),
    RevocationEntry(NOW, signed(revocation())),
)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: type(entry).__name__)
def test_an_entry_round_trips_and_fits(entry: AccountEntry | DeviceEntry | RevocationEntry) -> None:
    """What was appended is read as the same value; it fits into what carries it."""
    data = encode_entry(entry)
    assert decode_entry(data) == entry
    assert len(data) <= CERTIFICATE_BYTES.value


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: type(entry).__name__)
def test_no_two_bytes_are_one_entry(entry: AccountEntry | DeviceEntry | RevocationEntry) -> None:
    """Every change of a byte, every cut, every addition: refused, or another entry."""
    data = encode_entry(entry)
    for at, value in itertools.product(range(len(data)), (0x01, 0x80, 0xFF)):
        changed = bytearray(data)
        changed[at] ^= value
        try:
            assert decode_entry(bytes(changed)) != entry
        except StatementError:
            continue
    for changed in (*(data[:size] for size in range(len(data))), data + b"\0", data + data):
        with pytest.raises(StatementError):
            decode_entry(bytes(changed))


@pytest.mark.parametrize(
    "fields",
    [
        ["account2", NOW, "ada", public("account")],
        ["account", NOW, "ADA", public("account")],
        ["account", NOW, "ada", public("account")[:31]],
        ["account", -1, "ada", public("account")],
        ["account", NOW, "ada", public("account"), 1],
        ["device", NOW, "text"],
        [0, NOW, b""],
        [],
    ],
)
def test_what_is_no_entry_is_refused(fields: list[object]) -> None:
    """An unknown kind is an unknown version: a client stops there rather than guessing."""
    with pytest.raises(StatementError):
        decode_entry(msgspec.msgpack.encode(fields))


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    """Whatever a server hands out."""
    with pytest.raises(StatementError):
        decode_entry(data)


def head_of(*entries: bytes) -> Head:
    """Return the head after these entries."""
    tree = Tree()
    for entry in entries:
        tree = tree.after(entry)
    return Head.of(tree)


def test_a_head_commits_to_every_entry_in_order() -> None:
    """Change, order, omission, repetition, joining two into one: each gives another root."""
    one, two, three = (encode_entry(entry) for entry in ENTRIES)
    heads = [
        head_of(one, two, three),
        head_of(one, three, two),
        head_of(one, two),
        head_of(one, one, two),
        head_of(one + two, three),
        head_of(one, two + three),
        head_of(one[:-1] + b"\0", two, three),
        head_of(),
    ]
    assert len({head.root for head in heads}) == len(heads)
    assert [head.size for head in heads] == [3, 3, 2, 3, 2, 2, 3, 0]


def test_a_signature_is_for_one_server() -> None:
    """The same entries in another server's log: its signed bytes differ."""
    assert head_of().to_be_signed(SERVER) != head_of().to_be_signed("other.example")


def test_what_is_signed_is_a_checkpoint_of_c2sp() -> None:
    """The log's name, its size and its root, a line each."""
    text = "chat.example/key-log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    assert Head.of(Tree()).to_be_signed("chat.example") == text.encode()


def test_the_signature_covers_size_and_root() -> None:
    """Two heads of one size are two messages, and so are two sizes."""
    heads = (Head(1, bytes(32)), Head(2, bytes(32)), Head(1, b"\1" + bytes(31)))
    assert len({head.to_be_signed(SERVER) for head in heads}) == 3
