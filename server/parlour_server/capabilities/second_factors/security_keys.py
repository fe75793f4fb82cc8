"""Security keys (WebAuthn), checked by the library `fido2`: the extra `security-keys`.

A signature is right only for this server's name, for one challenge, with a touch of the key; and its counter
must have risen, if the key counts: a copied key is noticed. Attestation is neither asked for nor checked.
"""

import importlib.util
from typing import TYPE_CHECKING, Final, NamedTuple

from parlour_protocol.kit.opaque import Opaque
from parlour_protocol.kit.second_factor import CredentialId, KeyAssertion, SecurityKeyCredential
from parlour_protocol.kit.secret import Secret
from parlour_server.core.errors import ProofRefusedError

if TYPE_CHECKING:
    from fido2.server import Fido2Server

IS_AVAILABLE: Final = importlib.util.find_spec("fido2") is not None
"""Whether the library is installed."""


class _ChallengeBytes(Opaque):
    """The 32 bytes that a challenge's text encodes."""

    min_bytes = max_bytes = 32


class KeyUse(NamedTuple):
    """A credential, as it is stored, and its signature counter."""

    credential: bytes
    counter: int


class SecurityKeys:
    """Checks what security keys sign for the server with this name."""

    def __init__(self, name: str) -> None:
        self.name: Final = name

    def register(self, challenge: Secret, body: SecurityKeyCredential) -> KeyUse:
        """Check a new credential. Raises ProofRefusedError."""
        from fido2.webauthn import (  # noqa: PLC0415 - an extra, which takes a quarter of a second
            AttestationObject,
            AuthenticatorAttestationResponse,
            CollectedClientData,
            RegistrationResponse,
        )

        try:
            attestation = AttestationObject(bytes(body.attestation))
            credential = attestation.auth_data.credential_data
            if credential is None:
                raise ValueError("no credential")
            response = RegistrationResponse(
                raw_id=credential.credential_id,
                response=AuthenticatorAttestationResponse(
                    client_data=CollectedClientData(bytes(body.client_data)), attestation_object=attestation
                ),
            )
            checked = self._server().register_complete(_state(challenge), response)
        except Exception as error:  # the library raises many kinds for bytes that it cannot read
            raise ProofRefusedError from error
        return KeyUse(bytes(credential), checked.counter)

    def check(self, challenge: Secret, answer: KeyAssertion, credential: bytes) -> KeyUse:
        """Check a signature by a known credential. Raises ProofRefusedError."""
        from fido2.webauthn import (  # noqa: PLC0415 - as above
            AttestedCredentialData,
            AuthenticationResponse,
            AuthenticatorAssertionResponse,
            AuthenticatorData,
            CollectedClientData,
        )

        try:
            data = AuthenticatorData(bytes(answer.authenticator_data))
            response = AuthenticationResponse(
                raw_id=bytes(answer.credential),
                response=AuthenticatorAssertionResponse(
                    client_data=CollectedClientData(bytes(answer.client_data)),
                    authenticator_data=data,
                    signature=bytes(answer.signature),
                ),
            )
            known = AttestedCredentialData(credential)
            self._server().authenticate_complete(_state(challenge), [known], response)
        except Exception as error:  # as above
            raise ProofRefusedError from error
        return KeyUse(credential, data.counter)

    def _server(self) -> "Fido2Server":
        from fido2.server import Fido2Server  # noqa: PLC0415 - as above
        from fido2.webauthn import PublicKeyCredentialRpEntity  # noqa: PLC0415

        return Fido2Server(PublicKeyCredentialRpEntity(name=self.name, id=self.name))


def credential_id(credential: bytes) -> CredentialId:
    """Return the id in a stored credential (WebAuthn, section 6.5.1: AAGUID, length, id, key)."""
    length = int.from_bytes(credential[16:18])
    return CredentialId(credential[18 : 18 + length])


def _state(challenge: Secret) -> dict[str, object]:
    """Return what the library remembers of a challenge; a touch is enough, because a password was given."""
    _ChallengeBytes.parse(challenge.reveal())
    return {"challenge": challenge.reveal(), "user_verification": None}
