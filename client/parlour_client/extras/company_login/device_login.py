"""A company login on the client: begin it, show the code, and ask until the person approves or it is over.

The server knows when it is over and how often it may be asked; this only waits. What it gives is checked as
the answer to a login with a password is.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from parlour_client.extras.company_login.bodies import CompanyCode, CompanyLogin, CompanyPending, CompanyPoll
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import ApiRefusedError, SetupError, UnreachableError
from parlour_client.kit.language import _
from parlour_client.kit.transport.https import Api, understood
from parlour_protocol.kit.api import SessionCreated, decode_payload
from parlour_protocol.kit.errors import ErrorCode, MalformedFrameError
from parlour_protocol.kit.names import DeviceName
from parlour_protocol.kit.session_key import SessionKey

BEGIN: Final = "/v1/company-logins"
POLL: Final = "/v1/company-logins/session"
_LONGEST_WAIT: Final = 60
_LONGEST: Final = 3_600
"""Seconds: then a server that can't be reached is not asked any more."""


async def log_in(
    api: Api, device: DeviceName, key: SessionKey, show: Callable[[CompanyCode], None], clock: Clock
) -> SessionCreated:
    """Return the session that begins when the person has approved. Raises ParlourClientError."""
    try:
        begun = await api.call("POST", BEGIN, CompanyCode, body=CompanyLogin(device, key))
    except ApiRefusedError as error:
        if error.code != ErrorCode.NOT_FOUND:
            raise
        raise SetupError(
            _("This server has no company login."), _("Log in with your password: parlour login")
        ) from error
    show(begun)
    interval, until = begun.interval, clock.now() + min(begun.expires_in, _LONGEST) * 1_000
    while True:
        await clock.sleep(min(max(interval, 1), _LONGEST_WAIT))
        try:
            data = await api.succeed("POST", POLL, None, CompanyPoll(begun.login, key))
        except (ApiRefusedError, UnreachableError) as error:
            is_passing = isinstance(error, UnreachableError) or error.code == ErrorCode.UNAVAILABLE
            if not is_passing or clock.now() >= until:
                raise
            continue
        try:
            interval = decode_payload(CompanyPending, data).interval
        except MalformedFrameError:
            return understood(SessionCreated, data)


def to_scan(code: CompanyCode) -> str:
    """Return what a QR code has: with the code in it only at the place that is shown as well."""
    shown, whole = urlsplit(code.address), urlsplit(code.with_code)
    return code.with_code if whole.netloc == shown.netloc else code.address
