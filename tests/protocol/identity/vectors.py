"""The vectors of the specification: certificates, log entries and heads as bytes, from known keys."""

from collections.abc import Iterator

from tests.protocol.identity.signing import (
    ADA,
    NOW,
    SERVER,
    certificate,
    key,
    public,
    revocation,
    signed,
)

from parlour_protocol.identity import (
    AccountEntry,
    DeviceEntry,
    Entry,
    RevocationEntry,
    account_proof,
    device_proof,
    pairing_code,
)
from parlour_protocol.identity.key_log import encode_entry
from parlour_protocol.kit.ids import SessionId
from parlour_protocol.kit.merkle import Tree


def lines() -> Iterator[str]:
    """Return `name: value`, bytes as hexadecimal."""
    session = SessionId("c2Vzc2lvbi1zZXNzaW9uLQ")
    yield f"seed of the account key: {bytes(key('account')).hex()}"
    yield f"account key: {public('account').hex()}"
    yield f"seed of the device key: {bytes(key('laptop')).hex()}"
    yield f"device key: {public('laptop').hex()}"
    yield f"device: {certificate().device}"
    yield f"pairing code: {pairing_code(certificate().device)}"
    yield f"account proof: {key('account').sign(account_proof(ADA, SERVER)).signature.hex()}"
    yield f"device proof: {key('laptop').sign(device_proof(SERVER, session)).signature.hex()}"
    yield f"certificate: {signed(certificate()).hex()}"
    yield f"revocation: {signed(revocation()).hex()}"
    entries: tuple[Entry, ...] = (
        AccountEntry(NOW, ADA, public("account")),
        DeviceEntry(NOW, signed(certificate())),
        RevocationEntry(NOW, signed(revocation())),
    )
    tree = Tree()
    yield f"root of 0 entries: {tree.root.hex()}"
    for entry in entries:
        tree = tree.after(encode_entry(entry))
        kind = type(entry).__name__.removesuffix("Entry").lower()
        yield f"root of {tree.size}, after the {kind}: {tree.root.hex()}"
