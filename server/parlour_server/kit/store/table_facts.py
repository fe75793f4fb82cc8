"""What a server knows of tables without loading SQLAlchemy: which rows have expired, and what bounds them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sqlalchemy import MetaData


class Rule(NamedTuple):
    """Rows of ``table``, with this primary key, are deleted when ``over``; ``?1`` is a time."""

    table: str
    key: tuple[str, ...]
    over: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tables:
    """The tables of a capability, which references none of another one."""

    metadata: "Callable[[], MetaData]"
    """Returns them; called by commands only, because it loads SQLAlchemy."""
    bounds: Mapping[str, str]
    """What bounds each of them, in a few words, by its name: `disk show`."""
    rules: tuple[Rule, ...] = ()
    """What ``Pruner`` deletes of them."""
