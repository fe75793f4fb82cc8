"""Numbers here and at the server: they go back and forth, go up, and what was lost has none at the server."""

from collections.abc import Sequence
from itertools import cycle, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour_client.core.room_log.numbering import PLAIN, DivergenceSearch, Numbering, Piece
from parlour_protocol.kit.ids import Seq

FORKS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30), st.integers(1, 5)), max_size=6)
"""Rollbacks: how much stays of what the server has, how much is said before it, and rows that tell of it."""


def rolled_back(forks: Sequence[tuple[int, int, int]]) -> tuple[Numbering, dict[int, int], int, int]:
    """Play rollbacks one by one: the numbering, each number of the server with its local one, both heads."""
    numbers, there, head, top = PLAIN, {}, 0, 0
    for kept, said, rows in forks:
        for _ in range(said):
            head, top = head + 1, top + 1
            there[head] = top
        shared = min(kept, head)
        top += rows
        numbers = numbers.forked(Seq(shared), Seq(top))
        there = {number: local for number, local in there.items() if number <= shared}
        head = shared
    for _ in range(10):
        head, top = head + 1, top + 1
        there[head] = top
    return numbers, there, head, top


@given(FORKS)
def test_numbers_go_there_and_back(forks: list[tuple[int, int, int]]) -> None:
    """Each number of the server has one here and is found from it; all others here are lost."""
    numbers, there, head, top = rolled_back(forks)
    assert [numbers.to_local(Seq(number)) for number in there] == list(there.values())
    back = {local: number for number, local in there.items()}
    assert [numbers.to_server(Seq(local)) for local in range(1, top + 1)] == [
        back.get(local) for local in range(1, top + 1)
    ]
    assert numbers.to_server(Seq(top)) == head
    assert numbers.to_local(Seq(0)) == 0


@given(FORKS)
def test_numbers_go_up_on_both_sides(forks: list[tuple[int, int, int]]) -> None:
    """What the server says later stands above here; floor and ceiling are its neighbours of any number."""
    numbers, there, head, top = rolled_back(forks)
    locals_ = [numbers.to_local(Seq(number)) for number in range(1, head + 1)]
    assert locals_ == sorted(set(locals_))
    for local in range(top + 1):
        below = [number for number, here in there.items() if here <= local]
        assert numbers.floor(Seq(local)) == max(below, default=0)
        if local:
            above = [number for number, here in there.items() if here >= local]
            assert numbers.ceiling(Seq(local)) == min(above)
    for number in range(head):
        assert numbers.head(Seq(number)) == numbers.to_local(Seq(number + 1)) - 1


@given(FORKS, st.integers(1, 80), st.integers(0, 40))
def test_a_hole_is_what_the_server_could_fill(
    forks: list[tuple[int, int, int]], low: int, length: int
) -> None:
    """A stretch of lost numbers is no hole."""
    numbers, there, _, top = rolled_back(forks)
    high = min(low + length, top)
    if low <= high:
        assert numbers.has_any(low, high) == any(low <= local <= high for local in there.values())


@given(FORKS)
def test_pieces_go_up_one_by_one(forks: list[tuple[int, int, int]]) -> None:
    """Inside of a piece numbers go up together, and pieces cover all numbers of the server."""
    numbers, _, head, _ = rolled_back(forks)
    for number in range(1, head + 1):
        start, end = numbers.piece_start(Seq(number)), numbers.piece_end(Seq(number)) or Seq(head)
        assert start <= number <= end
        assert numbers.to_local(end) - numbers.to_local(start) == end - start


def test_what_is_no_order_is_refused() -> None:
    """A numbering that goes down, or begins in the middle, cannot be made."""
    for pieces in ((), (Piece(Seq(2), Seq(2)),), (Piece(Seq(1), Seq(9)), Piece(Seq(3), Seq(5)))):
        with pytest.raises(ValueError, match="numbering"):
            Numbering(pieces)


@given(st.sets(st.integers(1, 3_000), min_size=1, max_size=300), st.integers(0, 3_000), st.integers(1, 200))
def test_the_fork_is_found_in_a_few_pages(here: set[int], shared: int, page: int) -> None:
    """The first event here that differs decides, whatever is missing here, and however short pages are."""
    known = sorted(Seq(number) for number in here)
    search, pages = DivergenceSearch(known, page), 0
    while (end := search.ask) is not None:
        begin = max(1, end - page + 1)
        search.take(begin, [n <= shared if n in here else None for n in range(begin, end + 1)])
        pages += 1
    assert search.shared == max((number for number in known if number <= shared), default=0)
    assert pages <= 20


ANSWERS = st.lists(st.lists(st.sampled_from([True, False, None]), max_size=5), min_size=1, max_size=8)


@given(ANSWERS)
def test_a_server_that_contradicts_itself_ends_the_search(answers: list[list[bool | None]]) -> None:
    """Whatever a page says, the search comes to its end or refuses the page."""
    search = DivergenceSearch([Seq(number) for number in range(1, 101)], 4)
    for answer in islice(cycle(answers), 200):
        if (end := search.ask) is None:
            break
        search.take(max(1, end - len(answer)), [*answer[-end + 1 :], True] if end > 1 else [True])
    assert search.ask is None
    assert 0 <= search.shared <= 100


def test_a_page_without_what_was_asked_for_is_refused() -> None:
    """A server cannot hold the search for ever."""
    search = DivergenceSearch([Seq(number) for number in range(1, 101)], 50)
    with pytest.raises(ValueError, match="asked"):
        search.take(1, [True] * 50)
    with pytest.raises(ValueError, match="asked"):
        search.take(100, [None])


def test_what_was_lost_is_the_servers_again() -> None:
    """R40: under the numbers that it has here; what comes behind it goes above everything."""
    numbers = Numbering().forked(Seq(5), Seq(9))  # 6 to 8 are lost, 9 is the row that says so
    back = numbers.resumed(Seq(5), Seq(6)).forked(Seq(8), numbers.head(Seq(5)))
    assert [back.to_local(Seq(number)) for number in (5, 6, 8, 9, 10)] == [5, 6, 8, 10, 11]
    assert back.to_server(Seq(9)) is None
    twice = numbers.forked(Seq(5), Seq(14))  # 10 to 13 are of another history
    back = twice.resumed(Seq(5), Seq(10)).forked(Seq(9), twice.head(Seq(5)))
    assert [back.to_local(Seq(number)) for number in (5, 6, 9, 10)] == [5, 10, 13, 15]
    first = Numbering().forked(Seq(0), Seq(3))
    assert first.resumed(Seq(0), Seq(2)).to_local(Seq(1)) == 2
