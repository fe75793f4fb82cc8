"""Who a device belongs to: account keys, device certificates, revocations, and the log of all of them.

Statements are bytes with a signature of Ed25519 under a label of their own; who checks one brings the
``verify`` function, because the server and the client have different libraries and the server none that
could sign for a person. No private key is ever here.
"""

from parlour_protocol.identity.certificates import Certificate, Revocation, Verify
from parlour_protocol.identity.device_id import (
    account_proof,
    credential_of,
    device_id_of,
    device_proof,
    pairing_code,
)
from parlour_protocol.identity.errors import StatementError
from parlour_protocol.identity.key_log import AccountEntry, DeviceEntry, Entry, Head, RevocationEntry

__all__ = [
    "AccountEntry",
    "Certificate",
    "DeviceEntry",
    "Entry",
    "Head",
    "Revocation",
    "RevocationEntry",
    "StatementError",
    "Verify",
    "account_proof",
    "credential_of",
    "device_id_of",
    "device_proof",
    "pairing_code",
]
