"""Limits that the operator gives single accounts, in place of those of the settings (`user limits`).

They are in memory, and read again whenever the journal says that they changed. A setting can be given to an
account when it is marked so (``setting(…, of_account=True)``).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from parlour_protocol.kit.names import UserName

NONE: Final[Mapping[UserName, int]] = {}


class AccountLimits:
    """The limits of all accounts that have any of their own."""

    def __init__(self) -> None:
        self.by_name: Mapping[str, Mapping[UserName, int]] = {}
        """The accounts with a limit of a name, and their limits."""

    def replace(self, limits: Iterable[tuple[UserName, str, int]]) -> None:
        """Use these from now on, and no others."""
        by_name: dict[str, dict[UserName, int]] = {}
        for user, name, value in limits:
            by_name.setdefault(name, {})[user] = value
        self.by_name = by_name

    def of(self, user: UserName, name: str, setting: int) -> int:
        """Return the account's limit ``name``, by default what the ``setting`` says."""
        return self.by_name.get(name, NONE).get(user, setting)
