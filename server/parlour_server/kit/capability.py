"""What can be taken out of a server: a folder with one ``Capability``, named in `capabilities/__init__.py`.

The core never names one: it asks ``Hooks`` at the places that a capability may touch. Whoever removes the
folder and its lines has removed the capability, with its commands, its tables and what it does.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parlour_server.kit.hooks import Hooks
from parlour_server.kit.store.table_facts import Tables

if TYPE_CHECKING:
    import click

    from parlour_server.kit.running_program import Parts


async def _start_nothing(_parts: "Parts[Any, Any]", _hooks: Hooks) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a capability brings. Importing it is cheap: what costs time is loaded by what needs it."""

    name: str
    """That of its folder."""
    start: "Callable[[Parts[Any, Any], Hooks], Awaitable[None]]" = _start_nothing
    """Called once by a server that starts, before the program. Raises SetupError, which stops the start."""
    commands: "tuple[click.Command, ...]" = ()
    """Of the command line."""
    tables: Tables | None = None
    """Its tables of the database."""


async def start_all(capabilities: Iterable[Capability], parts: "Parts[Any, Any]") -> Hooks:
    """Start each of them in turn. Raises SetupError if one can't start."""
    hooks = Hooks()
    for one in capabilities:
        await one.start(parts, hooks)
    return hooks


def tables_of(capabilities: Iterable[Capability]) -> tuple[Tables, ...]:
    """Return the tables that they have."""
    return tuple(one.tables for one in capabilities if one.tables is not None)
