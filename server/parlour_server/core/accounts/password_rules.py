"""The rules for a new password: NIST SP 800-63B-4 section 3.1.1.2.

Fifteen code points at least, 1024 bytes at most, not on the blocklist, not made of the names at hand; any
character is allowed, there are no composition rules, and passwords do not expire.
"""

import unicodedata
from collections.abc import Iterable

from parlour_protocol.kit.limits import PASSWORD_BYTES, PASSWORD_MIN
from parlour_protocol.kit.secret import Secret
from parlour_server.core.accounts.password_blocklist import why_guessable
from parlour_server.core.errors import PasswordRefusedError


def check_new_password(password: Secret, names: Iterable[str]) -> None:
    """Raise PasswordRefusedError for a password that breaks a rule.

    ``names`` are the words that belong to this account: user, server, device.
    """
    value = password.reveal()
    if len(value) > PASSWORD_BYTES.value:
        raise PasswordRefusedError(f"The password is longer than {PASSWORD_BYTES.value} bytes.")
    value = unicodedata.normalize("NFKC", value)
    if any(0xD800 <= ord(char) <= 0xDFFF for char in value):  # noqa: PLR2004 - the surrogates
        raise PasswordRefusedError("The password is not Unicode text.")
    # Code points are counted before NFKC, which makes eighteen of U+FDFA.
    if min(len(password.reveal()), len(value)) < PASSWORD_MIN.value:
        raise PasswordRefusedError(
            f"The password is too short. Use at least {PASSWORD_MIN.value} characters, "
            "for example four words."
        )
    if len(value.encode()) > PASSWORD_BYTES.value:
        raise PasswordRefusedError(f"The password is longer than {PASSWORD_BYTES.value} bytes.")
    if reason := why_guessable(value, names):
        raise PasswordRefusedError(reason)
