"""Records of second factors and challenges: frozen, without behaviour."""

from dataclasses import dataclass, field

from parlour_protocol.kit.ids import Millis, SessionId
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.second_factor import FactorId, FactorKind


@dataclass(frozen=True, slots=True)
class NewFactor:
    """A second factor that a session begins to set up, until it ``expires``."""

    id: FactorId
    user: UserName
    kind: FactorKind
    name: str
    secret: bytes = field(repr=False)
    session: SessionId
    created: Millis
    expires: Millis


@dataclass(frozen=True, slots=True)
class FactorRecord:
    """A second factor. ``secret`` is the secret of a TOTP app, or a security key's credential.

    ``counter`` is the half minute of the last TOTP code, or the key's signature counter.
    """

    id: FactorId
    user: UserName
    kind: FactorKind
    name: str
    created: Millis
    last_used: Millis | None
    secret: bytes = field(repr=False)
    counter: int


@dataclass(frozen=True, slots=True)
class AccountFactors:
    """The active factors of an account, how many recovery codes it has, and if the operator requires one."""

    factors: tuple[FactorRecord, ...]
    recovery_codes: int
    required: bool


@dataclass(frozen=True, slots=True)
class Challenge:
    """The purpose of an answer by a factor: a login on ``device``, or an action of ``session``.

    ``source`` is who asked for it, a session or an address: only its own challenges make room for others.
    ``password_hash`` is the account's while the challenge holds, None where nobody has looked.
    """

    user: UserName
    device: DeviceName
    session: SessionId | None
    source: str
    expires: Millis
    password_hash: str | None = field(default=None, repr=False)
