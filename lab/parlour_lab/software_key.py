"""A security key in software: what a real one answers to a WebAuthn client, and what a hostile one could.

It needs the extra `security-keys`.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.ctap import STATUS, CtapDevice
from fido2.hid import CAPABILITY
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

from parlour_protocol.kit.opaque import Opaque
from parlour_protocol.kit.second_factor import (
    AttestationObject as AttestationBytes,
)
from parlour_protocol.kit.second_factor import (
    AuthenticatorData as AuthenticatorBytes,
)
from parlour_protocol.kit.second_factor import (
    ClientData,
    CredentialId,
    KeyAssertion,
    KeySignature,
    SecurityKeyCredential,
)
from parlour_protocol.kit.secret import Secret

FLAG = AuthenticatorData.FLAG
ID = CredentialId(b"credential-of-a-test")


class _Bytes(Opaque):
    max_bytes = 1024


@dataclass
class SoftwareKey:
    """One key with one credential. Every field may be changed, to answer as no honest key does."""

    party: str = "localhost"
    origin: str = "https://localhost:8443"
    counter: int = 0
    flags: FLAG = FLAG.UP
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    id: CredentialId = ID

    def register(self, challenge: Secret, *, kind: str = "webauthn.create") -> SecurityKeyCredential:
        """Return a new credential."""
        public = ES256.from_cryptography_key(self.private.public_key())  # type: ignore[no-untyped-call]
        credential = AttestedCredentialData.create(Aaguid.NONE, bytes(self.id), public)
        data = AuthenticatorData.create(
            self.party_hash, self.flags | FLAG.AT, self.counter, bytes(credential)
        )
        attestation = AttestationObject.create("none", data, {})
        return SecurityKeyCredential(self._client_data(challenge, kind), AttestationBytes(attestation))

    def sign(self, challenge: Secret, *, kind: str = "webauthn.get") -> KeyAssertion:
        """Return a signature, after a touch."""
        self.counter += 1
        data = AuthenticatorData.create(self.party_hash, self.flags, self.counter)
        client_data = self._client_data(challenge, kind)
        signed = bytes(data) + hashlib.sha256(client_data).digest()
        signature = self.private.sign(signed, ec.ECDSA(hashes.SHA256()))
        return KeyAssertion(self.id, client_data, AuthenticatorBytes(data), KeySignature(signature))

    @property
    def party_hash(self) -> bytes:
        """The name of the server, as it is signed."""
        return hashlib.sha256(self.party.encode()).digest()

    def _client_data(self, challenge: Secret, kind: str) -> ClientData:
        # an authenticator encodes the bytes of the challenge itself
        text = _Bytes.parse(challenge.reveal()).text
        found = {"type": kind, "challenge": text, "origin": self.origin, "crossOrigin": False}
        return ClientData(json.dumps(found).encode())


class SoftwareDevice(CtapDevice):
    """The same key as a device at this computer, for a client that speaks CTAP 2 with it."""

    def __init__(self, key: SoftwareKey) -> None:
        self._key = key

    @property
    def capabilities(self) -> int:
        """Speak CTAP 2."""
        return CAPABILITY.CBOR

    def call(
        self,
        cmd: int,
        data: bytes = b"",
        event: Event | None = None,
        on_keepalive: Callable[[STATUS], None] | None = None,
    ) -> bytes:
        """Answer a command."""
        del cmd, event, on_keepalive
        asked: Any = cbor.decode(data[1:]) if data[1:] else {}
        answer: dict[int, object] | None
        match data[0]:
            case 0x01:
                answer = self._make(asked)
            case 0x02:
                answer = self._sign(asked)
            case _:
                answer = {1: ["FIDO_2_0"], 3: bytes(16), 4: {"up": True}}
        return b"\0" + cbor.encode(answer) if answer else b"\x2e"  # CTAP2_ERR_NO_CREDENTIALS

    @classmethod
    def list_devices(cls) -> Iterator["CtapDevice"]:
        """Find none."""
        return iter(())

    def _make(self, asked: Any) -> dict[int, object]:
        self._key.party = asked[2]["id"]
        public = ES256.from_cryptography_key(self._key.private.public_key())  # type: ignore[no-untyped-call]
        credential = AttestedCredentialData.create(Aaguid.NONE, bytes(self._key.id), public)
        data = AuthenticatorData.create(self._key.party_hash, FLAG.UP | FLAG.AT, 0, bytes(credential))
        return {1: "none", 2: bytes(data), 3: {}}

    def _sign(self, asked: Any) -> dict[int, object] | None:
        known = [one["id"] for one in asked[3]]
        if bytes(self._key.id) not in known or asked[1] != self._key.party:
            return None
        self._key.counter += 1
        touched = FLAG.UP if asked.get(5, {}).get("up", True) else FLAG(0)
        data = AuthenticatorData.create(self._key.party_hash, touched, self._key.counter)
        signature = self._key.private.sign(bytes(data) + asked[2], ec.ECDSA(hashes.SHA256()))
        return {1: {"id": bytes(self._key.id), "type": "public-key"}, 2: bytes(data), 3: signature}
