"""Recovery codes: for someone who has lost their other factor. Each works once.

A code is 120 random bits, so that a plain digest of it is enough in the store (OWASP ASVS 6.5.2: from 112).
"""

import secrets
from base64 import b32encode
from typing import Final

from parlour_protocol.kit.secret import Secret

CODES: Final = 10
_BYTES: Final = 15
_GROUP: Final = 4
_LONGEST: Final = 64


def new_codes() -> tuple[Secret, ...]:
    """Return new codes, in groups of four characters: `ABCD-EFGH-…`."""
    return tuple(Secret(_grouped(b32encode(secrets.token_bytes(_BYTES)).decode())) for _ in range(CODES))


def digest_of(code: Secret) -> bytes:
    """Return what the store knows of a code as someone typed it: case, spaces and hyphens don't matter."""
    typed = code.reveal()[:_LONGEST].upper()
    return Secret("".join(typed.replace("-", " ").split())).digest()


def _grouped(text: str) -> str:
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))
