"""Facts about tables for a server that loads no SQLAlchemy: which rows have expired, and what bounds them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from sqlalchemy import MetaData

    from parlour_protocol.kit.names import UserName
    from parlour_server.core.store.engine.integrity import Check

Metadata: TypeAlias = "MetaData"
"""Of SQLAlchemy, for whoever does not load it."""

KIT_BOUNDS: Final[Mapping[str, str]] = {
    "accounts": "invites",
    "alembic_version": "one row for each branch of the schema",
    "attempts": "pruned after a week",
    "health": "one row",
    "incarnation": "one row",
    "invites": "pruned after they ended",
    "journal": "an hour, or 1,000 entries",
    "logs": "one for each log",
    "sessions": "logins.sessions_per_user; pruned after they ended",
}
"""The bound of each table of the core, in a few words."""


class Rule(NamedTuple):
    """Rows of ``table``, with this primary key, are deleted when ``over``; ``?1`` is a time."""

    table: str
    key: tuple[str, ...]
    over: str


class AccountRows(NamedTuple):
    """The rows of ``table`` with an account's name in ``account``, which are deleted with the account.

    The journal says then that ``table`` has changed.
    """

    table: str
    export: "Callable[[Any, UserName], Awaitable[Mapping[str, object]]] | None" = None
    """Returns what an export of the account has of them, from the open store; absent: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tables:
    """The tables of a capability, which references none of another one."""

    metadata: Callable[[], Metadata]
    """Returns them; called by commands only, because it loads SQLAlchemy."""
    bounds: Mapping[str, str]
    """The bound of each of them, in a few words, by its name: `disk show`."""
    rules: tuple[Rule, ...] = ()
    """The rules by which ``Pruner`` deletes their rows."""
    of_accounts: tuple[AccountRows, ...] = ()
    """The tables with rows of accounts: each that refers to one."""
    find_damage: "Check | None" = None
    """`doctor` and backups: what is damaged in them."""
