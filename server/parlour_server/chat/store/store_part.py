"""What a capability of the chat has in the store besides its tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPart:
    """What its tables have of an account; the first value of each statement is the account's name."""

    counts: Mapping[str, str] = field(default_factory=dict)
    """Queries that count something, by what it is."""
    authors: tuple[tuple[str, str], ...] = ()
    """What gets another author when the account is deleted: finds keys, with a limit, and changes a row.

    The values of the change are the key and the new author.
    """
    exported: Mapping[str, tuple[Sequence[str], str]] = field(default_factory=dict)
    """Columns and query of each file of an export, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePart:
    """What the store asks a capability for."""

    accounts: AccountPart = field(default_factory=AccountPart)
    """What its tables have of an account."""
