"""What belongs into a union or a table cannot be left out."""

from typing import ClassVar

import pytest

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.frames import Part
from parlour_protocol.kit.unions import check_union, members, total


class Animal(Part, frozen=True, tag_field="kind"):
    """An animal."""

    legs: ClassVar[int]


class Bird(Animal, frozen=True):
    """What birds have in common: none of the kinds."""

    legs = 2


class Hen(Bird, frozen=True, tag="hen"):
    """It states its legs itself."""

    legs = 2


class Duck(Bird, frozen=True, tag="duck"):
    """It takes its legs from another class."""


class Dog(Animal, frozen=True, tag="dog"):
    """It has legs."""

    legs = 4


def test_a_kind_that_is_left_out_is_an_error() -> None:
    """It would be decoded by no one, and be in no table."""
    check_union(Animal, Hen | Duck | Dog, "AnyAnimal")
    with pytest.raises(ProgramError, match="Dog is not in AnyAnimal"):
        check_union(Animal, Hen | Duck, "AnyAnimal")


def test_each_kind_states_its_facts_itself() -> None:
    """What it takes from another class was not thought about."""
    with pytest.raises(ProgramError, match="Duck has no legs: write legs = … in its class"):
        check_union(Animal, Hen | Duck | Dog, "AnyAnimal", "legs")


def test_a_table_has_an_entry_for_each() -> None:
    """Or it does not exist."""
    table = {Hen: "cluck", Dog: "wuff"}
    assert total(Hen | Dog, table, "SOUNDS") is table
    with pytest.raises(ProgramError, match="SOUNDS has nothing for Duck"):
        total(Hen | Dog | Duck, table, "SOUNDS")


def test_one_type_is_a_union_of_one() -> None:
    """As in a program that has one kind of frame."""
    assert members(Hen) == (Hen,)
    assert members(Hen | Dog) == (Hen, Dog)
