"""Four in a row: who may do what at a table, and what comes of it. No I/O: values in, values out.

The server decides with ``after`` before it stores a step. A client applies the same function to the steps
that it gets, so both see the same match, and a client believes no step that breaks the rules.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Final, Literal, TypeAlias, assert_never

from msgspec import Meta
from msgspec.structs import replace

from parlour_protocol.kit.frames import Part
from parlour_protocol.kit.id_fields import MillisField, SeqField
from parlour_protocol.kit.names import UserName

COLUMNS: Final = 7
ROWS: Final = 6
SECONDS_TO_MOVE: Final = 120
"""After so long without a move, the other player may claim the win."""

Column = Annotated[int, Meta(ge=0, lt=COLUMNS)]
Cell: TypeAlias = tuple[int, int]
"""A column and a row; row 0 is the lowest."""

LINES: Final[tuple[frozenset[Cell], ...]] = tuple(
    frozenset((column + right * step, row + up * step) for step in range(4))
    for right, up in ((1, 0), (0, 1), (1, 1), (1, -1))
    for column in range(COLUMNS)
    for row in range(ROWS)
    if column + 3 * right < COLUMNS and 0 <= row + 3 * up < ROWS
)
"""All places for four in a row."""


class Open(Part, frozen=True, tag="open"):
    """Begin a match, as red, and wait for someone to play with."""


class Sit(Part, frozen=True, tag="sit"):
    """Take the other seat. Red moves first."""


class Drop(Part, frozen=True, tag="drop"):
    """Drop a disc into a column."""

    column: Column


class Resign(Part, frozen=True, tag="resign"):
    """Give up; a match that no one has joined is withdrawn."""


class Claim(Part, frozen=True, tag="claim"):
    """Win because the other player has not moved in time."""


Act = Open | Sit | Drop | Resign | Claim


class Step(Part, frozen=True):
    """An entry of a table's log: who did what."""

    seq: SeqField
    at: MillisField
    by: UserName
    act: Act


class End(StrEnum):
    """How a match ended."""

    FOUR = "four"
    FULL = "full"
    RESIGNED = "resigned"
    TIMEOUT = "timeout"
    WITHDRAWN = "withdrawn"


class Match(Part, frozen=True):
    """A match as it is after a step."""

    begin: SeqField
    """The step that opened it."""
    at: MillisField
    """When its last step was made."""
    red: UserName
    yellow: UserName | None = None
    moves: Annotated[tuple[Column, ...], Meta(max_length=COLUMNS * ROWS)] = ()
    end: End | None = None
    winner: UserName | None = None

    @property
    def turn(self) -> UserName | None:
        """Whose turn it is; None before and after the match."""
        if self.end is not None or self.yellow is None:
            return None
        return self.yellow if len(self.moves) % 2 else self.red


class IllegalActError(ValueError):
    """The rules don't allow it; the text is a sentence for the one who tried."""


def after(match: Match | None, step: Step) -> Match:
    """Return the match after a step. ``match`` is None before the first one. Raises IllegalActError."""
    if isinstance(step.act, Open):
        if match is not None and match.end is None:
            raise IllegalActError("A match is going on at this table.")
        return Match(begin=step.seq, at=step.at, red=step.by)
    if match is None:
        raise IllegalActError("There is no match at this table.")
    if match.end is not None:
        raise IllegalActError("The match is over.")
    match step.act:
        case Sit():
            return _sit(match, step)
        case Drop(column):
            return _drop(match, step, column)
        case Resign():
            return _resign(match, step)
        case Claim():
            return _claim(match, step)
        case _:
            assert_never(step.act)


def replay(steps: Iterable[Step]) -> Match | None:
    """Return the match after all these steps, the first of which opens one. Raises IllegalActError."""
    match = None
    for step in steps:
        match = after(match, step)
    return match


def discs(moves: Iterable[int]) -> dict[Cell, Literal["red", "yellow"]]:
    """Return which cells have a disc, and whose, after these moves."""
    heights = [0] * COLUMNS
    found: dict[Cell, Literal["red", "yellow"]] = {}
    for number, column in enumerate(moves):
        found[column, heights[column]] = "yellow" if number % 2 else "red"
        heights[column] += 1
    return found


def four(moves: Iterable[int]) -> frozenset[Cell]:
    """Return the cells of all lines of four discs of one colour: none while no one has won."""
    found = discs(moves)
    won = (line for line in LINES if len({found.get(cell) for cell in line}) == 1 and line <= found.keys())
    return frozenset[Cell]().union(*won)


def _sit(match: Match, step: Step) -> Match:
    if match.yellow is not None:
        raise IllegalActError("Both seats are taken.")
    if match.red == step.by:
        raise IllegalActError("You sit at this table already.")
    return replace(match, at=step.at, yellow=step.by)


def _drop(match: Match, step: Step, column: int) -> Match:
    _check_seated(match, step.by)
    if match.yellow is None:
        raise IllegalActError("No one sits opposite you yet.")
    if match.turn != step.by:
        raise IllegalActError("It is not your turn.")
    if match.moves.count(column) == ROWS:
        raise IllegalActError("This column is full.")
    match = replace(match, at=step.at, moves=(*match.moves, column))
    if four(match.moves):
        return replace(match, end=End.FOUR, winner=step.by)
    return replace(match, end=End.FULL) if len(match.moves) == COLUMNS * ROWS else match


def _resign(match: Match, step: Step) -> Match:
    _check_seated(match, step.by)
    if match.yellow is None:
        return replace(match, at=step.at, end=End.WITHDRAWN)
    winner = match.yellow if step.by == match.red else match.red
    return replace(match, at=step.at, end=End.RESIGNED, winner=winner)


def _claim(match: Match, step: Step) -> Match:
    _check_seated(match, step.by)
    if match.yellow is None:
        raise IllegalActError("No one sits opposite you yet.")
    if match.turn == step.by:
        raise IllegalActError("It is your own turn.")
    left = SECONDS_TO_MOVE - (step.at - match.at) // 1000
    if left > 0:
        raise IllegalActError(f"They have {left} more seconds to move.")
    return replace(match, at=step.at, end=End.TIMEOUT, winner=step.by)


def _check_seated(match: Match, user: UserName) -> None:
    if user not in {match.red, match.yellow}:
        raise IllegalActError("You don't play in this match.")
