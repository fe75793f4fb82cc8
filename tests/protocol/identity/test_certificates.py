"""Certificates and revocations: one form each, and nothing of them can be changed."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol.identity.signing import NOW, certificate, holds, key, public, revocation, signed

from parlour_protocol.identity import Certificate, Revocation, StatementError

KINDS = {"certificate": (Certificate, certificate()), "revocation": (Revocation, revocation())}
BOTH = pytest.mark.parametrize(("kind", "statement"), KINDS.values(), ids=KINDS.keys())


def never(_key: bytes, _message: bytes, _signature: bytes) -> bool:
    """Fail: a signature that is asked for must not be needed."""
    raise AssertionError("verified")


def always(_key: bytes, _message: bytes, _signature: bytes) -> bool:
    """Take any signature: what is refused then is refused for its form."""
    return True


@BOTH
def test_a_statement_round_trips(kind: type[Certificate], statement: Certificate) -> None:
    """What was signed is read as the same value, and its device is the hash of its key."""
    read = kind.read(signed(statement), holds)
    assert read == statement
    assert read.device == statement.device
    assert len(read.device) == 26


@BOTH
def test_every_byte_that_is_changed_is_found(kind: type[Certificate], statement: Certificate) -> None:
    """Each bit of each byte, signature included: no change is a statement."""
    data = signed(statement)
    for at in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            with pytest.raises(StatementError):
                kind.read(bytes(changed), holds)


@BOTH
def test_every_cut_and_every_addition_is_found(kind: type[Certificate], statement: Certificate) -> None:
    """Trailing bytes, missing bytes, bytes between: none is read."""
    data = signed(statement)
    for size in range(len(data)):
        with pytest.raises(StatementError):
            kind.read(data[:size], holds)
    for changed in (data + b"\0", b"\0" + data, data[:-64] + b"\xc0" + data[-64:], data + data):
        with pytest.raises(StatementError):
            kind.read(changed, holds)


@BOTH
def test_another_key_signs_nothing(kind: type[Certificate], statement: Certificate) -> None:
    """A device cannot certify itself, and no one can certify for someone."""
    for signer in ("laptop", "mallory"):
        with pytest.raises(StatementError, match="is not valid"):
            kind.read(signed(statement, by=signer), holds)


def test_one_kind_of_statement_is_never_read_as_the_other() -> None:
    """The labels differ, so a signature made for a revocation certifies nothing."""
    both = certificate(), revocation()
    assert both[0].to_be_signed().partition(b"\0")[0] != both[1].to_be_signed().partition(b"\0")[0]
    with pytest.raises(StatementError):
        Certificate.read(signed(both[1]), always)
    with pytest.raises(StatementError):
        Revocation.read(signed(both[0]), always)
    crossed = both[0].signed(key("account").sign(Revocation.label + both[0].encode()).signature)
    with pytest.raises(StatementError, match="is not valid"):
        Certificate.read(crossed, holds)


def repacked(**changed: object) -> bytes:
    """Return a certificate whose fields are what its type does not allow."""
    fields = list(msgspec.msgpack.decode(certificate().encode()))
    for name, value in changed.items():
        fields[Certificate.__struct_fields__.index(name)] = value
    return msgspec.msgpack.encode(fields) + bytes(64)


REFUSED = {
    "a name that is none": repacked(user="Ada!"),
    "a name in another case": repacked(user="ADA"),
    "no server": repacked(server=""),
    "a server of 256 characters": repacked(server="a" * 256),
    "a short account key": repacked(account_key=public("account")[:31]),
    "a long device key": repacked(device_key=public("laptop") + b"\0"),
    "an empty device name": repacked(name=""),
    "a device name with a control": repacked(name="lap\x1btop"),
    "a negative time": repacked(created=-1),
    "a time of 64 bits": repacked(expires=2**60),
    "a time with a fraction": repacked(created=1.5),
    "a key as text": repacked(account_key="a" * 32),
    "nothing": b"",
    "a signature alone": bytes(64),
    "a map": msgspec.msgpack.encode({"user": "ada"}) + bytes(64),
    "one field more": msgspec.msgpack.encode([*msgspec.msgpack.decode(certificate().encode()), 1])
    + bytes(64),
    "nested without end": b"\x91" * 5000 + bytes(64),
    "an unknown version's label": msgspec.msgpack.encode(
        ["parlour device certificate v2", *msgspec.msgpack.decode(certificate().encode())]
    )
    + bytes(64),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_certificate_is_refused_before_its_signature_is_looked_at(data: bytes) -> None:
    """Form first: a name that was never checked reaches no one."""
    with pytest.raises(StatementError):
        Certificate.read(data, never)


def test_a_longer_encoding_of_the_same_is_refused() -> None:
    """MessagePack can write a number in several ways; only the shortest is signed and read."""
    body = certificate(created=1).encode()
    longer = body.replace(b"\x01\xcf", b"\xcc\x01\xcf")
    assert longer != body
    assert msgspec.msgpack.decode(longer) == msgspec.msgpack.decode(body)
    with pytest.raises(StatementError, match="canonical form"):
        Certificate.read(longer + bytes(64), always)


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    """Whatever someone carries as a statement."""
    for kind in (Certificate, Revocation):
        with pytest.raises(StatementError):
            kind.read(data, holds)


def test_times_are_milliseconds() -> None:
    """A certificate says from when until when."""
    assert certificate().expires - NOW == 86_400_000
