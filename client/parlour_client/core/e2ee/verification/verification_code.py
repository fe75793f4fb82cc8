"""The code by which others verify us: our name, server and account key as one word, or as a QR code.

Only letters and digits that a QR code packs tightly and a terminal copies whole; four bytes of checksum
detect truncation and typos. A code proves nothing by itself: it must come from the person, not through the
chat that it verifies. Pure.
"""

import base64
import binascii
import hashlib
from typing import Final

from parlour_client.core.e2ee.identity.signing import KEY_BYTES
from parlour_client.core.e2ee.verification.safety_number import Party
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.names import NameRefusedError, UserName, parse_user_name

CODE_PREFIX: Final = "PARLOUR1:"
_CHECK: Final = 4
_LONGEST: Final = 1_024
_HINT: Final = N_("Copy the whole code, from PARLOUR1: to its end.")


def code_of(party: Party) -> str:
    """Return the code."""
    content = party.key + f"{party.user}@{party.server}".encode()
    return CODE_PREFIX + base64.b32encode(content + _checksum(content)).decode().rstrip("=")


def read_code(text: str) -> Party:
    """Parse a code that was typed or pasted, whatever its spaces, lines and case. Raises SetupError."""
    packed = "".join(text[:_LONGEST].split()).upper()
    if not packed.startswith(CODE_PREFIX):
        raise SetupError(_("That is not a Parlour verification code."), _HINT)
    packed = packed.removeprefix(CODE_PREFIX)
    try:
        data = base64.b32decode(packed + "=" * (-len(packed) % 8))
    except binascii.Error:
        raise SetupError(_("The verification code is damaged or cut off."), _HINT) from None
    content, checksum = data[:-_CHECK], data[-_CHECK:]
    if len(content) <= KEY_BYTES or checksum != _checksum(content):
        raise SetupError(_("The verification code is damaged or cut off."), _HINT)
    return _party(content)


def person_of(text: str) -> UserName:
    """Return the person that a code is about. Raises SetupError."""
    return read_code(text).user


def _party(content: bytes) -> Party:
    try:
        user, _at, server = content[KEY_BYTES:].decode().partition("@")
        return Party(parse_user_name(user), server, content[:KEY_BYTES])
    except (UnicodeDecodeError, NameRefusedError):
        raise SetupError(_("The verification code names no one."), _HINT) from None


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(b"parlour code v1\0" + content).digest()[:_CHECK]
