"""The bodies about second factors: codes of an app (TOTP), recovery codes, security keys (WebAuthn).

After the password a login answers with a ``FactorChallenge``, which one ``FactorProof`` uses up, right or
wrong. The bytes to sign by a security key are those that the challenge's text encodes, so that a signature
belongs to one challenge. Actions that could take an account over need a proof as well, to a challenge of the
session that asks.
"""

from enum import StrEnum
from typing import Annotated, NewType

from msgspec import Meta

from parlour_protocol.kit.id_fields import Count, MillisField
from parlour_protocol.kit.ids import ID_PATTERN
from parlour_protocol.kit.opaque import Opaque
from parlour_protocol.kit.payload import Payload, Seconds
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import SessionKey

FactorId = NewType("FactorId", str)
FactorIdField = Annotated[FactorId, Meta(pattern=ID_PATTERN)]
FactorName = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"\A[ -~]+\Z")]
"""The owner's name for a factor: printable ASCII."""


class FactorKind(StrEnum):
    """The kinds of second factors. Everyone with another factor has recovery codes too."""

    TOTP = "totp"
    SECURITY_KEY = "security_key"
    RECOVERY_CODE = "recovery_code"


class CredentialId(Opaque):
    """The id that a security key gave its credential."""

    max_bytes = 1023


class UserHandle(Opaque):
    """The handle by which a security key knows an account: nothing about its person."""

    max_bytes = 64


class ClientData(Opaque):
    """The client data that a security key signed: its type, the challenge, and the server's origin (JSON)."""

    max_bytes = 1024


class AuthenticatorData(Opaque):
    """The data of a security key about itself in a signature."""

    min_bytes = 37
    max_bytes = 512


class AttestationObject(Opaque):
    """The new credential of a security key, with its public key."""

    max_bytes = 2048


class KeySignature(Opaque):
    """A signature by a security key."""

    max_bytes = 512


class TotpCode(Payload, frozen=True, tag="totp", tag_field="kind"):
    """Six digits of an app, of this half minute."""

    code: Secret


class RecoveryCode(Payload, frozen=True, tag="recovery_code", tag_field="kind"):
    """A recovery code. Spaces, hyphens and case don't matter."""

    code: Secret


class KeyAssertion(Payload, frozen=True, tag="security_key", tag_field="kind"):
    """A signature by a security key (WebAuthn, section 7.2)."""

    credential: CredentialId
    client_data: ClientData
    authenticator_data: AuthenticatorData
    signature: KeySignature


FactorAnswer = TotpCode | RecoveryCode | KeyAssertion


class FactorProof(Payload, frozen=True):
    """A part of other bodies: an answer to a challenge, which it uses up, right or wrong."""

    challenge: Secret
    answer: FactorAnswer


class LoginProof(FactorProof, frozen=True):
    """`POST /v1/sessions/second-factor`: an answer to the challenge of a login, and the session's ``key``."""

    key: SessionKey | None = None


class FactorChallenge(Payload, frozen=True):
    """202 of a login, or 201 of `POST /v1/second-factors/challenges`: answer by one of these ``kinds``.

    ``challenge`` is valid for ``expires_in`` seconds. ``keys`` are the credentials of the account's security
    keys, ``relying_party`` is the name of the server that they know.
    """

    challenge: Secret
    expires_in: Seconds
    kinds: tuple[FactorKind, ...] = ()
    keys: tuple[CredentialId, ...] = ()
    relying_party: str = ""


class FactorInfo(Payload, frozen=True):
    """One of your factors."""

    id: FactorIdField
    kind: FactorKind
    name: FactorName
    created: MillisField
    last_used: MillisField | None = None


class FactorList(Payload, frozen=True):
    """`GET /v1/second-factors`. ``recovery_codes`` is how many are left; ``addable`` can be set up here."""

    factors: tuple[FactorInfo, ...]
    recovery_codes: Count = 0
    required: bool = False
    addable: tuple[FactorKind, ...] = ()


class StepUp(Payload, frozen=True):
    """The proof that a change of the factors needs: the password, and one by a factor if there is one."""

    password: Secret
    proof: FactorProof | None = None


class NewTotp(StepUp, frozen=True, kw_only=True):
    """`POST /v1/second-factors/totp`: set up an app."""

    name: FactorName


class TotpSecret(Payload, frozen=True):
    """201: the ``secret`` for the app (base32), and the same as ``uri`` for a QR code. Shown only now.

    The factor is active once a code of the app is confirmed, within ``expires_in`` seconds.
    """

    id: FactorIdField
    secret: Secret
    uri: Secret
    expires_in: Seconds


class TotpConfirmation(Payload, frozen=True):
    """`POST /v1/second-factors/{id}/totp`: the first code of the app."""

    code: Secret


class NewSecurityKey(StepUp, frozen=True, kw_only=True):
    """`POST /v1/second-factors/security-keys`: set up a security key."""

    name: FactorName


class SecurityKeyOptions(Payload, frozen=True):
    """201: what the new credential is for (WebAuthn, section 7.1). ``keys`` are set up already."""

    id: FactorIdField
    challenge: Secret
    relying_party: str
    account: UserHandle
    expires_in: Seconds
    keys: tuple[CredentialId, ...] = ()


class SecurityKeyCredential(Payload, frozen=True):
    """`POST /v1/second-factors/{id}/security-key`: the new credential."""

    client_data: ClientData
    attestation: AttestationObject


class FactorAdded(Payload, frozen=True):
    """200: the factor is active. With the first one come recovery codes, which are shown only now.

    Every other session has then ended.
    """

    recovery_codes: tuple[Secret, ...] = ()


class FactorRemoval(StepUp, frozen=True):
    """`POST /v1/second-factors/{id}/removal`: remove a factor; without any, the recovery codes go too."""


class NewRecoveryCodes(StepUp, frozen=True):
    """`POST /v1/second-factors/recovery-codes`: replace the recovery codes."""


class RecoveryCodes(Payload, frozen=True):
    """201: the new recovery codes, shown only now. The old ones are void."""

    codes: tuple[Secret, ...]
