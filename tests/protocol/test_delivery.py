"""The bodies of the delivery service: all go round, and each is as strict as a frame."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol.frames.strategies import instances

from parlour_protocol import delivery
from parlour_protocol.delivery import ClaimKeyPackages, Commit, CosignedHead, KeyPackages
from parlour_protocol.frames.opaque import (
    CertificateBytes,
    Digest,
    HandshakeBytes,
    KeyPackageBytes,
    TreeBytes,
    WelcomeBytes,
)
from parlour_protocol.identity.cosignatures import LONGEST_NAME
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.api import decode_payload, encode_payload
from parlour_protocol.kit.errors import MalformedFrameError
from parlour_protocol.kit.ids import DeviceId, RequestId
from parlour_protocol.kit.limits import HTTP_BODY
from parlour_protocol.kit.payload import Payload
from parlour_protocol.limits import CLAIM_DEVICES, GROUP_DEVICES, HTTP_COMMIT, HTTP_KEYS, KEY_PACKAGES

KINDS = [
    kind
    for kind in vars(delivery).values()
    if isinstance(kind, type) and issubclass(kind, Payload) and kind is not Payload
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=20)
def test_every_body_round_trips(kind: type[Payload], data: st.DataObject) -> None:
    """What one side encodes, the other reads as the same value."""
    body = data.draw(instances(kind))
    assert decode_payload(kind, encode_payload(body)) == body


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=5)
def test_a_field_too_many_or_too_few_is_refused(kind: type[Payload], data: st.DataObject) -> None:
    """S5: mass assignment: exactly the fields of the schema."""
    plain = json.loads(encode_payload(data.draw(instances(kind))))
    with pytest.raises(MalformedFrameError):
        decode_payload(kind, json.dumps(plain | {"user": "ada", "admin": True}).encode())
    for name in (field.name for field in msgspec.structs.fields(kind) if field.required):
        with pytest.raises(MalformedFrameError):
            decode_payload(kind, json.dumps({k: v for k, v in plain.items() if k != name}).encode())


def devices(count: int) -> tuple[DeviceId, ...]:
    """Return so many device ids."""
    return tuple(DeviceId(f"{'abcdefghij'[n % 10]}{n:024}".translate(DIGITS) + "a") for n in range(count))


DIGITS = str.maketrans("0123456789", "klmnopqrst")


def commit(added: int) -> Commit:
    """Return a commit that is as large as one can be, adding so many devices."""
    return Commit(
        request=RequestId("i" * 36),
        group=GroupId("g" * 43),
        epoch=Epoch(2**53 - 1),
        data=HandshakeBytes(bytes(HandshakeBytes.max_bytes)),
        added=devices(added),
        removed=devices(added),
        welcome=WelcomeBytes(bytes(WelcomeBytes.max_bytes)),
        tree=TreeBytes(bytes(TreeBytes.max_bytes)),
    )


def test_the_largest_bodies_fit_into_the_caps_of_their_operations() -> None:
    """Every field at its limit, or an honest client could be refused for its size."""
    assert len(encode_payload(commit(GROUP_DEVICES.value))) <= HTTP_COMMIT.value
    package = KeyPackageBytes(bytes(KeyPackageBytes.max_bytes))
    keys = KeyPackages(packages=(package,) * KEY_PACKAGES.value, last_resort=package, replace=True)
    assert len(encode_payload(keys)) <= HTTP_KEYS.value
    claim = ClaimKeyPackages(room=RoomId("r" * 22), devices=devices(CLAIM_DEVICES.value))
    assert len(encode_payload(claim)) <= HTTP_BODY.value
    certificate = delivery.CertifyDevice(certificate=CertificateBytes(bytes(CertificateBytes.max_bytes)))
    assert len(encode_payload(certificate)) <= HTTP_BODY.value


def test_a_cosignature_is_one_line() -> None:
    """Or a note would have a line that its witness never signed."""
    line = f"\u2014 {'w' * LONGEST_NAME} {'A' * 104}"
    plain = {"size": 1, "head": Digest(bytes(32)).text, "line": line}
    assert decode_payload(CosignedHead, json.dumps(plain).encode()).line == line
    for wrong in (f"{line}\n", f"{line}\n{line}", f"\n{line}", line.replace(" ", "\n", 1)):
        with pytest.raises(MalformedFrameError):
            decode_payload(CosignedHead, json.dumps(plain | {"line": wrong}).encode())


def test_lists_end_at_their_limits() -> None:
    """One more is refused."""
    plain = json.loads(encode_payload(commit(1)))
    for name, most in (("added", GROUP_DEVICES.value), ("removed", GROUP_DEVICES.value)):
        body = plain | {name: list(devices(most))}
        assert len(getattr(decode_payload(Commit, json.dumps(body).encode()), name)) == most
        with pytest.raises(MalformedFrameError):
            decode_payload(Commit, json.dumps(plain | {name: list(devices(most + 1))}).encode())
    for count in (0, CLAIM_DEVICES.value + 1):
        with pytest.raises(MalformedFrameError):
            decode_payload(
                ClaimKeyPackages, json.dumps({"room": "r" * 22, "devices": list(devices(count))}).encode()
            )
    package = KeyPackageBytes(b"x").text
    with pytest.raises(MalformedFrameError):
        decode_payload(KeyPackages, json.dumps({"packages": [package] * (KEY_PACKAGES.value + 1)}).encode())
