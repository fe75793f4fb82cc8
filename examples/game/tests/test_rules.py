"""The rules, without a server."""

from random import Random

import pytest

from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_user_name

from game.rules import (
    COLUMNS,
    LINES,
    ROWS,
    SECONDS_TO_MOVE,
    Act,
    Cell,
    Claim,
    Drop,
    End,
    IllegalActError,
    Match,
    Open,
    Resign,
    Sit,
    Step,
    after,
    discs,
    four,
    replay,
)

ANNA, BEN, CLEO = (parse_user_name(name) for name in ("anna", "ben", "cleo"))
DRAW = [*map(int, "010110100101232332322323454554544545"), *[6] * ROWS]


def step(number: int, by: str, act: Act, at: int = 0) -> Step:
    """Return a step of a table's log."""
    return Step(Seq(number), Millis(at), parse_user_name(by), act)


def begun(*moves: int) -> list[Step]:
    """Return the steps of a match between anna and ben."""
    steps = [step(1, "anna", Open()), step(2, "ben", Sit())]
    steps += [step(3 + n, "ben" if n % 2 else "anna", Drop(column)) for n, column in enumerate(moves)]
    return steps


def played(*moves: int) -> Match:
    """Return the match after these moves."""
    match = replay(begun(*moves))
    assert match is not None
    return match


def naive_four(cells: dict[Cell, str]) -> bool:
    """Say whether four are in a row, by another way: walk from each disc into each direction."""
    return any(
        all(cells.get((c + right * n, r + up * n)) == colour for n in range(4))
        for (c, r), colour in cells.items()
        for right in (-1, 0, 1)
        for up in (-1, 0, 1)
        if (right, up) != (0, 0)
    )


def test_lines() -> None:
    """There are 69: four cells of the board side by side, each in the same direction."""
    assert len(set(LINES)) == 69
    for line in LINES:
        assert all(0 <= column < COLUMNS and 0 <= row < ROWS for column, row in line)
        directions = {
            (b[0] - a[0], b[1] - a[1]) for a, b in zip(sorted(line), sorted(line)[1:], strict=False)
        }
        assert len(directions) == 1
        assert directions <= {(1, 0), (0, 1), (1, 1), (1, -1)}


@pytest.mark.parametrize(
    ("moves", "won"),
    [
        ("0011223", "row"),
        ("0102030", "column"),
        ("01122323363", "rising"),
        ("65544343303", "falling"),
    ],
)
def test_four_wins(moves: str, won: str) -> None:
    """In a row, a column and both diagonals; not a move before."""
    columns = [int(column) for column in moves]
    assert played(*columns[:-1]).end is None, won
    match = played(*columns)
    assert (match.end, match.winner, match.turn) == (End.FOUR, ANNA, None)
    assert len(four(columns)) == 4


def test_every_match_ends_as_it_should() -> None:
    """Of 80 random matches, each move is judged like the naive rule does, and each end is one."""
    chance, ends = Random(4), set[End]()
    for _ in range(80):
        match = played()
        moves: list[int] = []
        while match.end is None:
            column = chance.choice([c for c in range(COLUMNS) if moves.count(c) < ROWS])
            mover = match.turn
            moves.append(column)
            match = after(match, step(9, str(mover), Drop(column)))
            won = naive_four(dict(discs(moves)))
            assert match.moves == tuple(moves)
            assert (match.end is End.FOUR) == won == bool(four(moves))
            assert match.winner == (mover if won else None)
            assert (match.end is End.FULL) == (not won and len(moves) == COLUMNS * ROWS)
        ends.add(match.end)
    assert End.FOUR in ends


def test_full_board_is_a_draw() -> None:
    """With the last of 42 discs."""
    assert played(*DRAW[:-1]).end is None
    match = played(*DRAW)
    assert (match.end, match.winner, len(discs(match.moves))) == (End.FULL, None, 42)


ILLEGAL = [
    ([], "anna", Sit(), "no match"),
    ([], "anna", Drop(0), "no match"),
    (begun()[:1], "anna", Open(), "going on"),
    (begun()[:1], "anna", Sit(), "already"),
    (begun()[:1], "anna", Drop(0), "No one sits opposite"),
    (begun()[:1], "anna", Claim(), "No one sits opposite"),
    (begun()[:1], "ben", Resign(), "don't play"),
    (begun(), "cleo", Sit(), "Both seats"),
    (begun(), "ben", Open(), "going on"),
    (begun(), "ben", Drop(0), "not your turn"),
    (begun(), "cleo", Drop(0), "don't play"),
    (begun(), "cleo", Resign(), "don't play"),
    (begun(), "cleo", Claim(), "don't play"),
    (begun(), "anna", Claim(), "your own turn"),
    (begun(), "ben", Claim(), "120 more seconds"),
    (begun(0, 0, 0, 0, 0, 0), "anna", Drop(0), "full"),
    *((begun(*map(int, "0011223")), "ben", act, "over") for act in (Sit(), Drop(6), Resign(), Claim())),
]


@pytest.mark.parametrize(("before", "by", "act", "why"), ILLEGAL)
def test_illegal(before: list[Step], by: str, act: Act, why: str) -> None:
    """Each is refused with a sentence."""
    with pytest.raises(IllegalActError, match=why):
        after(replay(before), step(99, by, act))


def test_whose_turn() -> None:
    """Red's and yellow's by turns; no one's before there are two."""
    waiting = replay(begun()[:1])
    assert waiting is not None
    assert waiting.turn is None
    assert [played(*[3] * n).turn for n in range(3)] == [ANNA, BEN, ANNA]


def test_resigning() -> None:
    """The other one wins; a match that no one joined is withdrawn, and the next can begin."""
    for loser, winner in ((ANNA, BEN), (BEN, ANNA)):
        match = after(played(3), step(4, loser, Resign()))
        assert (match.end, match.winner) == (End.RESIGNED, winner)
    match = after(replay(begun()[:1]), step(2, "anna", Resign()))
    assert (match.end, match.winner) == (End.WITHDRAWN, None)
    assert after(match, step(3, "anna", Open())) == Match(begin=Seq(3), at=Millis(0), red=ANNA)


def test_claiming() -> None:
    """Only after the time to move, and only while the other one is to move."""
    match = played(3)
    late = SECONDS_TO_MOVE * 1000
    with pytest.raises(IllegalActError, match="1 more seconds"):
        after(match, step(4, "anna", Claim(), late - 1000))
    match = after(match, step(4, "anna", Claim(), late))
    assert (match.end, match.winner) == (End.TIMEOUT, ANNA)
