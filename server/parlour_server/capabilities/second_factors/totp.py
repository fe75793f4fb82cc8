"""Codes of an app (TOTP, RFC 6238): six digits for each half minute.

Only the code of this very half minute, by the server's clock, is right: no window makes it valid for longer.
That each is used once is the store's part. Comparing takes the same time for every code.
"""

import re
from datetime import UTC, datetime
from typing import Final

import pyotp
from pyotp.totp import TOTP

from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.secret import Secret

STEP_SECONDS: Final = 30
_CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)


def new_secret() -> Secret:
    """Return a secret of 160 bits, as the base32 that an app takes."""
    return Secret(pyotp.random_base32(32))


def matching_step(secret: Secret, code: Secret, now: Millis) -> int | None:
    """Return the number of this half minute if this is its code, else None."""
    typed = code.reveal().replace(" ", "")
    if not _CODE.fullmatch(typed):
        return None
    at = datetime.fromtimestamp(now / 1000, UTC)
    totp = TOTP(secret.reveal(), interval=STEP_SECONDS)
    return totp.timecode(at) if totp.verify(typed, for_time=at, valid_window=0) else None


def setup_uri(secret: Secret, *, account: str, server: str) -> Secret:
    """Return what a QR code tells an app: `otpauth://totp/…`."""
    app = TOTP(secret.reveal(), name=account, issuer=server, interval=STEP_SECONDS)
    return Secret(app.provisioning_uri())
