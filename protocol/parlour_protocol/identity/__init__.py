"""The identity of devices: account keys, device certificates, revocations, and the key log.

Statements are bytes with an Ed25519 signature, each kind with its own label. Callers pass the ``verify``
function, because the server and the client use different libraries. Private keys are never handled here.
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
from parlour_protocol.identity.key_log import (
    AccountEntry,
    DeviceEntry,
    Entry,
    Head,
    PolicyEntry,
    RevocationEntry,
)

__all__ = [
    "AccountEntry",
    "Certificate",
    "DeviceEntry",
    "Entry",
    "Head",
    "PolicyEntry",
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
