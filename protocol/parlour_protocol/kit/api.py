"""The bodies of the HTTPS API (`/v1/…`): JSON, strict, in both directions.

Credentials are ``Secret``; names are validated types. The OpenAPI document is generated from these structs. A
login returns a session, a session gets a ticket, a ticket opens one WebSocket.
"""

import re
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from parlour_protocol.kit.codec import large_decoder, strict_decoder
from parlour_protocol.kit.fields import encode_field
from parlour_protocol.kit.id_fields import IDENTIFIER, MillisField, SessionIdField
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.kit.payload import Payload, Seconds
from parlour_protocol.kit.second_factor import FactorProof
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import SessionKey

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,128}")
"""Characters of a token after `Bearer` (RFC 6750, section 2.1); a line break would begin a header (L5)."""


def _check_token(secret: Secret) -> None:
    if not _TOKEN.fullmatch(secret.reveal()):
        raise ValueError("not a bearer token")


class NewAccount(Payload, frozen=True):
    """`POST /v1/accounts`. ``invite`` is the code of an invite link."""

    invite: Secret
    username: UserName
    password: Secret


class AccountCreated(Payload, frozen=True):
    """201: the account exists; log in next."""

    user: UserName


class Login(Payload, frozen=True):
    """`POST /v1/sessions`. ``username`` is any text: an invalid name counts as unknown.

    With ``key``, tickets of the session are redeemed only with a proof by that key.
    """

    username: Annotated[str, Meta(extra=IDENTIFIER)]
    password: Secret
    device: DeviceName
    key: SessionKey | None = None


class SessionCreated(Payload, frozen=True):
    """201: ``session`` is the bearer token of this device, for ``expires_in`` seconds at most.

    ``must_enrol``: the session can do nothing but set up a second factor, until that is done.
    """

    session: Secret
    expires_in: Seconds
    user: UserName
    must_enrol: bool = False

    def __post_init__(self) -> None:
        """Refuse a session that is no bearer token. Raises ValueError."""
        _check_token(self.session)


class TicketRequest(Payload, frozen=True):
    """`POST /v1/tickets`, which may have no body.

    ``here``: the ticket opens the WebSocket on this TLS connection only.
    """

    here: bool = False


class TicketIssued(Payload, frozen=True):
    """201: ``ticket`` opens one WebSocket within ``expires_in`` seconds, and nothing else.

    ``here``: it does so on this TLS connection only.
    """

    ticket: Secret
    expires_in: Seconds
    here: bool = False

    def __post_init__(self) -> None:
        """Refuse a ticket that is no bearer token. Raises ValueError."""
        _check_token(self.ticket)


class PasswordChange(Payload, frozen=True):
    """`POST /v1/password`: ends every other session of the account.

    An account with a second factor needs its ``proof`` as well.
    """

    old: Secret
    new: Secret
    proof: FactorProof | None = None


class SessionInfo(Payload, frozen=True):
    """One of your sessions; ``current`` is the one making the request, ``keyed`` is bound to a key."""

    id: SessionIdField
    device: DeviceName
    created: MillisField
    last_seen: MillisField
    expires: MillisField
    current: bool = False
    keyed: bool = False


class SessionList(Payload, frozen=True):
    """`GET /v1/sessions`."""

    sessions: tuple[SessionInfo, ...]


class Problem(Payload, frozen=True):
    """Every 4xx and 5xx response: a short code, and a sentence for the person.

    ``retry_after`` is in seconds.
    """

    error: Annotated[str, Meta(pattern=r"\A[a-z_]{1,40}\Z")]
    message: Annotated[str, Meta(max_length=400)] = ""
    retry_after: Seconds | None = None


P = TypeVar("P", bound=Payload)

_encoder: Final = msgspec.json.Encoder(enc_hook=encode_field)


def encode_payload(payload: Payload) -> bytes:
    """Return the JSON text of a body."""
    return _encoder.encode(payload)


def decode_payload(kind: type[P], data: bytes) -> P:
    """Read a body as ``kind``. Raises MalformedFrameError."""
    payload: P = strict_decoder(kind)(data)  # functools.cache forgets the type
    return payload


def decode_large_payload(kind: type[P], data: bytes) -> P:
    """Read a body of megabytes as ``kind``, in small steps. Raises MalformedFrameError."""
    payload: P = large_decoder(kind)(data)  # functools.cache forgets the type
    return payload
