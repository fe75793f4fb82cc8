"""Two programs that are not a chat, for the tests of the kit: a ticker and a game of noughts and crosses."""

from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta

from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.frames import Error, Greeting, Hello, Ok, Part, Push, Request
from parlour_protocol.kit.id_fields import Count, MillisField, SeqField, SeqOrZero
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.opaque import Opaque
from parlour_protocol.kit.wire import Wire

Symbol = Annotated[str, Meta(pattern=r"\A[A-Z]{1,8}\Z")]


class Watch(Request, frozen=True, tag="watch"):
    """Watch these symbols only."""

    symbols: Annotated[tuple[Symbol, ...], Meta(max_length=50)]


class Price(Push, frozen=True, tag="price"):
    """A symbol costs so many cents."""

    symbol: Symbol
    cents: Count
    change: float = 0.0


TICKER: Final = Wire[Watch, Hello | Ok[None] | Error | Price]("ticker.v1", requests=Watch, pushes=Price)


class Mark(StrEnum):
    """Noughts and crosses."""

    NOUGHT = "o"
    CROSS = "x"


class Remark(WireText):
    """What a player says."""

    __slots__ = ()
    max_bytes = 80


class Board(Opaque):
    """Nine squares."""

    __slots__ = ()
    max_bytes = 9
    min_bytes = 9


class OpenTable(Request, frozen=True, tag="open_table"):
    """Sit down at a new table. Answer: ``table_opened``."""

    remark: Remark | None = None


class Move(Request, frozen=True, tag="move"):
    """Put your mark. Answer: ``moved``."""

    table: Count
    square: Annotated[int, Meta(ge=0, le=8)]


class ListMoves(Request, frozen=True, tag="moves"):
    """Ask for the moves after a number. Answer: ``moves``."""

    table: Count
    after: SeqOrZero


class Moved(Part, frozen=True, tag="moved", tag_field="kind"):
    """A move, as it is in the log."""

    seq: SeqField
    player: UserName
    mark: Mark
    square: Annotated[int, Meta(ge=0, le=8)]


class TableOpened(Part, frozen=True, tag="table_opened", tag_field="kind"):
    """You sit here."""

    table: Count


class Turn(Part, frozen=True):
    """One row of a page."""

    seq: SeqField
    board: Board


class Moves(Part, frozen=True, tag="moves", tag_field="kind"):
    """Moves in order."""

    turns: tuple[Turn, ...]
    more: bool = False


class TurnTaken(Push, frozen=True, tag="turn_taken"):
    """Someone moved."""

    at: MillisField
    turn: Turn


class GameOver(Push, frozen=True, tag="game_over"):
    """Someone won, or no one."""

    winner: UserName | None = None


class Lobby(Greeting, frozen=True, tag="lobby"):
    """The game's own greeting."""

    tables: tuple[Count, ...] = ()


AnyMove = OpenTable | Move | ListMoves
AnyResult = TableOpened | Moved | Moves
GAME: Final = Wire[AnyMove, Lobby | Ok[AnyResult] | Error | TurnTaken | GameOver](
    "game.v2",
    path="/v1/play",
    requests=AnyMove,
    pushes=TurnTaken | GameOver,
    results=AnyResult,
    greeting=Lobby,
)
