"""The safety number of two people: sixty digits that are the same on both sides if the keys are.

Each side is hashed as in Signal's NumericFingerprint, 5,200 rounds of SHA-512 over key and name, so that
searching for a key with like digits is slow. Other than there the two are then hashed together: each group
depends on both keys, so also the last one alone, which the person types. Compared anywhere but in this chat.
"""

import functools
import hashlib
from dataclasses import dataclass
from typing import Final

from parlour_protocol.names import UserName

ROUNDS: Final = 5_200
_VERSION: Final = b"\0\0parlour safety number v1\0"
_GROUP: Final = 5
_GROUPS: Final = 12
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
    digest = hashlib.sha512(_VERSION + b"".join(sorted((_slow(one), _slow(other))))).digest()
    chunks = (digest[start : start + _GROUP] for start in range(0, _GROUP * _GROUPS, _GROUP))
    return " ".join(f"{int.from_bytes(chunk, 'big') % _MODULUS:05}" for chunk in chunks)


def last_group(number: str) -> str:
    """Return the five digits that a person types to say that they compared the number."""
    return number.rsplit(" ", 1)[-1]


def _slow(party: Party) -> bytes:
    name = f"{party.user}@{party.server}".encode()
    digest = hashlib.sha512(_VERSION + party.key + name).digest()
    for _ in range(ROUNDS):
        digest = hashlib.sha512(digest + party.key).digest()
    return digest
