"""The safety number of two people: sixty digits that are the same on both sides if the keys are.

Each side is hashed as in Signal's NumericFingerprint, 5,200 rounds of SHA-512 over key and name, so that
searching for a key with similar digits is slow. Unlike there, the two are then hashed together: each group
depends on both keys, also those at the end, which the person types. It must be compared outside of this chat.
"""

import functools
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _
from parlour_protocol.kit.names import UserName

ROUNDS: Final = 5_200
_VERSION: Final = b"\0\0parlour safety number v1\0"
_GROUP: Final = 5
_GROUPS: Final = 12
_MODULUS: Final = 100_000
TYPED: Final = 20
"""Digits to type at least: four groups."""


@dataclass(frozen=True, slots=True)
class Party:
    """One side: a person, and the account key that is known of them."""

    user: UserName
    server: str
    key: bytes


@functools.lru_cache(256)
def safety_number(one: Party, other: Party) -> str:
    """Return 12 groups of 5 digits; the order of the two does not matter."""
    digest = hashlib.sha512(_VERSION + b"".join(sorted((_slow(one), _slow(other))))).digest()
    chunks = (digest[start : start + _GROUP] for start in range(0, _GROUP * _GROUPS, _GROUP))
    return " ".join(f"{int.from_bytes(chunk, 'big') % _MODULUS:05}" for chunk in chunks)


def check_typed(number: str, typed: str, user: UserName) -> None:
    """Require enough typed digits as proof that the number was compared: at least its last 20.

    Spaces between them are ignored. Fewer digits can be matched by trying keys: the last five after 100,000
    of them on average, which takes minutes; twenty after 10^20. Raises SetupError.
    """
    digits, whole = "".join(typed.split()), number.replace(" ", "")
    if not (digits.isascii() and digits.isdigit()) or len(digits) < TYPED:
        raise SetupError(
            _(
                "Type at least the last {typed} digits of the safety number with {user}: its last four "
                "groups."
            ).format(typed=TYPED, user=user),
            _("Fewer digits prove too little: trying 100,000 keys finds one with the same last five digits."),
        )
    if not hmac.compare_digest(whole[-len(digits) :].encode(), digits.encode()):
        raise SetupError(
            _("These are not the last digits of the safety number with {user}.").format(user=user),
            _("Compare all twelve groups with {user}. If they differ, someone may be intercepting.").format(
                user=user
            ),
        )


def _slow(party: Party) -> bytes:
    name = f"{party.user}@{party.server}".encode()
    digest = hashlib.sha512(_VERSION + party.key + name).digest()
    for _round in range(ROUNDS):
        digest = hashlib.sha512(digest + party.key).digest()
    return digest
