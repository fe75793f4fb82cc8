"""The safety number of two people: sixty digits that are the same on both sides if the keys are.

Computed as Signal's NumericFingerprint: 5,200 rounds of SHA-512 over key and name for each side, so that
nobody searches for a key whose digits begin alike; the two halves are sorted. People compare it anywhere but
in this chat. Pure.
"""

import functools
import hashlib
from dataclasses import dataclass
from typing import Final

from parlour_protocol.names import UserName

ROUNDS: Final = 5_200
_VERSION: Final = b"\0\0parlour safety number v1\0"
_GROUP: Final = 5
_GROUPS_EACH: Final = 6
_MODULUS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Party:
    """One side: who, and the account key that is known of them."""

    user: UserName
    server: str
    key: bytes


@functools.lru_cache(256)
def safety_number(one: Party, other: Party) -> str:
    """Return 12 groups of 5 digits; the order of the two does not matter."""
    return " ".join(sorted((_half(one), _half(other))))


def last_group(number: str) -> str:
    """Return the five digits that a person types to say that they compared the number."""
    return number.rsplit(" ", 1)[-1]


def _half(party: Party) -> str:
    name = f"{party.user}@{party.server}".encode()
    digest = hashlib.sha512(_VERSION + party.key + name).digest()
    for _ in range(ROUNDS):
        digest = hashlib.sha512(digest + party.key).digest()
    chunks = (digest[start : start + _GROUP] for start in range(0, _GROUP * _GROUPS_EACH, _GROUP))
    return " ".join(f"{int.from_bytes(chunk, 'big') % _MODULUS:05}" for chunk in chunks)
