"""Examples of frames."""

from typing import Annotated, Literal

import pytest
from msgspec import Meta
from tests.server.core.connections.toy import Say, Words

from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.frames import Part, Push
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import UserName
from parlour_server.testing.examples import example

from ticker.frames import Price, Watch


class Place(Part, frozen=True):
    """A part."""

    row: Annotated[int, Meta(ge=1, le=3)]
    mark: Literal["x", "o"]


class Moved(Push, frozen=True, tag="moved"):
    """A frame with fields of many kinds."""

    by: UserName
    words: Words
    places: Annotated[tuple[Place, ...], Meta(min_length=2, max_length=9)]
    done: bool


class Odd(Push, frozen=True, tag="odd"):
    """A frame that nothing simple is an example of."""

    code: Annotated[str, Meta(pattern=r"\Aq7-[0-9]{9}\Z")]


def test_examples() -> None:
    """Each can be read by the other side, with the smallest values; what is given is kept."""
    name = new_request_id()
    assert example(Watch, id=name) == Watch(name, ())
    assert example(Say, id=name) == Say(name)
    assert example(Price) == Price("A", 0)
    assert example(Moved).places == (Place(row=1, mark="o"),) * 2


def test_a_pattern_that_nothing_matches() -> None:
    """It is said, with the fields."""
    with pytest.raises(ProgramError, match="no example of Odd: give its fields code yourself"):
        example(Odd)
