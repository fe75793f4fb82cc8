"""The two private keys of a person: the account's, which certifies devices, and the device's own.

Neither appears in a ``repr`` or a log. The account key exists on the device that made it, and where a person
typed the recovery words; every other device has a certificate instead. ``own_identity`` stores them.
"""

import os
from typing import Final

from parlour_client.core.e2ee.identity.signing import SEED_BYTES, public_of, sign
from parlour_mls import Credential, Secret, SigningKey
from parlour_protocol.identity import (
    Certificate,
    Revocation,
    account_proof,
    credential_of,
    device_id_of,
    device_proof,
)
from parlour_protocol.kit.ids import DeviceId, Millis, SessionId
from parlour_protocol.kit.names import DeviceName, UserName

CERTIFICATE_LIFETIME: Final = 5 * 365 * 86_400_000
"""Milliseconds. Devices are ended by revocation; this only limits devices forgotten for years."""


class AccountKey:
    """The account's identity key; the recovery words encode its seed (32 bytes)."""

    __slots__ = ("public", "seed")

    def __init__(self, seed: Secret) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError("an account key's seed has 32 bytes")
        self.seed = seed
        self.public = public_of(seed)

    @classmethod
    def generate(cls) -> "AccountKey":
        """Generate a new key."""
        return cls(Secret(os.urandom(SEED_BYTES)))

    def prove(self, user: UserName, server: str) -> bytes:
        """Sign a proof for the server that we have the key."""
        return sign(self.seed, account_proof(user, server))

    def certify(
        self, user: UserName, server: str, device_key: bytes, name: DeviceName, now: Millis
    ) -> tuple[Certificate, bytes]:
        """Certify a device; returns the certificate and its bytes."""
        made = Certificate(
            user=user,
            server=server,
            account_key=self.public,
            device_key=bytes(device_key),
            name=name,
            created=now,
            expires=Millis(now + CERTIFICATE_LIFETIME),
        )
        return made, made.signed(sign(self.seed, made.to_be_signed()))

    def revoke(self, user: UserName, server: str, device_key: bytes, now: Millis) -> bytes:
        """Revoke a device for ever."""
        made = Revocation(
            user=user, server=server, account_key=self.public, device_key=bytes(device_key), at=now
        )
        return made.signed(sign(self.seed, made.to_be_signed()))

    def __repr__(self) -> str:
        return f"AccountKey(public={self.public.hex()})"


class DeviceKey:
    """A device's signature key: the one of its leaves in every group."""

    __slots__ = ("id", "seed", "server", "signer", "user")

    def __init__(self, seed: Secret, user: UserName, server: str) -> None:
        self.seed = seed
        self.signer = SigningKey(seed)
        self.user = user
        self.server = server
        self.id: DeviceId = device_id_of(user, server, self.signer.public)

    @classmethod
    def generate(cls, user: UserName, server: str) -> "DeviceKey":
        """Generate a new key."""
        return cls(Secret(os.urandom(SEED_BYTES)), user, server)

    @property
    def public(self) -> bytes:
        """The public key (32 bytes)."""
        return self.signer.public

    @property
    def credential(self) -> Credential:
        """The MLS credential of this device's leaves."""
        return Credential.basic(credential_of(self.user, self.server, self.id))

    def prove(self, session: SessionId) -> bytes:
        """Sign the proof that binds a login session to this device."""
        return sign(self.seed, device_proof(self.server, session))

    def __repr__(self) -> str:
        return f"DeviceKey({self.id})"
