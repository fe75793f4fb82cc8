"""Twelve exercises: each can be solved, by an attack that worked, and not by one that did not."""

from pathlib import Path

import pytest

from parlour_lab.exercises.bench import Bench
from parlour_lab.exercises.play import bench_of, exercise, mended, note_solved, overview, solved
from parlour_lab.exercises.solutions import SOLUTIONS
from parlour_lab.exercises.table import EXERCISES
from parlour_lab.rows import RowError, rows
from parlour_lab.source import find_source
from parlour_lab.target import LabServer, prepare

SOURCE = find_source()
_QUICK = {2, 9}
"""Those that each run of the tests plays: one row of ours, and one of a library's."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with people in it."""
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder)
    return folder


@pytest.mark.parametrize(
    "number",
    [
        number if number in _QUICK else pytest.param(number, marks=pytest.mark.long)
        for number in range(1, len(EXERCISES) + 1)
    ],
)
def test_an_exercise_is_solved(number: int, prepared: Path) -> None:
    """The flag is given after the attack, and not before it; the diff has the row's defence."""
    chosen = exercise(number)
    with bench_of(chosen, SOURCE, prepared) as bench:
        assert bench.flag().startswith("Not yet")
        SOLUTIONS[number - 1](bench)
        assert bench.flag().startswith("parlour{")
    assert any(line.startswith("+") for line in mended(chosen, SOURCE).splitlines()[2:])


@pytest.mark.long
def test_no_attack_works_while_the_defences_are_there(prepared: Path, tmp_path: Path) -> None:
    """From a server that lacks nothing nobody gets a flag. The last attack ends the others' sessions."""
    cards = next(one for one in EXERCISES if one.row == "D20")
    server = LabServer(tmp_path, prepared, cards.configuration, as_command=True)
    bench = Bench(server, "parlour{}", ("", "", ""), lambda _: False)
    server.start()
    try:
        for chosen, solve in zip(EXERCISES, SOLUTIONS, strict=True):
            solve(bench)
            assert not chosen.is_solved(bench), chosen.weakness
    finally:
        bench.close()
        server.kill()


def test_progress(tmp_path: Path) -> None:
    """What was solved is kept, and a weakness is told only then."""
    progress = tmp_path / "kept" / "progress.json"
    assert solved(progress) == set()
    assert EXERCISES[2].weakness not in overview(progress)
    note_solved(3, progress)
    note_solved(1, progress)
    assert solved(progress) == {1, 3}
    assert EXERCISES[2].weakness in overview(progress)
    progress.write_text("{}")
    assert solved(progress) == set()


def test_every_exercise_has_a_row_with_a_defence() -> None:
    """Each takes out another one, and has its three hints."""
    table = rows()
    assert len({one.row for one in EXERCISES}) == len(EXERCISES) == len(SOLUTIONS) == 12
    assert all(table[one.row].defences and all(one.hints) for one in EXERCISES)
    with pytest.raises(RowError, match="1 to 12"):
        exercise(13)


def test_the_teachers_sheet_has_them_all() -> None:
    """Each with its row and its weakness."""
    sheet = SOURCE.read("docs/tutorials/exercises.md")
    for number, one in enumerate(EXERCISES, 1):
        assert f"| {number} | {one.row} | {one.weakness} |" in sheet
