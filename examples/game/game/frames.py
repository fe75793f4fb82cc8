"""The frames between client and server. ``Wire`` checks them when this is imported."""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from parlour_protocol.kit.frames import Error, Hello, Ok, Part, Push, Request
from parlour_protocol.kit.id_fields import SeqOrZero
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.wire import Wire

from game.rules import COLUMNS, ROWS, Act, End, Step

TABLES_EACH: Final = 3
"""Tables of each person: a match at one of them ends before the next begins there."""
TABLES_PAGE: Final = 100


class Table(Part, frozen=True):
    """Which table: the first, second or third of its host."""

    host: UserName
    number: Annotated[int, Meta(ge=1, le=TABLES_EACH)]

    @property
    def name(self) -> str:
        """The name of its log, and what people call it."""
        return f"{self.host} {self.number}"


class Listed(Part, frozen=True):
    """A table in the list. ``seq`` grows with each step at it."""

    table: Table
    seq: SeqOrZero
    red: UserName
    yellow: UserName | None
    moves: Annotated[int, Meta(ge=0, le=COLUMNS * ROWS)]
    turn: UserName | None
    end: End | None
    winner: UserName | None


class ListTables(Request, frozen=True, tag="list_tables"):
    """Get a page of the list, and each table that changes from now on."""

    after: Table | None = None


class Follow(Request, frozen=True, tag="follow"):
    """Get a table's steps above ``after``, and each new one from now on; and those of no other table."""

    table: Table
    after: SeqOrZero


class Play(Request, frozen=True, tag="play"):
    """Do something at a table."""

    table: Table
    act: Act


class Tables(Part, frozen=True, tag="tables"):
    """A page of the list."""

    tables: Annotated[tuple[Listed, ...], Meta(max_length=TABLES_PAGE)]
    more: bool


class Steps(Part, frozen=True, tag="steps"):
    """The steps of a table, from its last match only."""

    steps: tuple[Step, ...]


class Played(Push, frozen=True, tag="played"):
    """A new step at the table that you follow."""

    table: Table
    step: Step


class Changed(Push, frozen=True, tag="changed"):
    """A table in the list has changed, or is new."""

    listed: Listed


Requests: TypeAlias = ListTables | Follow | Play
Results: TypeAlias = Tables | Steps
Pushes: TypeAlias = Played | Changed

WIRE: Final[Wire[Requests, Hello | Ok[Results] | Error | Pushes]] = Wire(
    "game.v1", requests=Requests, reads=(ListTables, Follow), results=Results, pushes=Pushes
)
