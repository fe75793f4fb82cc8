"""The bodies of the HTTPS API about company logins. The client has its own, which a test holds equal."""

from typing import Annotated

from msgspec import Meta

from parlour_protocol.kit.names import DeviceName
from parlour_protocol.kit.payload import Payload, Seconds
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import SessionKey

Code = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"\A[!-~]( ?[!-~])*\Z")]
Address = Annotated[str, Meta(max_length=200, pattern=r"\Ahttps://[!-~]+\Z")]
AddressWithCode = Annotated[str, Meta(max_length=300, pattern=r"\A(https://[!-~]+)?\Z")]


class CompanyLogin(Payload, frozen=True):
    """`POST /v1/company-logins`: the session that is to begin, bound to ``key``."""

    device: DeviceName
    key: SessionKey | None = None


class CompanyCode(Payload, frozen=True):
    """201: what to show the person. ``login`` is the secret with which only this client asks.

    ``with_code`` is the address with the code in it, for a QR code, if the provider has one. Ask every
    ``interval`` seconds, for ``expires_in`` seconds.
    """

    login: Secret
    code: Code
    address: Address
    expires_in: Seconds
    interval: Seconds
    with_code: AddressWithCode = ""


class CompanyPoll(Payload, frozen=True):
    """`POST /v1/company-logins/session`: ask whether the person has approved, with the same ``key``."""

    login: Secret
    key: SessionKey | None = None


class CompanyPending(Payload, frozen=True):
    """202: not yet. Ask again in ``interval`` seconds."""

    interval: Seconds
