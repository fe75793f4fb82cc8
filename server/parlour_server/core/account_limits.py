"""Limits that the operator gives single accounts, in place of those of the settings (`user limits`).

They are in memory, and read again whenever the journal says that they changed. A setting can be given to an
account when it is marked so (``setting(…, of_account=True)``).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from parlour_protocol.kit.names import UserName

_NONE: Final[Mapping[UserName, int]] = {}


class AccountLimits:
    """The limits of all accounts that have any of their own."""

    def __init__(self) -> None:
        self._by_name: dict[str, dict[UserName, int]] = {}

    def replace(self, limits: Iterable[tuple[UserName, str, int]]) -> None:
        """Use these from now on, and no others."""
        by_name: dict[str, dict[UserName, int]] = {}
        for user, name, value in limits:
            by_name.setdefault(name, {})[user] = value
        self._by_name = by_name

    def of(self, user: UserName, name: str, setting: int) -> int:
        """Return the account's limit ``name``, by default what the ``setting`` says."""
        return self._by_name.get(name, _NONE).get(user, setting)

    def named(self, name: str) -> Mapping[UserName, int]:
        """Return the accounts with a limit of this name, and their limits."""
        return self._by_name.get(name, _NONE)
