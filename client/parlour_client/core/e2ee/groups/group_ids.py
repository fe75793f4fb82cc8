"""Group ids as bytes, and the digits by which people compare the state of a group."""

import base64

from parlour_protocol.ids import GroupId


def group_bytes(group: GroupId) -> bytes:
    """Return a group's id as MLS has it."""
    return base64.urlsafe_b64decode(group + "=" * (-len(group) % 4))


def digits(authenticator: bytes) -> str:
    """Return 30 digits in groups of five: equal for all who are in the same group and epoch."""
    numbers = [int.from_bytes(authenticator[at : at + 5]) % 100_000 for at in range(0, 30, 5)]
    return " ".join(f"{number:05}" for number in numbers)
