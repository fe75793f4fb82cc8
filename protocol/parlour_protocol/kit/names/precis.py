"""The PRECIS profiles that names go through (RFC 8265, RFC 8266), as functions with our error.

It adds nothing to the profiles. `precis_i18n` builds its profiles at import, so this module is imported only
for names beyond ASCII, by `canonical.py` and `device_name.py`.
"""

from typing import Final

from precis_i18n import get_profile

from parlour_protocol.kit.names.errors import NameReason, NameRefusedError

_USER_NAME: Final = get_profile("UsernameCaseMapped:ToLower")
_NICKNAME: Final = get_profile("NicknameCasePreserved")


def enforce_user_name(raw: str) -> str:
    """Return the name after UsernameCaseMapped (RFC 8265 section 3.3)."""
    try:
        return _USER_NAME.enforce(raw)
    except UnicodeEncodeError:
        raise NameRefusedError(NameReason.CHARACTERS) from None


def enforce_nickname(raw: str) -> str:
    """Return the text after the Nickname profile, its case kept (RFC 8266 section 2)."""
    try:
        return _NICKNAME.enforce(raw)
    except UnicodeEncodeError:
        raise NameRefusedError(NameReason.CHARACTERS) from None
