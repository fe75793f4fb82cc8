"""A security key in software: what a real one answers to a WebAuthn client, and what a hostile one could."""

import hashlib
import json
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
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
        public = ES256.from_cryptography_key(self.private.public_key())
        credential = AttestedCredentialData.create(Aaguid.NONE, bytes(self.id), public)
        data = AuthenticatorData.create(self._party, self.flags | FLAG.AT, self.counter, bytes(credential))
        attestation = AttestationObject.create("none", data, {})
        return SecurityKeyCredential(self._client_data(challenge, kind), AttestationBytes(attestation))

    def sign(self, challenge: Secret, *, kind: str = "webauthn.get") -> KeyAssertion:
        """Return a signature, after a touch."""
        self.counter += 1
        data = AuthenticatorData.create(self._party, self.flags, self.counter)
        client_data = self._client_data(challenge, kind)
        signed = bytes(data) + hashlib.sha256(client_data).digest()
        signature = self.private.sign(signed, ec.ECDSA(hashes.SHA256()))
        return KeyAssertion(self.id, client_data, AuthenticatorBytes(data), KeySignature(signature))

    @property
    def _party(self) -> bytes:
        return hashlib.sha256(self.party.encode()).digest()

    def _client_data(self, challenge: Secret, kind: str) -> ClientData:
        # an authenticator encodes the bytes of the challenge itself
        text = _Bytes.parse(challenge.reveal()).text
        found = {"type": kind, "challenge": text, "origin": self.origin, "crossOrigin": False}
        return ClientData(json.dumps(found).encode())
