"""The bodies of the HTTPS API about company logins, as a server that has the capability takes and gives them.

What is to be shown comes from a server that may be hostile: a code and an address are short, printable ASCII.
"""

from typing import Annotated

from msgspec import Meta

from parlour_protocol.kit.names import DeviceName
from parlour_protocol.kit.payload import Payload, Seconds
from parlour_protocol.kit.secret import Secret
from parlour_protocol.kit.session_key import SessionKey


class CompanyLogin(Payload, frozen=True):
    """The session that is to begin."""

    device: DeviceName
    key: SessionKey | None = None


class CompanyCode(Payload, frozen=True):
    """What to show; ``login`` is the secret to ask with."""

    login: Secret
    code: Annotated[str, Meta(min_length=1, max_length=32, pattern=r"\A[!-~]( ?[!-~])*\Z")]
    address: Annotated[str, Meta(max_length=200, pattern=r"\Ahttps://[!-~]+\Z")]
    expires_in: Seconds
    interval: Seconds
    with_code: Annotated[str, Meta(max_length=300, pattern=r"\A(https://[!-~]+)?\Z")] = ""


class CompanyPoll(Payload, frozen=True):
    """Whether the person has approved."""

    login: Secret
    key: SessionKey | None = None


class CompanyPending(Payload, frozen=True):
    """Not yet: ask again in ``interval`` seconds."""

    interval: Seconds
