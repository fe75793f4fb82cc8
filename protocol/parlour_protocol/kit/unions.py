"""Unions of frames, bodies and results, and tables over them: none of their members can be left out.

Both checks run when the module is imported that has the union or the table.
"""

import typing
from collections.abc import Mapping
from types import UnionType
from typing import Any, TypeVar, cast

import msgspec

from parlour_protocol.kit.errors import ProgramError

V = TypeVar("V")


def members(union: object) -> tuple[type[Any], ...]:
    """Return the types of a union, or the type itself."""
    is_union = isinstance(union, UnionType) or typing.get_origin(union) is typing.Union
    return typing.get_args(union) if is_union else (cast("type[Any]", union),)


def check_union(base: type[msgspec.Struct], union: object, name: str, *stated: str) -> None:
    """Require each kind of ``base`` in the union, and each of ``stated`` written at its class.

    A class from which others inherit is none of the kinds. Raises ProgramError.
    """
    kinds = members(union)
    for kind in _leaves(base):
        if kind not in kinds:
            raise ProgramError(f"{kind.__name__} is not in {name}: add it")
    for kind in kinds:
        for fact in stated:
            if fact not in vars(kind):
                raise ProgramError(f"{kind.__name__} has no {fact}: write {fact} = … in its class")


def total(union: UnionType, table: Mapping[type[Any], V], name: str) -> Mapping[type[Any], V]:
    """Return a table that has an entry for each type of a union. Raises ProgramError."""
    for kind in members(union):
        if kind not in table:
            raise ProgramError(f"{name} has nothing for {kind.__name__}: add it")
    return table


def _leaves(base: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    return [leaf for kind in base.__subclasses__() for leaf in (_leaves(kind) or [kind])]
